/* exec from a thread that is not the leader, while others wait at pipes. */
#include "t.h"

static int p[2], held[2];

static void *waits(void *arg) {
	char c;
	(void)arg;
	ssize_t n = read(p[0], &c, 1);
	printf("must not come back: %zd\n", n);
	return NULL;
}

static void *execs(void *arg) {
	char in[16], out[16];
	pid_t *tids = arg;
	blocked(tids[0]);
	snprintf(in, sizeof in, "%d", held[0]);
	snprintf(out, sizeof out, "%d", held[1]);
	execl("/proc/self/exe", "execthread", in, out, NULL);
	printf("exec: %s\n", strerrorname_np(errno));
	return NULL;
}

int main(int argc, char **argv) {
	char b[10] = "";
	if (argc == 3) {
		int in = atoi(argv[1]), out = atoi(argv[2]);
		DO(read(in, b, 10));
		printf("kept through exec: %s; leader %d\n", b, getpid() == syscall(SYS_gettid));
		MUST(write(out, "again", 5));
		DO(read(in, b, 10));
		DO(fcntl(5, F_GETFD) < 0 ? 0 : 1);
		int q[2];
		MUST(pipe(q));
		MUST(write(q[1], "new", 3));
		DO(read(q[0], b, 10));
		close(out);
		DO(read(in, b, 10));
		return 6;
	}
	for (int i = 0; i < 3; i++) {
		pid_t k = MUST(fork());
		if (!k) {
			pid_t me = getpid();
			MUST(pipe(held));
			MUST(pipe2(p, O_CLOEXEC));
			MUST(write(held[1], "bytes", 5));
			for (int j = 0; j < 5; j++) thread(waits, NULL);
			thread(execs, &me);
			waits(NULL); /* the leader waits too */
		}
		reap("execs", k);
	}
	return 0;
}
