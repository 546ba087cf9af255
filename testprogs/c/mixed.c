/* Waits on emulated descriptors beside real ones: eventfd, timerfd, signalfd, files, inet sockets. */
#include "t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>

enum { PIPE, PAIR, EVENT, TIMER, INET, SOURCES };
static const char *names[] = {"pipe", "pair", "eventfd", "timer", "inet"};
static int in[SOURCES], out[SOURCES];

static void inet(int s[2]) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t l = sizeof a;
	int lis = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(bind(lis, (void *)&a, sizeof a));
	MUST(listen(lis, 1));
	MUST(getsockname(lis, (void *)&a, &l));
	s[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(connect(s[0], (void *)&a, l));
	s[1] = MUST(accept(lis, NULL, NULL));
	close(lis);
}

static void feed(int i) {
	uint64_t one = 1;
	if (i == EVENT) MUST(write(out[i], &one, sizeof one));
	else if (i == TIMER) MUST(timerfd_settime(in[i], 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL));
	else MUST(write(out[i], "x", 1));
}

static void eat(int i) {
	char b[8];
	if (read(in[i], b, sizeof b) <= 0) printf("nothing in the %s\n", names[i]);
}

static void by_poll(int which) {
	struct pollfd q[SOURCES];
	for (int i = 0; i < SOURCES; i++) q[i] = (struct pollfd){in[i], POLLIN, 0};
	int n = poll(q, SOURCES, -1);
	printf("  poll %d:", n);
	for (int i = 0; i < SOURCES; i++) if (q[i].revents) printf(" %s %x", names[i], q[i].revents);
	printf("\n");
	(void)which;
}

static void by_select(int which) {
	fd_set r;
	FD_ZERO(&r);
	for (int i = 0; i < SOURCES; i++) FD_SET(in[i], &r);
	struct timeval t = {100, 0};
	int n = select(64, &r, NULL, NULL, which & 1 ? &t : NULL);
	printf("  select %d:", n);
	for (int i = 0; i < SOURCES; i++) if (FD_ISSET(in[i], &r)) printf(" %s", names[i]);
	printf("\n");
}

static int ep;
static void by_epoll(int which) {
	struct epoll_event e[8];
	int n = epoll_wait(ep, e, 8, which & 1 ? -1 : 100000);
	printf("  epoll %d:", n);
	for (int i = 0; i < n; i++) printf(" %s %x", names[e[i].data.u32], e[i].events);
	printf("\n");
}

int main(void) {
	int f[2];
	MUST(pipe(f)); in[PIPE] = f[0]; out[PIPE] = f[1];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, f)); in[PAIR] = f[0]; out[PAIR] = f[1];
	in[EVENT] = out[EVENT] = MUST(eventfd(0, 0));
	in[TIMER] = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
	inet(f); in[INET] = f[0]; out[INET] = f[1];
	ep = MUST(epoll_create1(0));
	for (int i = 0; i < SOURCES; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
		MUST(epoll_ctl(ep, EPOLL_CTL_ADD, in[i], &e));
	}
	void (*ways[])(int) = {by_poll, by_select, by_epoll};
	for (int w = 0; w < 3; w++)
		for (int i = 0; i < SOURCES; i++) {
			printf("%s before\n", names[i]); /* ready when the wait begins */
			feed(i);
			if (i == TIMER) poll(&(struct pollfd){in[i], POLLIN, 0}, 1, -1);
			ways[w](i);
			eat(i);
			printf("%s meanwhile\n", names[i]);
			pid_t k = MUST(fork());
			if (!k) { blocked(getppid()); feed(i); _exit(0); }
			ways[w](i);
			eat(i);
			int st;
			MUST(waitpid(k, &st, 0));
		}
	/* both halves at once, and a regular file, which is always ready */
	feed(PIPE);
	feed(EVENT);
	by_poll(0);
	by_select(0);
	eat(PIPE);
	eat(EVENT);
	struct pollfd q[3] = {{MUST(open("/proc/self/exe", O_RDONLY)), POLLIN | POLLOUT, 0}, {in[PIPE], POLLIN, 0}, {in[INET], POLLIN | POLLOUT, 0}};
	DO(poll(q, 3, -1));
	printf("%x %x %x\n", q[0].revents, q[1].revents, q[2].revents);
	q[0].fd = in[PAIR];
	q[0].events = POLLIN;
	q[2].events = POLLIN;
	DO(poll(q, 3, 30));
	DO(epoll_ctl(ep, EPOLL_CTL_ADD, MUST(open("/proc/self/exe", O_RDONLY)), &(struct epoll_event){0}));
	close(out[PIPE]);
	close(out[INET]);
	by_poll(0);
	return 0;
}
