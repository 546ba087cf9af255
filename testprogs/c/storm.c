/* Many short-lived processes, each of which says one word on a pipe that all share. */
#include "t.h"

#define CHILDREN 1200
#define AT_ONCE 40

int main(void) {
	int p[2];
	long sum = 0, count = 0, bad = 0;
	MUST(pipe(p));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t k = MUST(fork());
		if (!k) {
			int own[2], v = 0;
			close(p[0]);
			MUST(pipe(own)); /* and one on a pipe of its own */
			MUST(write(own[1], &i, sizeof i));
			MUST(read(own[0], &v, sizeof v));
			_exit(write(p[1], &v, sizeof v) == sizeof v ? 0 : 1);
		}
		if (i >= AT_ONCE) {
			int st;
			MUST(wait(&st));
			bad += st != 0;
		}
		if (i % 1000 == 999)
			for (int n = 0, v; n < 900; n++, count++) { MUST(read(p[0], &v, sizeof v)); sum += v; }
	}
	for (int st; wait(&st) > 0;) bad += st != 0;
	close(p[1]);
	for (int v; read(p[0], &v, sizeof v) == sizeof v; count++) sum += v;
	printf("%ld words, sum %ld, %ld bad\n", count, sum, bad);
	return 0;
}
