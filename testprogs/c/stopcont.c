/* A reader that waits is stopped and continued; nothing is lost, and the wait goes on. */
#include "t.h"

static void word(const char *what, pid_t k, int flags) {
	int st;
	MUST(waitpid(k, &st, flags));
	printf("%s: %s %d\n", what, WIFSTOPPED(st) ? "stopped" : WIFCONTINUED(st) ? "continued" : WIFEXITED(st) ? "exit" : "signal",
	       WIFSTOPPED(st) ? WSTOPSIG(st) : WIFCONTINUED(st) ? 0 : WIFEXITED(st) ? WEXITSTATUS(st) : WTERMSIG(st));
}

static void one(const char *what, int r, int w, int poller) {
	pid_t k = MUST(fork());
	if (!k) {
		char c;
		struct pollfd q = {r, POLLIN, 0};
		if (poller) {
			int n = poll(&q, 1, -1);
			printf("  poll %d %s\n", n, n < 0 ? strerrorname_np(errno) : "");
		}
		ssize_t n = read(r, &c, 1);
		printf("  read %zd %c\n", n, c);
		_exit(n == 1 ? 0 : 1);
	}
	printf("%s\n", what);
	blocked(k);
	kill(k, SIGSTOP);
	word("  reader", k, WUNTRACED);
	kill(k, SIGCONT);
	word("  reader", k, WCONTINUED);
	blocked(k);
	kill(k, SIGTSTP);
	word("  reader", k, WUNTRACED);
	MUST(write(w, "A", 1)); /* while it is stopped */
	printf("  state %c\n", state(k) == 't' ? 'T' : state(k));
	kill(k, SIGCONT);
	word("  reader", k, 0);
}

int main(void) {
	int p[2], s[2];
	char c;
	MUST(pipe(p));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	one("pipe", p[0], p[1], 0);
	one("pair", s[0], s[1], 0);
	one("poll", p[0], p[1], 1);
	/* a stopped reader does not take what another can */
	pid_t k = MUST(fork());
	if (!k) _exit(read(p[0], &c, 1) == 1 && c == '2' ? 0 : 1);
	blocked(k);
	kill(k, SIGSTOP);
	word("first", k, WUNTRACED);
	MUST(write(p[1], "1", 1));
	DO(read(p[0], &c, 1));
	printf("took %c\n", c);
	kill(k, SIGCONT);
	MUST(write(p[1], "2", 1));
	word("first", k, 0);
	/* killed while stopped */
	k = MUST(fork());
	if (!k) { close(p[1]); _exit(read(p[0], &c, 1)); }
	blocked(k);
	kill(k, SIGSTOP);
	word("second", k, WUNTRACED);
	kill(k, SIGKILL);
	word("second", k, 0);
	return 0;
}
