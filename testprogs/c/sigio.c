/* O_ASYNC: which signals come, for which descriptor, and with what band. */
#include "t.h"

static sigset_t set;

static void queue(const char *what) {
	siginfo_t si;
	printf("%s:", what);
	while (sigtimedwait(&set, &si, &(struct timespec){0, 0}) > 0)
		printf(" %s%s", si.si_signo == SIGIO ? "IO" : si.si_signo == SIGURG ? "URG" : "RT", si.si_code == SI_KERNEL ? " kernel" : "");
	printf("\n");
}

static void rt(const char *what) {
	siginfo_t si;
	printf("%s:", what);
	while (sigtimedwait(&set, &si, &(struct timespec){0, 0}) > 0) printf(" fd %d code %d band %lx", si.si_fd, si.si_code, si.si_band);
	printf("\n");
}

static void go(const char *name, int r, int w) {
	char b[4096];
	printf("%s\n", name);
	int fds[2] = {r, w};
	for (int i = 0; i < 2; i++) {
		MUST(fcntl(fds[i], F_SETOWN, getpid()));
		MUST(fcntl(fds[i], F_SETFL, O_ASYNC | O_NONBLOCK));
	}
	queue("armed");
	MUST(write(w, "a", 1));
	queue("written");
	MUST(write(w, "b", 1));
	queue("more");
	MUST(read(r, b, 1));
	queue("read");
	MUST(read(r, b, 1));
	queue("read all");
	fill(w, 4096);
	queue("filled");
	drain(r);
	queue("drained");
	MUST(fcntl(w, F_SETFL, O_NONBLOCK));
	MUST(fcntl(r, F_SETSIG, SIGRTMIN));
	MUST(write(w, "c", 1));
	rt("with a number");
	DO(fcntl(r, F_GETSIG) == SIGRTMIN);
	MUST(fcntl(r, F_SETSIG, 0));
	MUST(fcntl(r, F_SETFL, O_NONBLOCK));
	MUST(write(w, "d", 1));
	queue("disarmed");
	int on = 1;
	MUST(ioctl(r, FIOASYNC, &on));
	DO((fcntl(r, F_GETFL) & O_ASYNC) != 0);
	drain(r);
	queue("drained");
	close(w);
	queue("writer gone");
	close(r);
}

static volatile sig_atomic_t hits;
static void hit(int s) { (void)s; hits++; }

int main(void) {
	int p[2];
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGURG);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	MUST(pipe(p));
	go("pipe", p[0], p[1]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	go("stream", p[0], p[1]);
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	go("datagrams", p[0], p[1]);

	/* the signal reaches another process, and interrupts its wait */
	MUST(pipe(p));
	int q[2];
	MUST(pipe(q));
	pid_t k = MUST(fork());
	if (!k) {
		char c;
		struct sigaction sa = {.sa_handler = hit};
		sigaction(SIGIO, &sa, NULL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		ssize_t n = read(q[0], &c, 1);
		printf("waiting elsewhere: %zd %s, %d hits\n", n, strerrorname_np(errno), hits);
		_exit(0);
	}
	MUST(fcntl(p[0], F_SETOWN, k));
	MUST(fcntl(p[0], F_SETFL, O_ASYNC));
	blocked(k);
	MUST(write(p[1], "x", 1));
	reap("child", k);
	return 0;
}
