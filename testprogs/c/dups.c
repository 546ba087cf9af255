/* dup, dup2, dup3, fcntl and close_range: numbers, flags that are shared and flags that are not. */
#include "t.h"
#include <linux/close_range.h>

static void show(const char *what, int fd) {
	int fl = fcntl(fd, F_GETFL);
	if (fl < 0) printf("%s: %s\n", what, strerrorname_np(errno));
	else printf("%s: fl %x fd %x\n", what, fl, fcntl(fd, F_GETFD));
}

int main(void) {
	int p[2];
	char c;
	struct rlimit rl;
	MUST(pipe(p));
	DO(dup(p[1]));
	DO(dup2(p[1], 20));
	DO(dup2(p[1], p[1]));
	DO(dup2(99, 20));
	DO(dup2(p[1], -1));
	DO(dup3(p[1], 21, O_CLOEXEC));
	DO(dup3(p[1], p[1], 0));
	DO(dup3(p[1], 22, O_NONBLOCK));
	DO(fcntl(p[1], F_DUPFD, 30));
	DO(fcntl(p[1], F_DUPFD_CLOEXEC, 30));
	DO(fcntl(p[1], F_DUPFD, -1));
	getrlimit(RLIMIT_NOFILE, &rl);
	DO(fcntl(p[1], F_DUPFD, rl.rlim_cur));
	DO(fcntl(99, F_DUPFD, 0));
	show("20", 20);
	show("21", 21);
	show("31", 31);
	DO(fcntl(20, F_SETFD, FD_CLOEXEC));
	DO(fcntl(20, F_SETFL, O_NONBLOCK));
	show("20", 20);
	show("21", 21);
	show("own", p[1]);
	DO(ioctl(30, FIOCLEX));
	show("30", 30);
	DO(ioctl(30, FIONCLEX));
	show("30", 30);
	/* six more writers to close before the end of the file */
	static const int writers[] = {4, 5, 20, 21, 30, 31};
	nonblocking(p[0], 1);
	for (int i = 0; i < 6; i++) {
		printf("%d still: ", writers[i]);
		DO(read(p[0], &c, 1));
		close(writers[i]);
	}
	DO(read(p[0], &c, 1));
	DO(close(20));
	DO(close(p[1]));

	/* dup2 over an emulated number, and over a real one */
	int q[2], s[2];
	MUST(pipe(q));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	DO(dup2(s[0], p[0]));
	MUST(write(s[1], "pair", 4));
	char b[10];
	DO(read(p[0], b, 10));
	int real = MUST(open("/dev/zero", O_RDWR));
	DO(dup2(real, q[0]));
	DO(read(q[0], b, 10));
	signal(SIGPIPE, SIG_IGN);
	DO(write(q[1], b, 1));
	DO(dup2(q[1], real));
	DO(write(real, b, 1));
	close(real);
	close(q[1]);
	close(q[0]);

	/* ranges */
	for (int i = 0; i < 5; i++) MUST(pipe(q));
	DO(fcntl(q[1], F_GETFD));
	DO(close_range(10, 5, 0));
	DO(close_range(0, 5, 64));
	DO(close_range(8, 9, CLOSE_RANGE_CLOEXEC));
	for (int fd = 6; fd < 18; fd++) { char n[8]; snprintf(n, sizeof n, "%d", fd); show(n, fd); }
	DO(close_range(10, ~0U, 0));
	show("9", 9);
	show("10", 10);
	DO(dup(9));
	pid_t k = MUST(fork());
	if (!k) {
		DO(close_range(3, ~0U, CLOSE_RANGE_UNSHARE));
		show("child 9", 9);
		_exit(0);
	}
	reap("child", k);
	show("9", 9);
	/* locks and owners go through to the file */
	DO(fcntl(s[0], F_GETOWN));
	DO(fcntl(s[0], F_SETOWN, getpid()));
	DO(fcntl(s[0], F_GETOWN) == getpid());
	DO(fcntl(s[0], F_GETSIG));
	DO(fcntl(s[0], F_SETSIG, SIGUSR1));
	DO(fcntl(s[0], F_GETSIG));
	return 0;
}
