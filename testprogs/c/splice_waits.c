/* splice, tee and vmsplice that wait: for bytes, then for room, with signals, ends that go, and many at once. */
#include "t.h"
#include <sys/epoll.h>
#include <sys/time.h>

static char b[1 << 17], z[1 << 17];

static long held(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }

static int got;
static void handler(int sig) { got++; (void)sig; }

static void on(int sig, int flags) {
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
	MUST(sigaction(sig, &a, NULL));
}

static void soon(void) {
	struct itimerval it = {.it_value.tv_usec = 30000};
	MUST(setitimer(ITIMER_REAL, &it, NULL));
}

/* later does something in a child once the parent sleeps, step by step. */
#define LATER(...) ({ pid_t k_ = MUST(fork()); if (!k_) { pid_t me = getppid(); (void)me; __VA_ARGS__; _exit(0); } k_; })
#define NEXT nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); blocked(me)

static void waits(void) {
	int p[2], q[2];
	MUST(pipe(p));
	MUST(pipe(q));
	on(SIGALRM, 0);
	soon();
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	soon();
	DO(tee(p[0], q[1], 10, 0));
	soon();
	DO(vmsplice(p[0], &(struct iovec){z, 10}, 1, 0));
	nonblocking(q[1], 1);
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	fill(q[1], 4096);
	nonblocking(q[1], 0);
	MUST(write(p[1], "abc", 3));
	soon();
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	soon();
	DO(tee(p[0], q[1], 10, 0));
	nonblocking(q[1], 1);
	soon();
	DO(vmsplice(q[1], &(struct iovec){b, 10}, 1, 0)); /* O_NONBLOCK means nothing to it */
	DO(vmsplice(q[1], &(struct iovec){b, 10}, 1, SPLICE_F_NONBLOCK));
	nonblocking(q[1], 0);
	DO(held(p[0]));
	DO(read(p[0], z, 10));

	/* first for bytes, then for room, with a handler in between */
	on(SIGALRM, SA_RESTART);
	pid_t k = LATER(blocked(me); kill(me, SIGALRM); NEXT; MUST(write(p[1], "hello", 5)); NEXT; kill(me, SIGALRM); NEXT; MUST(read(q[0], z, 4096)));
	got = 0;
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	DO(got);
	reap("helper", k);
	MUST(write(p[1], "x", 1));
	k = LATER(blocked(me); MUST(read(q[0], z, 5000)));
	DO(tee(p[0], q[1], 10, 0));
	reap("helper", k);
	DO(held(p[0]));
	k = LATER(blocked(me); MUST(read(q[0], z, 8192)));
	struct iovec v = {b + 1, 20000};
	fill((nonblocking(q[1], 1), q[1]), 4096);
	DO(vmsplice(q[1], &v, 1, 0)); /* what fits, once there is room */
	reap("helper", k);
	DO(read(p[0], z, 1));

	/* the ends go */
	on(SIGPIPE, 0);
	k = LATER(close(p[0]); blocked(me); _exit(0));
	close(p[1]);
	DO(splice(p[0], NULL, q[1], NULL, 10, SPLICE_F_NONBLOCK));
	reap("helper", k);
	nonblocking(q[0], 1);
	drain(q[0]);
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	DO(tee(p[0], q[1], 10, 0));
	DO(vmsplice(p[0], &v, 1, 0));
	close(p[0]);
	MUST(pipe(p));
	k = LATER(close(p[0]); blocked(me); close(p[1]));
	close(p[1]);
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	reap("helper", k);
	close(p[0]);
	MUST(pipe(p));
	MUST(write(p[1], "abc", 3));
	fill(q[1], 4096);
	nonblocking(q[1], 0);
	k = LATER(close(q[1]); blocked(me));
	close(q[0]);
	got = 0;
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	DO(got);
	reap("helper", k);
	DO(splice(p[0], NULL, q[1], NULL, 10, 0));
	DO(tee(p[0], q[1], 10, 0));
	DO(vmsplice(q[1], &v, 1, 0));
	DO(got);
	DO(held(p[0]));
	close(p[0]), close(p[1]), close(q[1]);
}

static void pages(void) {
	puts("-- pages");
	int p[2];
	MUST(pipe2(p, O_NONBLOCK));
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(mprotect(m + 8192, 4096, PROT_NONE));
	struct iovec v[3] = {{m + 100, 12000}, {m, 10}};
	DO(vmsplice(p[1], v, 2, 0));
	DO(held(p[0]));
	v[0].iov_base = m + 8200;
	DO(vmsplice(p[1], v, 2, 0));
	DO(vmsplice(p[1], (struct iovec *)8, 2, 0));
	DO(vmsplice(p[1], v, 0, 0));
	DO(vmsplice(p[1], v, 1025, 0));
	v[0].iov_len = -1;
	DO(vmsplice(p[1], v, 1, 0));
	v[0].iov_len = 0;
	DO(vmsplice(p[1], v, 1, 0));
	DO(vmsplice(p[1], v, 2, 0));
	v[0] = (struct iovec){m + 4096, 8192};
	DO(held(p[0]));
	DO(vmsplice(p[0], v, 1, 0)); /* a slot goes whole or stays */
	DO(held(p[0]));
	DO(vmsplice(p[0], v, 1, 0));
	v[0] = (struct iovec){m + 8000, 8192};
	MUST(write(p[1], b, 5000));
	DO(vmsplice(p[0], v, 1, 0));
	DO(held(p[0]));
	DO(vmsplice(p[0], v, 1, SPLICE_F_GIFT | SPLICE_F_MORE | SPLICE_F_MOVE));
	v[0] = (struct iovec){m + 8192, 8192};
	DO(vmsplice(p[0], v, 1, 0));
	DO(vmsplice(0x7fffffff, v, 1, 0));
	/* RWF_NOWAIT is gone after a splice */
	v[0] = (struct iovec){m, 10};
	DO(preadv2(p[0], v, 1, -1, RWF_NOWAIT));
	DO(pwritev2(p[1], v, 1, -1, RWF_NOWAIT));
	close(p[0]), close(p[1]);
	MUST(pipe2(p, O_NONBLOCK));
	DO(preadv2(p[0], v, 1, -1, RWF_NOWAIT));
	DO(pwritev2(p[1], v, 1, -1, RWF_NOWAIT));
	close(p[0]), close(p[1]);
	munmap(m, 3 * 4096);
}

static void packets(void) {
	puts("-- packets");
	int p[2], q[2];
	MUST(pipe2(p, O_NONBLOCK | O_DIRECT));
	MUST(pipe2(q, O_NONBLOCK));
	for (int i = 0; i < 3; i++) MUST(write(p[1], b, 100));
	DO(splice(p[0], NULL, q[1], NULL, 150, 0)); /* a packet and a half, packets both */
	DO(tee(p[0], q[1], 60, 0));
	MUST(write(q[1], b, 10));
	for (int i = 0; i < 5; i++) DO(read(q[0], z, 1000));
	DO(vmsplice(p[0], &(struct iovec){z, 60}, 1, 0));
	DO(read(p[0], z, 1000));
	DO(read(p[0], z, 1000));
	close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void events(void) {
	puts("-- events");
	int p[2], q[2], e = MUST(epoll_create1(0));
	MUST(pipe2(p, O_NONBLOCK));
	MUST(pipe2(q, O_NONBLOCK));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u32 = 1}, got[4];
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, q[0], &ev));
	ev = (struct epoll_event){.events = EPOLLOUT | EPOLLET, .data.u32 = 2};
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, p[1], &ev));
	DO(epoll_wait(e, got, 4, 0));
	MUST(write(p[1], b, 9000));
	DO(epoll_wait(e, got, 4, 0));
	DO(splice(p[0], NULL, q[1], NULL, 100, 0));
	DO(epoll_wait(e, got, 4, 0)); /* no slot became free */
	DO(got[0].data.u32);
	DO(splice(p[0], NULL, q[1], NULL, 5000, 0));
	DO(epoll_wait(e, got, 4, 0));
	DO(tee(p[0], q[1], 5000, 0));
	DO(epoll_wait(e, got, 4, 0));
	DO(vmsplice(q[1], &(struct iovec){b, 10}, 1, 0));
	DO(epoll_wait(e, got, 4, 0));
	DO(vmsplice(p[0], &(struct iovec){z, 10000}, 1, 0));
	DO(epoll_wait(e, got, 4, 0));
	DO(got[0].data.u32);
	close(e), close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void *mover(void *arg) {
	int *fd = arg;
	while (splice(fd[0], NULL, fd[1], NULL, 3000, 0) > 0)
		;
	close(fd[1]);
	return NULL;
}

static void chain(void) {
	puts("-- chain");
	enum { N = 8 };
	int p[N + 1][2], ends[N][2];
	pthread_t t[N];
	for (int i = 0; i <= N; i++) MUST(pipe(p[i]));
	for (int i = 0; i < N; i++) {
		ends[i][0] = p[i][0], ends[i][1] = p[i + 1][1];
		if (i % 2) MUST(fcntl(p[i][0], F_SETPIPE_SZ, 4096));
		t[i] = thread(mover, ends[i]);
	}
	pid_t k = MUST(fork());
	if (!k) {
		for (int i = 0; i <= N; i++) {
			close(p[i][0]);
			if (i) close(p[i][1]);
		}
		for (long at = 0; at < 300000; at += 777) {
			for (int i = 0; i < 777; i++) b[i] = (at + i) % 251;
			MUST(write(p[0][1], b, 777));
		}
		_exit(0);
	}
	close(p[0][1]);
	long all = 0, bad = 0;
	for (ssize_t n; (n = read(p[N][0], z, 10000)) > 0; all += n)
		for (long i = 0; i < n; i++) bad += z[i] != (char)((all + i) % 251);
	printf("all %ld, bad %ld\n", all, bad);
	for (int i = 0; i < N; i++) pthread_join(t[i], NULL), close(p[i][0]);
	close(p[N][0]);
	reap("writer", k);
}

int main(void) {
	for (unsigned i = 0; i < sizeof b; i++) b[i] = i * 7 + i / 4096;
	waits();
	pages();
	packets();
	events();
	chain();
	return 0;
}
