/* run.h: what the parts of the runner share. One process, the conductor, reads programs and hands their steps, one at
   a time, to actors, which are processes and threads. Both sides talk through shared memory and futexes, never
   through anything that is under test. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { ACTORS = 6, SLOTS = 24, WORDS = 16, TEXT = 8192 };
enum {
#define OP(name, args) OP_##name,
#include "ops.h"
#undef OP
	OPS
};

/* Flags of a step. Two answers of the kernel can both be right when a call has several effects that a sleeper may
   see one by one; such steps are skipped, natively too, when there is such a sleeper. */
enum {
	TIMED = 1, /* has a time limit of its own: asleep for a while does not mean blocked */
	MULTI = 2, /* several effects: not beside somebody who waits for several things */
	BIG = 4,   /* moves bytes in several goes: not beside anybody who sleeps */
	WAITS = 8, /* waits for several things */
};

/* A step: w[0] is operation | actor<<8 | flags<<16, w[1..14] are arguments, w[15] is a key, 16 bits, and a set of
   objects. Of steps with one key only one may sleep, since the kernel lets their sleepers race; and nobody sleeps to
   take from an object beside somebody who waits for it. */
typedef struct { int64_t w[WORDS]; } step;

typedef struct {
	_Atomic int turn;    /* the conductor adds one to start a step */
	_Atomic int done;    /* follows turn */
	_Atomic int ready;   /* the actor's loop runs */
	_Atomic int entered; /* in the step's system call */
	_Atomic unsigned sigs[4];
	int tid, proc, index;
	step s;
	int len;
	char text[TEXT];
} actor;

typedef struct {
	_Atomic int bell; /* an actor is done */
	actor a[ACTORS];
	int slot[ACTORS][SLOTS]; /* of each process, by the actor that is its first thread */
} world;

extern world *W;
extern __thread int me;
extern char *self, *shared_path;

void fail(const char *what);
long futex(_Atomic int *word, int op, int val, const struct timespec *limit);
void conduct(const char *programs, const char *out);
void attach(const char *path);
void act(int who); /* the loop of an actor: does not return */
void arenas(void);
void perform(const step *s);

/* say adds to the result line of the step at hand. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* result says what a call returned, and returns it. */
long result(long r);

/* memory.c */
enum { PAGE = 4096, ROOM = 1 << 20, IOVS = 4 };
void *buffer(int64_t word, int i, size_t *len);
void *odd(int64_t kind, void *good); /* a bad address instead of a good one */
void fill(int64_t word, int i, unsigned seed);
void canary(int64_t word, int i);
void renew(void);
void saybytes(int64_t word, int i, size_t n);
void sayiov(const int64_t *words, int n, size_t got);

/* fds */
int fdof(int64_t name); /* as a call wants it */
int *slotof(int64_t name);

/* calls of a kind */
void do_messages(const step *s);
void do_waits(const step *s);
void do_tasks(const step *s);
void do_descriptors(const step *s);
struct iovec *iovecs(const int64_t *words, int64_t ptr);
