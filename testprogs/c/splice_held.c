/* A splice that waits for a socket holds the front of its pipe: who else would read there waits, too, and finds what
   was not sent when the splicer is killed, stopped, or interrupted. */
#include "t.h"
#include <sys/un.h>

static char b[1 << 17], z[1 << 18];

static long held(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }

/* a connection that is no socketpair */
static void connection(int c[2]) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t n = sizeof a;
	int l = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	MUST(bind(l, (void *)&a, sizeof(sa_family_t))); /* the kernel chooses a name */
	MUST(listen(l, 1));
	MUST(getsockname(l, (void *)&a, &n));
	c[0] = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	MUST(connect(c[0], (void *)&a, n));
	c[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

static int p[2], c[2];

/* full sends through the socket until it takes nothing more. */
static long full(void) {
	long all = 0;
	while (send(c[0], b, 100, MSG_DONTWAIT) > 0) all += 100;
	return all;
}

static void caught(int sig) { (void)sig; }

static pid_t splicer(void) {
	pid_t k = MUST(fork());
	if (!k) {
		struct sigaction a = {.sa_handler = caught};
		MUST(sigaction(SIGUSR1, &a, NULL));
		long n = splice(p[0], NULL, c[0], NULL, 100000, 0);
		printf("splicer: %s\n", n < 0 ? strerrorname_np(errno) : n > 0 ? "some" : "none");
		_exit(0);
	}
	blocked(k);
	return k;
}

static pid_t reader(void) {
	pid_t k = MUST(fork());
	if (!k) {
		long n = read(p[0], z, 5);
		printf("reader: %ld %.5s\n", n, z);
		_exit(0);
	}
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	return k;
}

int main(void) {
	memset(b, '.', sizeof b);
	connection(c);
	long sent = full();
	MUST(pipe(p));
	MUST(write(p[1], "FirstSecndThird and the rest", 28));

	pid_t s = splicer(), r = reader();
	struct pollfd q = {.fd = p[0], .events = POLLIN};
	DO(poll(&q, 1, 0));
	kill(s, SIGKILL);
	reap("reader", r);
	reap("splicer", s);
	DO(held(p[0]));

	s = splicer();
	kill(s, SIGUSR1);
	reap("splicer", s);
	r = reader();
	reap("reader", r);

	s = splicer();
	kill(s, SIGSTOP);
	int st;
	MUST(waitpid(s, &st, WUNTRACED));
	DO(WIFSTOPPED(st));
	r = reader();
	reap("reader", r); /* stopped, it holds nothing */
	kill(s, SIGCONT);
	blocked(s);
	for (; sent > 0; sent -= MUST(read(c[1], z, sent)))
		;
	reap("splicer", s);
	DO(read(c[1], z, sizeof z));
	printf("%.18s\n", z);
	DO(held(p[0]));
	return 0;
}
