/* epoll on pipes and socketpairs: level, edge, one shot, order, duplicates, nesting. */
#include "t.h"
#include <sys/epoll.h>

static int add(int ep, int op, int fd, unsigned events, long tag) {
	struct epoll_event e = {.events = events, .data.u64 = tag};
	return epoll_ctl(ep, op, fd, &e);
}

static void take(const char *what, int ep, int max, int timeout) {
	struct epoll_event e[16];
	errno = 0;
	int n = epoll_wait(ep, e, max, timeout);
	printf("  %s: %d %s", what, n, n < 0 ? strerrorname_np(errno) : "");
	for (int i = 0; i < n; i++) printf(" %ld:%x", (long)e[i].data.u64, e[i].events);
	printf("\n");
}

static void edges(int kind) {
	int f[2];
	char b[4096];
	int ep = MUST(epoll_create1(EPOLL_CLOEXEC));
	if (kind) MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f));
	else MUST(pipe2(f, O_NONBLOCK));
	printf("edges of a %s\n", kind ? "pair" : "pipe");
	DO(add(ep, EPOLL_CTL_ADD, f[0], EPOLLIN | EPOLLET | EPOLLRDHUP, 1));
	DO(add(ep, EPOLL_CTL_ADD, f[1], EPOLLOUT | EPOLLET, 2));
	take("new", ep, 16, 0);
	take("again", ep, 16, 0);
	MUST(write(f[1], "a", 1));
	take("written", ep, 16, 0);
	MUST(write(f[1], "b", 1));
	take("written more", ep, 16, 0);
	take("again", ep, 16, 0);
	MUST(read(f[0], b, 1));
	take("read one", ep, 16, 0);
	MUST(read(f[0], b, 1));
	take("read two", ep, 16, 0);
	fill(f[1], 4096);
	take("full", ep, 16, 0);
	MUST(read(f[0], b, 10));
	take("ten out", ep, 16, 0);
	drain(f[0]);
	take("drained", ep, 16, 0);
	DO(add(ep, EPOLL_CTL_MOD, f[1], EPOLLOUT | EPOLLET, 2));
	take("armed anew", ep, 16, 0);
	close(f[1]);
	take("writer gone", ep, 16, 0);
	take("again", ep, 16, 0);
	close(f[0]);
	take("all gone", ep, 16, 0);
	close(ep);
}

int main(void) {
	int p[2], q[2], s[2];
	char b[100];
	int ep = DO(epoll_create1(0));
	MUST(pipe(p));
	MUST(pipe(q));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	DO(add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 10));
	DO(add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 10));
	DO(add(ep, EPOLL_CTL_MOD, q[0], EPOLLIN, 20));
	DO(add(ep, EPOLL_CTL_DEL, q[0], 0, 0));
	DO(add(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 0));
	DO(add(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	DO(add(p[0], EPOLL_CTL_ADD, q[0], EPOLLIN, 0));
	DO(add(ep, 9, q[0], EPOLLIN, 0));
	DO(epoll_ctl(ep, EPOLL_CTL_ADD, q[0], (void *)8));
	DO(add(ep, EPOLL_CTL_ADD, q[0], EPOLLIN, 20));
	DO(add(ep, EPOLL_CTL_ADD, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP, 30));
	DO(add(ep, EPOLL_CTL_ADD, s[1], EPOLLIN, 31));
	take("new", ep, 16, 0);
	DO(epoll_wait(ep, (void *)b, 0, 0));
	DO(epoll_wait(ep, (void *)8, 1, 0));
	DO(epoll_wait(p[0], (void *)b, 1, 0));
	DO(epoll_wait(99, (void *)b, 1, 0));
	MUST(write(q[1], "q", 1));
	MUST(write(p[1], "p", 1));
	MUST(write(s[0], "s", 1));
	take("all", ep, 16, 0);
	take("one", ep, 1, 0);
	take("one", ep, 1, 0);
	take("one", ep, 1, 0);
	take("one", ep, 1, 0);
	take("one", ep, 1, 0);
	DO(add(ep, EPOLL_CTL_MOD, q[0], EPOLLIN | EPOLLONESHOT, 21));
	DO(add(ep, EPOLL_CTL_MOD, s[0], EPOLLIN, 30));
	take("shot", ep, 16, 0);
	take("spent", ep, 16, 0);
	DO(add(ep, EPOLL_CTL_MOD, q[0], EPOLLIN | EPOLLONESHOT, 22));
	take("loaded", ep, 16, 0);
	DO(add(ep, EPOLL_CTL_DEL, s[1], 0, 0));
	MUST(read(p[0], b, 1));
	take("none", ep, 16, 10);

	/* interest belongs to number and file: it stays while a duplicate lives */
	int d = MUST(dup(p[0]));
	DO(add(ep, EPOLL_CTL_ADD, d, EPOLLIN, 11));
	MUST(write(p[1], "p", 1));
	take("two names", ep, 16, 0);
	close(d);
	take("one closed", ep, 16, 0);
	close(p[0]);
	take("both closed", ep, 16, 0);
	DO(write(p[1], "", 0));

	/* an epoll in an epoll and in a poll */
	int outer = MUST(epoll_create1(0));
	MUST(pipe(p));
	int inner = MUST(epoll_create1(0));
	DO(add(inner, EPOLL_CTL_ADD, p[0], EPOLLIN, 50));
	DO(add(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 60));
	DO(add(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 61));
	take("quiet", outer, 16, 0);
	MUST(write(p[1], "n", 1));
	take("inner ready", outer, 16, 0);
	struct pollfd pf = {outer, POLLIN, 0};
	DO(poll(&pf, 1, 0));
	take("inner", inner, 16, 0);
	MUST(read(p[0], b, 1));
	DO(poll(&pf, 1, 0));

	/* waits that end, in another process that shares the epoll */
	pid_t k = MUST(fork());
	if (!k) {
		take("woken", inner, 16, -1);
		_exit(0);
	}
	blocked(k);
	MUST(write(p[1], "w", 1));
	reap("waiter", k);
	MUST(read(p[0], b, 1));
	k = MUST(fork());
	if (!k) {
		int late[2];
		MUST(pipe(late));
		blocked(getppid());
		MUST(write(p[1], "w", 1));
		_exit(0);
	}
	take("woken", outer, 16, -1);
	reap("writer", k);
	DO(add(inner, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	DO(add(inner, EPOLL_CTL_ADD, q[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 0));
	DO(add(inner, EPOLL_CTL_ADD, q[1], EPOLLOUT | EPOLLEXCLUSIVE, 51));
	take("exclusive", inner, 16, 0);
	sigset_t none;
	sigemptyset(&none);
	struct epoll_event e[4];
	DO(epoll_pwait(inner, e, 4, 0, &none));
	DO(epoll_pwait2(inner, e, 4, &(struct timespec){0, 1000}, &none));
	edges(0);
	edges(1);
	return 0;
}
