/* Processes are killed at any moment of their exchanges; who is left always sees the end. */
#include "t.h"

static void chatter(int in, int out) {
	char b[3000] = {0};
	for (;;) {
		if (write(out, b, 1 + rand() % 2000) <= 0) _exit(1);
		if (read(in, b, sizeof b) <= 0) _exit(1);
	}
}

int main(void) {
	int ended = 0, rounds = 150;
	srand(7);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < rounds; i++) {
		int a[2], b[2];
		char c[4096];
		if (i % 2) { MUST(socketpair(AF_UNIX, i % 4 == 1 ? SOCK_STREAM : SOCK_SEQPACKET, 0, a)); b[0] = a[0]; b[1] = a[1]; }
		else { MUST(pipe(a)); MUST(pipe(b)); }
		pid_t k = MUST(fork());
		if (!k) {
			if (i % 2) { close(a[0]); chatter(a[1], a[1]); }
			close(a[1]);
			close(b[0]);
			chatter(a[0], b[1]);
		}
		if (i % 2) close(a[1]);
		else { close(a[0]); close(b[1]); }
		int in = i % 2 ? a[0] : b[0], out = i % 2 ? a[0] : a[1];
		int left = rand() % 30;
		for (;;) { /* the kill falls into whatever call the child is in */
			ssize_t n = read(in, c, sizeof c);
			if (n <= 0) break;
			if (left-- == 0) kill(k, SIGKILL);
			if (write(out, c, 1 + n / 2) <= 0) break;
		}
		int st;
		MUST(waitpid(k, &st, 0));
		ended += WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL;
		close(in);
		if (out != in) close(out);
	}
	printf("%d of %d killed and seen\n", ended, rounds);
	return 0;
}
