/* actor.c: the loop of a process or thread that makes the calls. */
#include "run.h"

world *W;
__thread int me;
char *self, *shared_path;

void fail(const char *what) {
	fprintf(stderr, "runner: %s: %s\n", what, strerror(errno));
	_exit(99);
}

long futex(_Atomic int *word, int op, int val, const struct timespec *limit) {
	return syscall(SYS_futex, word, op, val, limit, NULL, 0);
}

void say(const char *format, ...) {
	actor *a = &W->a[me];
	va_list v;
	va_start(v, format);
	if (a->len < TEXT - 1) {
		a->len += vsnprintf(a->text + a->len, TEXT - a->len, format, v);
		if (a->len > TEXT - 1) a->len = TEXT - 1;
	}
	va_end(v);
}

long result(long r) {
	int e = errno;
	if (r < 0) say(" -1 %s", strerrorname_np(e));
	else say(" %ld", r);
	return r;
}

static const int signals[4] = {SIGPIPE, SIGUSR1, SIGUSR2, SIGIO};

static void count(int sig) {
	for (int i = 0; i < 4; i++)
		if (signals[i] == sig) W->a[me].sigs[i]++;
}

void attach(const char *path) {
	shared_path = strdup(path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) fail(path);
	W = mmap(NULL, sizeof *W, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (W == MAP_FAILED) fail("mmap");
	close(fd);
	arenas();
	/* SIGUSR1 interrupts calls for good, the others let them restart. */
	for (int i = 0; i < 4; i++) {
		struct sigaction s = {.sa_handler = count, .sa_flags = signals[i] == SIGUSR1 ? 0 : SA_RESTART};
		sigaction(signals[i], &s, NULL);
	}
}

int *slotof(int64_t name) { return &W->slot[W->a[me].proc][(uint64_t)name % SLOTS]; }

int fdof(int64_t name) {
	if (name == 100) return -1;
	if (name == 101) return 9999;
	if (name == 102) return 0;
	return *slotof(name);
}

void perform(const step *s) {
	switch (s->w[0] & 255) {
	case OP_poll: case OP_select: case OP_epoll_ctl: case OP_epoll_wait: do_waits(s); break;
	case OP_fork: case OP_thread: case OP_exec: case OP_kill: do_tasks(s); break;
	case OP_pipe2: case OP_socketpair: case OP_eventfd2: case OP_epoll_create1: case OP_close: case OP_dup: case OP_dup2:
	case OP_dup3: case OP_dupfd: case OP_close_range: case OP_fcntl: case OP_ioctl: case OP_setsockopt: case OP_getsockopt:
	case OP_shutdown: case OP_other: case OP_state: do_descriptors(s); break;
	default: do_messages(s);
	}
}

void act(int who) {
	me = who;
	actor *a = &W->a[me];
	a->tid = gettid();
	int seen = a->done;
	if (a->turn != seen) { /* exec: the step is not answered yet */
		say(" went on");
		goto answer;
	}
	a->ready = 1;
	W->bell++;
	futex(&W->bell, FUTEX_WAKE, 1, NULL);
	for (;;) {
		while (a->turn == seen) futex(&a->turn, FUTEX_WAIT, seen, NULL);
		if ((a->s.w[0] & 255) == OP_exit) {
			/* The whole process, unless this is a thread beside its first. */
			if (a->proc == me) _exit(0);
			a->ready = 0;
			syscall(SYS_exit, 0);
		}
		a->entered = 1;
		perform(&a->s);
		a->entered = 0;
	answer:
		seen = a->turn;
		a->done = seen;
		W->bell++;
		futex(&W->bell, FUTEX_WAKE, 1, NULL);
	}
}

/* runner PROGRAMS OUT SHARED, or, in a process that was an actor before exec: runner actor SHARED N. */
int main(int argc, char **argv) {
	self = "/proc/self/exe";
	if (argc == 4 && !strcmp(argv[1], "actor")) {
		attach(argv[2]);
		act(atoi(argv[3]));
	}
	if (argc != 4) return 2;
	int fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(world))) fail(argv[3]);
	close(fd);
	attach(argv[3]);
	conduct(argv[1], argv[2]);
	return 0;
}
