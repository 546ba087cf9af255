/* 500 threads in one process, all at the same pipe, and the same pipes closed and made by many. */
#include "t.h"

#define THREADS 500

static int to[2], from[2];

static void *worker(void *arg) {
	int v;
	(void)arg;
	while (read(to[0], &v, sizeof v) == sizeof v) {
		v *= 3;
		MUST(write(from[1], &v, sizeof v));
	}
	return NULL;
}

/* threads that make and close pipes beside each other: numbers are shared, bytes must not be */
static void *maker(void *arg) {
	long me = (long)arg, bad = 0;
	for (int i = 0; i < 60; i++) {
		int p[2], v = me * 1000 + i, w = 0;
		char c;
		MUST(pipe(p));
		MUST(write(p[1], &v, sizeof v));
		MUST(read(p[0], &w, sizeof w));
		bad += v != w;
		close(p[1]);
		bad += read(p[0], &c, 1) != 0;
		close(p[0]);
	}
	return (void *)bad;
}

int main(void) {
	pthread_t t[THREADS];
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	MUST(pipe(to));
	MUST(pipe(from));
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], &small, worker, NULL)) { printf("no thread %d\n", i); return 1; }
	long sum = 0;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < THREADS; i++) MUST(write(to[1], &i, sizeof i));
		for (int i = 0, v; i < THREADS; i++) { MUST(read(from[0], &v, sizeof v)); sum += v; }
	}
	close(to[1]);
	for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
	printf("sum %ld\n", sum);
	long bad = 0;
	for (long i = 0; i < 16; i++) t[i] = thread(maker, (void *)i);
	for (int i = 0; i < 16; i++) { void *r; pthread_join(t[i], &r); bad += (long)r; }
	printf("bad %ld\n", bad);
	return 0;
}
