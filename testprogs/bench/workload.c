/* workload: small patterns of pipes, sockets and what stands beside them, for timing. Each prints one number: the
   nanoseconds of one unit. The programs are told how much to do, so that a slow way of running them can be given less.

   self N                a byte into an own pipe and out again; unit: both calls
   pingpong N            a byte to another process over one pipe and back over a second; unit: the round
   sockpong N            the same over a stream socketpair
   epollpong N           the same over non-blocking ends, each waited for by epoll
   stream BYTES BLOCK    BYTES to another process in blocks; unit: a MiB
   fan PIPES N           a byte through each of PIPES pipes, N times round; unit: both calls
   crowd N READERS       pingpong, while READERS processes wait at a pipe into which nothing comes; unit: the round
   watch PIPES N         an event of one of PIPES pipes that one epoll watches: write, epoll_wait, read; unit: the event
   file N                64 bytes of an ordinary file, in a process that has no pipe; unit: the call
   filepipe N            the same in a process that has used a pipe
   forks N               a child that ends at once; unit: the child
   exchange N NS         pingpong, with NS nanoseconds of computing on each side before each byte; unit: the round
   compute N             two processes that only compute, N million steps each, beside an open pipe; unit: a million steps
   memory PIPES N        PIPES empty pipes, then N times self; prints the peak memory of the tracer in KiB after the pipes,
                         after a tenth of the calls, and after all of them (0 0 0 when there is no tracer) */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
	perror(what);
	exit(1);
}

static int64_t clock_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int say(int64_t began, double units) {
	printf("%.1f\n", (clock_ns() - began) / units);
	return 0;
}

static void put(int fd) {
	if (write(fd, "p", 1) != 1) die("write");
}

static void take(int fd) {
	char c;
	if (read(fd, &c, 1) != 1) die("read");
}

static void make_pipe(int fd[2]) {
	if (pipe(fd)) die("pipe");
}

static void make_pair(int fd[2]) {
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) die("socketpair");
}

static pid_t start(void) {
	pid_t p = fork();
	if (p < 0) die("fork");
	return p;
}

static void finished(pid_t p) {
	int how;
	if (waitpid(p, &how, 0) != p || how) {
		fprintf(stderr, "a child failed\n");
		exit(1);
	}
}

static void work(int64_t ns) {
	for (int64_t until = clock_ns() + ns; ns && clock_ns() < until;) {}
}

/* A link is one side of a connection of two processes. */
struct link { int in, out, poll; };

static void one_way(struct link *l) {
	if (l->poll < 0) { take(l->in); return; }
	char c;
	for (;;) {
		ssize_t n = read(l->in, &c, 1);
		if (n == 1) return;
		if (n == 0 || errno != EAGAIN) die("read");
		struct epoll_event e;
		if (epoll_wait(l->poll, &e, 1, -1) < 0) die("epoll_wait");
	}
}

static void watch(struct link *l) {
	struct epoll_event e = {.events = EPOLLIN};
	fcntl(l->in, F_SETFL, fcntl(l->in, F_GETFL) | O_NONBLOCK);
	l->poll = epoll_create1(0);
	if (l->poll < 0 || epoll_ctl(l->poll, EPOLL_CTL_ADD, l->in, &e)) die("epoll");
}

static int rounds(long n, int socket, int polled, int64_t busy) {
	int there[2], back[2];
	struct link us, them;
	if (socket) {
		make_pair(there);
		us = (struct link){there[0], there[0], -1};
		them = (struct link){there[1], there[1], -1};
	} else {
		make_pipe(there);
		make_pipe(back);
		us = (struct link){back[0], there[1], -1};
		them = (struct link){there[0], back[1], -1};
	}
	long warm = n / 10 + 1;
	pid_t p = start();
	struct link *me = p ? &us : &them;
	if (polled) watch(me);
	if (!p) {
		for (long i = 0; i < n + warm; i++) {
			one_way(me);
			work(busy);
			put(me->out);
		}
		_exit(0);
	}
	int64_t began = 0;
	for (long i = 0; i < n + warm; i++) {
		if (i == warm) began = clock_ns();
		work(busy);
		put(me->out);
		one_way(me);
	}
	say(began, n);
	finished(p);
	return 0;
}

static int self(long n) {
	int fd[2];
	make_pipe(fd);
	int64_t began = clock_ns();
	for (long i = 0; i < n; i++) {
		put(fd[1]);
		take(fd[0]);
	}
	return say(began, n);
}

static int stream(long bytes, long block) {
	int fd[2];
	char *b = malloc(block);
	memset(b, 's', block);
	make_pipe(fd);
	pid_t p = start();
	if (!p) {
		close(fd[1]);
		for (ssize_t n; (n = read(fd[0], b, block)) > 0;) bytes -= n;
		_exit(bytes != 0);
	}
	close(fd[0]);
	int64_t began = clock_ns();
	for (long left = bytes; left > 0;) {
		ssize_t n = write(fd[1], b, left < block ? left : block);
		if (n <= 0) die("write");
		left -= n;
	}
	close(fd[1]);
	finished(p);
	return say(began, bytes / 1048576.0);
}

static void allow_files(long n) {
	struct rlimit r;
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	if (r.rlim_max < (rlim_t)n || setrlimit(RLIMIT_NOFILE, &r)) die("not enough descriptors");
}

static int (*many(long n))[2] {
	int (*fd)[2] = calloc(n, sizeof *fd);
	allow_files(2 * n + 20);
	for (long i = 0; i < n; i++) make_pipe(fd[i]);
	return fd;
}

static int fan(long pipes, long n) {
	int (*fd)[2] = many(pipes);
	int64_t began = clock_ns();
	for (long i = 0; i < n; i++)
		for (long k = 0; k < pipes; k++) {
			put(fd[k][1]);
			take(fd[k][0]);
		}
	return say(began, (double)pipes * n);
}

static int watched(long pipes, long n) {
	int (*fd)[2] = many(pipes), ep = epoll_create1(0);
	for (long i = 0; i < pipes; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd[i][0]};
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd[i][0], &e)) die("epoll_ctl");
	}
	int64_t began = clock_ns();
	for (long i = 0; i < n; i++) {
		struct epoll_event e;
		put(fd[pipes / 2][1]);
		if (epoll_wait(ep, &e, 1, -1) != 1) die("epoll_wait");
		take(e.data.fd);
	}
	return say(began, n);
}

static int crowd(long n, long readers) {
	int gate[2], ready[2];
	make_pipe(gate);
	make_pipe(ready);
	pid_t *all = calloc(readers + 1, sizeof *all);
	for (long i = 0; i < readers; i++) {
		all[i] = start();
		if (!all[i]) {
			char c;
			close(gate[1]);
			put(ready[1]);
			_exit(read(gate[0], &c, 1) != 0);
		}
		take(ready[0]);
	}
	rounds(n, 0, 0, 0);
	fflush(stdout);
	close(gate[1]);
	for (long i = 0; i < readers; i++) finished(all[i]);
	return 0;
}

static int file(long n, int beside) {
	char name[] = "/tmp/workload-XXXXXX", b[64] = {0};
	int fd = mkstemp(name), p[2];
	if (fd < 0 || unlink(name) || write(fd, b, sizeof b) != sizeof b) die("file");
	if (beside) {
		make_pipe(p);
		put(p[1]);
		take(p[0]);
	}
	int64_t began = clock_ns();
	for (long i = 0; i < n; i++)
		if (pread(fd, b, sizeof b, 0) != sizeof b) die("pread");
	return say(began, n);
}

static int forks(long n) {
	int64_t began = clock_ns();
	for (long i = 0; i < n; i++) {
		pid_t p = start();
		if (!p) _exit(0);
		finished(p);
	}
	return say(began, n);
}

static void steps(long n) {
	volatile uint64_t x = 1;
	for (long i = 0; i < n * 1000000; i++) x = x * 6364136223846793005u + 1;
}

static int compute(long n) {
	int fd[2];
	make_pipe(fd);
	put(fd[1]);
	take(fd[0]);
	int64_t began = clock_ns();
	pid_t p = start();
	steps(n);
	if (!p) _exit(0);
	finished(p);
	return say(began, n);
}

/* number reads a field of a status file in /proc. */
static long number(long pid, const char *field) {
	char name[64], line[200];
	long v = 0;
	snprintf(name, sizeof name, "/proc/%ld/status", pid);
	FILE *f = fopen(name, "r");
	if (!f) return 0;
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field))) v = atol(line + strlen(field));
	fclose(f);
	return v;
}

static int memory(long pipes, long n) {
	int (*fd)[2] = many(pipes);
	long tracer = number(getpid(), "TracerPid:");
	printf("%ld", tracer ? number(tracer, "VmHWM:") : 0);
	for (long i = 0; i < n; i++) {
		if (i == n / 10) printf(" %ld", tracer ? number(tracer, "VmHWM:") : 0);
		put(fd[i % pipes][1]);
		take(fd[i % pipes][0]);
	}
	printf(" %ld\n", tracer ? number(tracer, "VmHWM:") : 0);
	return 0;
}

int main(int argc, char **argv) {
	const char *what = argc > 2 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0, m = argc > 3 ? atol(argv[3]) : 0;
	if (!strcmp(what, "self")) return self(n);
	if (!strcmp(what, "pingpong")) return rounds(n, 0, 0, 0);
	if (!strcmp(what, "sockpong")) return rounds(n, 1, 0, 0);
	if (!strcmp(what, "epollpong")) return rounds(n, 1, 1, 0);
	if (!strcmp(what, "exchange")) return rounds(n, 0, 0, m);
	if (!strcmp(what, "stream")) return stream(n, m);
	if (!strcmp(what, "fan")) return fan(n, m);
	if (!strcmp(what, "watch")) return watched(n, m);
	if (!strcmp(what, "crowd")) return crowd(n, m);
	if (!strcmp(what, "file")) return file(n, 0);
	if (!strcmp(what, "filepipe")) return file(n, 1);
	if (!strcmp(what, "forks")) return forks(n);
	if (!strcmp(what, "compute")) return compute(n);
	if (!strcmp(what, "memory")) return memory(n, m);
	fprintf(stderr, "usage: workload WHAT N [M]; what there is stands in the source\n");
	return 2;
}
