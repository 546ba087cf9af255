/* The first thread ends before the others; the process goes on until the last one does. */
#include "t.h"

static int p[2], q[2];

static void *last(void *arg) {
	char c;
	pid_t me = getpid();
	(void)arg;
	while (state(me) != 'Z') sched_yield(); /* the leader is a zombie now */
	MUST(write(q[1], "r", 1));
	ssize_t n = read(p[0], &c, 1);
	printf("after the leader: %zd\n", n);
	int s[2];
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0);
	MUST(write(s[0], "x", 1));
	DO(read(s[1], &c, 1));
	close(q[1]);
	exit(7);
}

int main(void) {
	MUST(pipe(p));
	MUST(pipe(q));
	pid_t k = MUST(fork());
	if (!k) {
		close(p[1]);
		close(q[0]);
		thread(last, NULL);
		pthread_exit(NULL);
	}
	char c;
	close(q[1]);
	DO(read(q[0], &c, 1));
	MUST(write(p[1], "g", 1));
	DO(read(q[0], &c, 1));
	reap("process", k);
	/* and one that is killed as a whole when only the other thread is left */
	MUST(pipe(q));
	k = MUST(fork());
	if (!k) {
		close(q[0]);
		thread(last, NULL);
		pthread_exit(NULL);
	}
	close(q[1]);
	DO(read(q[0], &c, 1));
	kill(k, SIGKILL);
	DO(read(q[0], &c, 1));
	reap("killed", k);
	return 0;
}
