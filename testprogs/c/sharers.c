/* Processes that share a descriptor table without sharing memory (CLONE_FILES), and what parts them again. */
#include "t.h"

struct { volatile int step, fds[8]; } *shared;

static pid_t sharer(void) { return MUST(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0)); }
static void reach(int n) { while (shared->step < n) sched_yield(); }

int main(void) {
	char b[20];
	int p[2];
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t k = sharer();
	if (!k) {
		MUST(pipe(p)); /* made by the child, used by the parent */
		shared->fds[0] = p[0];
		shared->fds[1] = p[1];
		shared->step = 1;
		ssize_t n = read(p[0], b, 20);
		printf("child read %zd\n", n);
		close(p[0]);
		_exit(0);
	}
	reach(1);
	blocked(k);
	ssize_t wrote = write(shared->fds[1], "parent", 6);
	reap("child", k);
	printf("parent wrote %zd\n", wrote);
	signal(SIGPIPE, SIG_IGN);
	DO(write(shared->fds[1], "x", 1)); /* the read end went for both */
	DO(read(shared->fds[0], b, 1));
	close(shared->fds[1]);

	MUST(pipe(p)); /* unshare makes a copy: then both hold the ends */
	shared->step = 0;
	k = sharer();
	if (!k) {
		MUST(unshare(CLONE_FILES));
		close(p[0]);
		shared->step = 1;
		ssize_t n = write(p[1], "apart", 5);
		_exit(n == 5 ? 0 : 1);
	}
	reach(1);
	DO(read(p[0], b, 20));
	reap("apart", k);

	shared->step = 0; /* exec parts them too, and closes what is marked in the copy alone */
	MUST(fcntl(p[1], F_SETFD, FD_CLOEXEC));
	k = sharer();
	if (!k) {
		execlp("cat", "cat", "/dev/null", NULL);
		_exit(1);
	}
	reap("exec", k);
	DO(write(p[1], "still", 5));
	DO(read(p[0], b, 20));
	close(p[1]);
	DO(read(p[0], b, 20));
	close(p[0]);

	MUST(pipe(p)); /* the table outlives its maker */
	shared->step = 0;
	k = sharer();
	if (!k) {
		dup2(p[1], 50);
		close(p[1]);
		_exit(0);
	}
	reap("moves", k);
	DO(write(50, "moved", 5));
	DO(read(p[0], b, 20));
	DO(write(p[1], "x", 1));

	/* threads and sharers close and open the same numbers at once: no wait may be lost */
	int bad = 0;
	for (int i = 0; i < 50; i++) {
		int q[2];
		MUST(pipe(q));
		shared->step = 0;
		k = sharer();
		if (!k) {
			shared->step = 1;
			while (shared->step < 2) sched_yield();
			close(q[0]);
			_exit(0);
		}
		reach(1);
		shared->step = 2;
		ssize_t n = write(q[1], "y", 1); /* before or after the close, but never for ever */
		bad += n != 1 && errno != EPIPE;
		MUST(waitpid(k, NULL, 0));
		close(q[1]);
	}
	printf("bad %d\n", bad);
	return 0;
}
