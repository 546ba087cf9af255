/* Bytes go from hand to hand between processes and threads that wait for each other. */
#include "t.h"

#define ROUNDS 2000

static int there[2], back[2];

static void *echo(void *arg) {
	char c;
	(void)arg;
	while (read(there[0], &c, 1) == 1 && c) {
		c++;
		if (write(back[1], &c, 1) != 1) break;
	}
	return NULL;
}

static void play(const char *who, int out, int in) {
	long sum = 0;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned char c = 1 + i % 200, d = 0;
		MUST(write(out, &c, 1));
		if (read(in, &d, 1) != 1 || d != c + 1) { printf("%s: lost the ball at %d\n", who, i); exit(1); }
		sum += d;
	}
	MUST(write(out, "", 1));
	printf("%s: %ld\n", who, sum);
}

/* a ring of processes, each passing a number on */
static void ring(int n) {
	int first[2], in, next[2];
	MUST(pipe(first));
	in = first[0];
	for (int i = 0; i < n; i++) {
		MUST(pipe(next));
		if (MUST(fork()) == 0) {
			int v;
			close(first[1]);
			close(next[0]);
			while (read(in, &v, sizeof v) == sizeof v) { v++; MUST(write(next[1], &v, sizeof v)); }
			_exit(0);
		}
		close(in);
		close(next[1]);
		in = next[0];
	}
	long sum = 0;
	for (int i = 0; i < 50; i++) {
		int v = i;
		MUST(write(first[1], &v, sizeof v));
		MUST(read(in, &v, sizeof v));
		sum += v;
	}
	close(first[1]);
	int v;
	printf("ring of %d: %ld, then %ld\n", n, sum, (long)read(in, &v, sizeof v));
	while (wait(NULL) > 0) {}
	close(in);
}

/* many threads take turns at one pipe: each byte reaches one of them */
static int shared[2];
static void *eater(void *arg) {
	unsigned char c;
	long n = 0;
	(void)arg;
	while (read(shared[0], &c, 1) == 1) n += c;
	return (void *)n;
}

int main(void) {
	MUST(pipe(there));
	MUST(pipe(back));
	pthread_t t = thread(echo, NULL);
	play("thread", there[1], back[0]);
	pthread_join(t, NULL);
	pid_t p = MUST(fork());
	if (!p) { echo(NULL); _exit(0); }
	play("process", there[1], back[0]);
	reap("process", p);

	int s[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	p = MUST(fork());
	if (!p) { there[0] = back[1] = s[1]; echo(NULL); _exit(0); }
	play("pair", s[0], s[0]);
	reap("pair", p);
	ring(12);

	MUST(pipe(shared));
	pthread_t eaters[8];
	for (int i = 0; i < 8; i++) eaters[i] = thread(eater, NULL);
	for (int i = 0; i < ROUNDS; i++) MUST(write(shared[1], &(unsigned char){i % 256}, 1));
	close(shared[1]);
	long sum = 0;
	for (int i = 0; i < 8; i++) { void *n; pthread_join(eaters[i], &n); sum += (long)n; }
	printf("eaters: %ld\n", sum);
	return 0;
}
