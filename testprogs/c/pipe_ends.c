/* End of file, EPIPE and SIGPIPE come exactly when the last holder of an end goes, however it goes. */
#include "t.h"

static volatile sig_atomic_t pipes;
static void count(int s) { (void)s; pipes++; }

static void eof(const char *how, int fd, pid_t p) {
	char c;
	printf("%s: ", how);
	DO(read(fd, &c, 1));
	reap(how, p);
}

int main(int argc, char **argv) {
	int p[2];
	char c = 'x', b[65536] = {0};
	if (argc > 1) { /* the program that the test execs: does the number still lead anywhere? */
		printf("exec: fcntl %s\n", fcntl(atoi(argv[1]), F_GETFD) < 0 ? strerrorname_np(errno) : "open");
		raise(SIGSTOP); /* the test knows now that this line is out */
		for (;;) pause();
	}
	signal(SIGPIPE, count);
	MUST(pipe(p));
	MUST(write(p[1], "abc", 3));
	close(p[1]);
	DO(read(p[0], b, 2));
	DO(read(p[0], b, 2));
	DO(read(p[0], b, 2));
	DO(read(p[0], b, 2));
	close(p[0]);

	MUST(pipe(p));
	close(p[0]);
	DO(write(p[1], &c, 1));
	DO(write(p[1], &c, 0));
	printf("SIGPIPE %d\n", pipes);
	signal(SIGPIPE, SIG_IGN);
	DO(write(p[1], &c, 1));
	close(p[1]);

	MUST(pipe(p)); /* a holder that exits */
	pid_t k = MUST(fork());
	if (!k) { close(p[0]); _exit(0); }
	close(p[1]);
	eof("exits", p[0], k);
	close(p[0]);

	MUST(pipe(p)); /* a holder that is killed while the reader waits, and one before */
	k = MUST(fork());
	if (!k) { close(p[0]); for (;;) pause(); }
	pid_t k2 = MUST(fork());
	if (!k2) { close(p[0]); for (;;) pause(); }
	close(p[1]);
	kill(k, SIGKILL);
	reap("first", k);
	pid_t killer = MUST(fork());
	if (!killer) { close(p[0]); blocked(getppid()); kill(k2, SIGKILL); _exit(0); }
	eof("killed", p[0], k2);
	reap("killer", killer);
	close(p[0]);

	MUST(pipe2(p, O_CLOEXEC)); /* an exec closes what is marked */
	k = MUST(fork());
	if (!k) {
		char n[16];
		snprintf(n, sizeof n, "%d", p[1]);
		execl("/proc/self/exe", "pipe_ends", n, NULL);
		_exit(1);
	}
	close(p[1]);
	ssize_t end = read(p[0], &c, 1);
	MUST(waitpid(k, NULL, WUNTRACED));
	printf("the reader of what exec closed: %zd\n", end);
	kill(k, SIGKILL);
	reap("exec", k);
	close(p[0]);

	for (int ign = 0; ign < 2; ign++) { /* writers that wait when the last reader goes */
		signal(SIGPIPE, ign ? SIG_IGN : SIG_DFL);
		MUST(pipe(p));
		pid_t w = MUST(fork());
		if (!w) {
			close(p[0]);
			ssize_t n = write(p[1], b, sizeof b); /* fits */
			n = write(p[1], b, sizeof b);
			printf("blocked write: %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
			_exit(0);
		}
		close(p[1]);
		blocked(w);
		close(p[0]);
		reap("writer", w);
	}
	signal(SIGPIPE, count);
	pipes = 0;
	MUST(pipe(p));
	pid_t r = MUST(fork());
	if (!r) { close(p[1]); blocked(getppid()); MUST(read(p[0], b, 4096)); blocked(getppid()); _exit(0); }
	close(p[0]);
	DO(write(p[1], b, sizeof b)); /* a part is taken, then nobody is left */
	DO(write(p[1], b, sizeof b));
	printf("SIGPIPE %d\n", pipes);
	reap("reader", r);
	close(p[1]);

	MUST(pipe(p)); /* close while a thread of ours reads by that number: the read goes on */
	k = MUST(fork());
	if (!k) { close(p[0]); blocked(getppid()); MUST(write(p[1], "z", 1)); _exit(0); }
	DO(read(p[0], &c, 1));
	printf("got %c\n", c);
	reap("late writer", k);
	return 0;
}
