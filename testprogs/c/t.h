/* t.h: what every test program uses. A program prints only what is the same on every run: results, names of
   errors, counts; no process ids, no addresses, no times. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor, unused)) static void lines(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

/* DO makes a call and prints its own text with the result. */
#define DO(e) did(#e, (errno = 0, (long)(e)))
__attribute__((unused)) static long did(const char *what, long r) {
	int e = errno;
	if (r < 0) printf("%s = %s\n", what, strerrorname_np(e));
	else printf("%s = %ld\n", what, r);
	errno = e;
	return r;
}

/* MUST is for what the test stands on and does not test. */
#define MUST(e) must(#e, (long)(e))
__attribute__((unused)) static long must(const char *what, long r) {
	if (r < 0) { printf("cannot go on: %s: %s\n", what, strerrorname_np(errno)); exit(99); }
	return r;
}

/* THREAD starts f; JOIN waits for it. */
__attribute__((unused)) static pthread_t thread(void *(*f)(void *), void *arg) {
	pthread_t t;
	int e = pthread_create(&t, NULL, f, arg);
	if (e) { printf("cannot go on: pthread_create: %s\n", strerrorname_np(e)); exit(99); }
	return t;
}

/* reap prints how a child ended. */
__attribute__((unused)) static void reap(const char *who, pid_t p) {
	int st;
	MUST(waitpid(p, &st, 0));
	if (WIFEXITED(st)) printf("%s: exit %d\n", who, WEXITSTATUS(st));
	else printf("%s: signal %d\n", who, WTERMSIG(st));
}

/* state is the letter of a task in /proc, '?' when it is gone. */
__attribute__((unused)) static char state(pid_t tid) {
	char name[64], text[512], *end;
	snprintf(name, sizeof name, "/proc/%d/stat", tid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return '?';
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0) return '?';
	text[n] = 0;
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

/* blocked waits until a task has slept (or stood in a stop) for 40 looks in a row: nothing but the call it is in
   can tell that it will not go on by itself. */
__attribute__((unused)) static void blocked(pid_t tid) {
	for (int quiet = 0; quiet < 40;) {
		char c = state(tid);
		quiet = c == 'S' || c == 't' || c == 'T' ? quiet + 1 : 0;
		if (c == '?') return;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* fill writes to a non-blocking descriptor until it is full and returns the bytes taken. */
__attribute__((unused)) static long fill(int fd, size_t block) {
	char *b = calloc(1, block);
	long all = 0;
	for (;;) {
		ssize_t n = write(fd, b, block);
		if (n < 0) break;
		all += n;
	}
	free(b);
	return all;
}

/* drain reads a non-blocking descriptor until nothing comes and returns the bytes read. */
__attribute__((unused)) static long drain(int fd) {
	char b[8192];
	long all = 0;
	for (;;) {
		ssize_t n = read(fd, b, sizeof b);
		if (n <= 0) break;
		all += n;
	}
	return all;
}

__attribute__((unused)) static void nonblocking(int fd, int on) {
	int fl = MUST(fcntl(fd, F_GETFL));
	MUST(fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK));
}
