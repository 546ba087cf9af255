/* A thread that left its process's descriptor table before the first object was made sees none of those made later. */
#include "t.h"
#include <linux/close_range.h>
#include <semaphore.h>

static int s[2];
static sem_t left, made;

static void *other(void *arg) {
	long how = (long)arg;
	if (how == 0) MUST(syscall(SYS_close_range, 900, 900, CLOSE_RANGE_UNSHARE));
	if (how == 1) MUST(unshare(CLONE_FILES));
	sem_post(&left);
	sem_wait(&made);
	struct pollfd p = {s[0], POLLOUT, 0};
	int n = poll(&p, 1, 0);
	printf("%d %x\n", n, p.revents);
	int mine[2];
	char c = 0;
	MUST(pipe(mine));
	MUST(write(mine[1], "m", 1));
	MUST(read(mine[0], &c, 1));
	printf("%d %d %c\n", mine[0], mine[1], c);
	return NULL;
}

int main(void) {
	for (long how = 0; how < 3; how++) {
		pid_t k = MUST(fork());
		if (!k) {
			sem_init(&left, 0, 0);
			sem_init(&made, 0, 0);
			pthread_t t = thread(other, (void *)how);
			sem_wait(&left);
			MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
			printf("%d %d\n", s[0], s[1]);
			sem_post(&made);
			pthread_join(t, NULL);
			char c = 0;
			MUST(write(s[0], "x", 1));
			MUST(read(s[1], &c, 1));
			printf("%c\n", c);
			fflush(stdout);
			_exit(0);
		}
		int st;
		MUST(waitpid(k, &st, 0));
	}
	return 0;
}
