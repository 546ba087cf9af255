/* The program sees and keeps the processors it was given, whatever a tracer does for speed. */
#include "t.h"
#include <sys/time.h>

static int p[2], q[2];

static int same(cpu_set_t *want) {
	cpu_set_t now;
	sched_getaffinity(0, sizeof now, &now);
	return CPU_EQUAL(want, &now);
}

static void *other(void *arg) {
	char c;
	int bad = 0;
	while (read(p[0], &c, 1) == 1) {
		bad += !same(arg);
		MUST(write(q[1], &c, 1));
	}
	return (void *)(long)bad;
}

int main(void) {
	cpu_set_t all, one;
	char c;
	long bad = 0;
	sched_getaffinity(0, sizeof all, &all);
	for (int i = 0; i < 1000; i++) { /* calls that are watched before there is a pipe */
		struct itimerval far = {{0, 0}, {1000, 0}};
		MUST(setitimer(ITIMER_REAL, &far, NULL));
		alarm(1000);
		bad += !same(&all);
	}
	alarm(0);
	printf("bad without a pipe %ld\n", bad);
	MUST(pipe(p));
	MUST(pipe(q));
	pthread_t t = thread(other, &all);
	for (int i = 0; i < 300; i++) {
		MUST(write(p[1], "x", 1));
		MUST(read(q[0], &c, 1));
		bad += !same(&all);
		if (i % 30 == 0) {
			pid_t k = MUST(fork());
			if (!k) _exit(same(&all) ? 0 : 1);
			int st;
			MUST(waitpid(k, &st, 0));
			bad += st != 0;
		}
	}
	printf("bad %ld\n", bad);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) { /* a mask of its own stays */
		if (!CPU_ISSET(cpu, &all)) continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		MUST(sched_setaffinity(0, sizeof one, &one));
		for (int i = 0; i < 50; i++) {
			MUST(write(p[1], "x", 1));
			MUST(read(q[0], &c, 1));
			if (!same(&one) || sched_getcpu() != cpu) bad++;
		}
	}
	printf("bad %ld\n", bad);
	close(p[1]);
	void *r;
	pthread_join(t, &r);
	printf("bad in the thread %ld\n", (long)r);
	return 0;
}
