/* Writes of at most PIPE_BUF bytes are whole or not at all, also among many writers. */
#include "t.h"

#define WRITERS 4
#define EACH 300

static void many(size_t size) {
	int p[2];
	MUST(pipe(p));
	for (int w = 0; w < WRITERS; w++) {
		if (MUST(fork()) == 0) {
			char b[PIPE_BUF];
			close(p[0]);
			memset(b, 'a' + w, sizeof b);
			for (int i = 0; i < EACH; i++)
				if (write(p[1], b, size) != (ssize_t)size) _exit(1);
			_exit(0);
		}
	}
	close(p[1]);
	long mixed = 0, all = 0, run = 0;
	char b[10000], last = 0;
	for (ssize_t n; (n = read(p[0], b, sizeof b)) > 0; all += n)
		for (ssize_t i = 0; i < n; i++) {
			if (b[i] != last && run % (long)size) mixed++, run = 0;
			last = b[i];
			run++;
		}
	for (int w = 0; w < WRITERS; w++) {
		int st;
		MUST(wait(&st));
		if (st) printf("a writer failed\n");
	}
	close(p[0]);
	printf("%zu bytes a write: %ld bytes, %ld mixed\n", size, all, mixed);
}

int main(void) {
	many(1);
	many(100);
	many(PIPE_BUF);

	int p[2];
	MUST(pipe2(p, O_NONBLOCK));
	char *b = calloc(1, 1 << 20);
	for (int i = 0; i < 15; i++) MUST(write(p[1], b, 4096));
	DO(write(p[1], b, 100));
	DO(write(p[1], b, 4097));
	DO(write(p[1], b, 8000));
	printf("left %ld\n", drain(p[0]));
	for (int i = 0; i < 15; i++) MUST(write(p[1], b, 4096));
	DO(write(p[1], b, 100));
	DO(write(p[1], b, 8000));
	DO(write(p[1], b, 4096));
	DO(write(p[1], b, 1));
	printf("left %ld\n", drain(p[0]));
	static const size_t sizes[] = {1, 100, 1000, 2049, 4095, 4096, 4097, 5000, 65535, 65536, 65537, 1 << 20};
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		long in = fill(p[1], sizes[i]), out = drain(p[0]);
		printf("full by %zu: %ld in, %ld out\n", sizes[i], in, out);
	}
	/* a slot is free only when it is wholly read */
	fill(p[1], 4096);
	DO(read(p[0], b, 4095));
	DO(write(p[1], b, 1));
	DO(read(p[0], b, 1));
	DO(write(p[1], b, 4096));
	DO(write(p[1], b, 1));

	/* a blocking write is longer than the pipe: it ends when all is taken */
	nonblocking(p[0], 0);
	nonblocking(p[1], 0);
	while (poll(&(struct pollfd){p[0], POLLIN, 0}, 1, 0) > 0) MUST(read(p[0], b, 65536));
	pid_t w = MUST(fork());
	if (!w) _exit(write(p[1], b, 1 << 20) == 1 << 20 ? 0 : 1);
	close(p[1]);
	long all = 0;
	for (ssize_t n; (n = read(p[0], b, 3000)) > 0;) all += n;
	printf("one long write: %ld\n", all);
	reap("writer", w);
	return 0;
}
