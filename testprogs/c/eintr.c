/* A handler ends a waiting call with EINTR or lets it start again, as SA_RESTART and the kind of call have it. */
#include "t.h"

static volatile sig_atomic_t hits;
static void hit(int s) { (void)s; hits++; }
static int fds[2], kind, restart;
static pid_t tid;
static char big[1 << 20];

enum { READ, WRITE, RECV, POLL, RECVTIMEO, READV, LAST };
static const char *names[] = {"read", "write", "recv", "poll", "recv with a timeout", "readv"};

static void *waiter(void *arg) {
	long r = 0;
	char c;
	struct iovec v = {&c, 1};
	struct pollfd q = {fds[0], POLLIN, 0};
	(void)arg;
	__atomic_store_n(&tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	errno = 0;
	switch (kind) {
	case READ: r = read(fds[0], &c, 1); break;
	case READV: r = readv(fds[0], &v, 1); break;
	case WRITE: r = write(fds[1], big, 4096); break;
	case RECV: case RECVTIMEO: r = recv(fds[0], &c, 1, 0); break;
	case POLL: r = poll(&q, 1, -1); break;
	}
	printf("%s, SA_RESTART %d: %ld %s, %d hits\n", names[kind], restart, r, r < 0 ? strerrorname_np(errno) : "", hits);
	return NULL;
}

static void go(int k, int re) {
	struct sigaction sa = {.sa_handler = hit, .sa_flags = re ? SA_RESTART : 0};
	kind = k;
	restart = re;
	hits = 0;
	tid = 0;
	sigaction(SIGUSR1, &sa, NULL);
	if (k == RECV || k == RECVTIMEO) MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	else MUST(pipe(fds));
	if (k == RECVTIMEO) MUST(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){600, 0}, sizeof(struct timeval)));
	if (k == WRITE) { nonblocking(fds[1], 1); fill(fds[1], 4096); nonblocking(fds[1], 0); }
	pthread_t t = thread(waiter, NULL);
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST)) sched_yield();
	blocked(tid);
	pthread_kill(t, SIGUSR1);
	while (!hits) sched_yield();
	blocked(tid); /* it waits again, or it is gone */
	if (k == WRITE) MUST(read(fds[0], big, 65536));
	else if (write(fds[1], "y", 1) != 1) printf("no reader\n");
	pthread_join(t, NULL);
	close(fds[0]);
	close(fds[1]);
}

/* what is half done is not restarted: the count so far is the result */
static void partial(void) {
	struct sigaction sa = {.sa_handler = hit, .sa_flags = SA_RESTART};
	sigaction(SIGUSR1, &sa, NULL);
	MUST(pipe(fds));
	pid_t p = MUST(fork());
	if (!p) {
		close(fds[0]);
		ssize_t n = write(fds[1], big, sizeof big);
		printf("interrupted write: %zd\n", n);
		_exit(0);
	}
	close(fds[1]);
	blocked(p);
	kill(p, SIGUSR1);
	reap("writer", p);
	close(fds[0]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	p = MUST(fork());
	if (!p) {
		ssize_t n = recv(fds[0], big, 100, MSG_WAITALL);
		printf("interrupted recv of 100: %zd\n", n);
		_exit(0);
	}
	MUST(write(fds[1], "12345", 5));
	blocked(p);
	kill(p, SIGUSR1);
	reap("receiver", p);
}

/* ignored signals and those with their default of nothing do not show */
static void unseen(void) {
	char c;
	signal(SIGUSR1, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	MUST(pipe(fds));
	pid_t p = MUST(fork());
	if (!p) _exit(read(fds[0], &c, 1) == 1 ? 0 : 1);
	blocked(p);
	kill(p, SIGUSR1);
	kill(p, SIGCHLD);
	kill(p, SIGWINCH);
	kill(p, SIGCONT);
	blocked(p);
	MUST(write(fds[1], "k", 1));
	reap("undisturbed", p);
}

int main(void) {
	for (int k = 0; k < LAST; k++)
		for (int re = 0; re < 2; re++) go(k, re);
	partial();
	unseen();
	return 0;
}
