/* poll, ppoll, select and pselect on pipes and socketpairs: what is ready, who wakes, and what the timeout leaves. */
#include "t.h"
#include <sys/select.h>

static int p[2], s[2];

static void look(const char *what) {
	struct pollfd q[4] = {{p[0], POLLIN | POLLPRI | POLLRDHUP | POLLRDNORM, 0}, {p[1], POLLOUT | POLLWRNORM, 0},
		{s[0], POLLIN | POLLOUT | POLLRDHUP, 0}, {s[1], POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0}};
	int n = poll(q, 4, 0);
	printf("%s: %d: %x %x %x %x\n", what, n, q[0].revents, q[1].revents, q[2].revents, q[3].revents);
	fd_set r, w, x;
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	int top = 0;
	for (int i = 0; i < 4; i++) {
		if (q[i].fd < 0 || (q[i].revents & POLLNVAL)) continue;
		FD_SET(q[i].fd, &r);
		FD_SET(q[i].fd, &w);
		FD_SET(q[i].fd, &x);
		if (q[i].fd >= top) top = q[i].fd + 1;
	}
	n = select(top, &r, &w, &x, &(struct timeval){0, 0});
	printf("  select %d:", n);
	for (int i = 0; i < top; i++) if (FD_ISSET(i, &r) || FD_ISSET(i, &w) || FD_ISSET(i, &x)) printf(" %d%s%s%s", i, FD_ISSET(i, &r) ? "r" : "", FD_ISSET(i, &w) ? "w" : "", FD_ISSET(i, &x) ? "x" : "");
	printf("\n");
}

static volatile sig_atomic_t hits;
static void hit(int sig) { (void)sig; hits++; }

/* woken starts a process that does something to us when we wait */
static pid_t when_waiting(void (*f)(void)) {
	pid_t k = MUST(fork());
	if (k) return k;
	blocked(getppid());
	f();
	_exit(0);
}
static void feed_pipe(void) { MUST(write(p[1], "x", 1)); }
static void feed_pair(void) { MUST(send(s[1], "y", 1, 0)); }
static void take(void) { char b[65536]; MUST(read(p[0], b, sizeof b)); }
static void hang_up(void) { MUST(shutdown(s[1], SHUT_RDWR)); }
static void hurt(void) { kill(getppid(), SIGUSR1); }

int main(void) {
	char b[70000];
	sigset_t none, usr1;
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	MUST(pipe2(p, O_NONBLOCK));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	look("new");
	feed_pipe();
	feed_pair();
	look("fed");
	fill(p[1], 4096);
	fill(s[1], 4096);
	look("full");
	MUST(read(p[0], b, 100));
	MUST(read(s[0], b, 100));
	look("a little out");
	drain(p[0]);
	drain(s[0]);
	look("empty");

	struct pollfd q[4] = {{p[0], POLLIN, 0}, {s[0], POLLIN, 0}, {-1, POLLIN, 9}, {77, POLLIN, 0}};
	DO(poll(q, 3, 0));
	DO(poll(q, 3, 20));
	DO(poll(q, 4, -1));
	printf("%x %x %x %x\n", q[0].revents, q[1].revents, q[2].revents, q[3].revents);
	DO(poll(NULL, 0, 5));
	DO(poll((struct pollfd *)8, 1, 0));
	DO(poll(q, 1u << 31, 0));
	DO(ppoll(q, 2, &(struct timespec){0, 1000000}, NULL));
	DO(ppoll(q, 2, &(struct timespec){0, -1}, NULL));
	DO(ppoll(q, 2, &(struct timespec){-1, 0}, NULL));
	struct timespec left = {0, 5000000};
	DO(syscall(SYS_ppoll, q, 2, &left, NULL, 8));
	printf("left %ld %ld\n", (long)left.tv_sec, left.tv_nsec);
	struct timeval tv = {0, 5000};
	fd_set r;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	DO(select(p[0] + 1, &r, NULL, NULL, &tv));
	printf("left %ld %ld set %d\n", (long)tv.tv_sec, (long)tv.tv_usec, FD_ISSET(p[0], &r));
	FD_SET(60, &r);
	DO(select(61, &r, NULL, NULL, &tv));
	DO(select(-1, NULL, NULL, NULL, &tv));
	DO(select(1, (fd_set *)8, NULL, NULL, &tv));

	/* waits that end */
	void (*ends[])(void) = {feed_pipe, feed_pair, hang_up};
	for (int i = 0; i < 3; i++) {
		pid_t k = when_waiting(ends[i]);
		q[0] = (struct pollfd){p[0], POLLIN, 0};
		q[1] = (struct pollfd){s[0], POLLIN | POLLRDHUP, 0};
		DO(poll(q, 2, -1));
		printf("%x %x\n", q[0].revents, q[1].revents);
		reap("waker", k);
		drain(p[0]);
		drain(s[0]);
	}
	fill(p[1], 4096);
	pid_t k = when_waiting(take);
	q[0] = (struct pollfd){p[1], POLLOUT, 0};
	DO(poll(q, 1, 100000));
	reap("taker", k);
	drain(p[0]);
	k = when_waiting(feed_pipe);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	tv = (struct timeval){1000, 0};
	DO(select(p[0] + 1, &r, NULL, NULL, &tv));
	printf("time left %d\n", tv.tv_sec > 900 && tv.tv_sec < 1000);
	reap("feeder", k);
	drain(p[0]);

	/* signals: masks of ppoll and pselect */
	struct sigaction sa = {.sa_handler = hit, .sa_flags = SA_RESTART};
	sigaction(SIGUSR1, &sa, NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	q[0] = (struct pollfd){p[0], POLLIN, 0};
	DO(poll(q, 1, 10));
	printf("hits %d\n", hits);
	DO(ppoll(q, 1, NULL, &none));
	printf("hits %d\n", hits);
	k = when_waiting(hurt);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	DO(pselect(p[0] + 1, &r, NULL, NULL, NULL, &none));
	printf("hits %d\n", hits);
	reap("sender", k);
	feed_pipe();
	raise(SIGUSR1);
	DO(ppoll(q, 1, NULL, &none)); /* ready already: the signal stays blocked */
	printf("hits %d\n", hits);
	sigprocmask(SIG_SETMASK, &none, NULL);
	printf("hits %d\n", hits);

	close(p[1]);
	close(s[1]);
	look("writers gone");
	drain(p[0]);
	look("and empty");
	MUST(pipe2(p, O_NONBLOCK));
	close(p[0]);
	look("reader gone");
	fill(p[1], 4096);
	look("reader gone, written");
	return 0;
}
