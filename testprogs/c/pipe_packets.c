/* O_DIRECT pipes keep the bounds of writes. */
#include "t.h"

static void reads(int fd, size_t size) {
	char b[10000];
	for (ssize_t n; (n = read(fd, b, size)) >= 0;) printf("  read %zd\n", n);
	printf("  %s\n", strerrorname_np(errno));
}

int main(void) {
	int p[2];
	char b[20000] = {0};
	MUST(pipe2(p, O_NONBLOCK | O_DIRECT));
	DO(write(p[1], b, 10));
	DO(write(p[1], b, 20));
	DO(write(p[1], b, 0));
	DO(write(p[1], b, 4096));
	DO(write(p[1], b, 4097));
	reads(p[0], sizeof b);
	DO(write(p[1], b, 100));
	DO(write(p[1], b, 7));
	reads(p[0], 50); /* what does not fit is lost */
	DO(write(p[1], b, 100));
	struct iovec v[2] = {{b, 30}, {b + 30, 30}};
	DO(readv(p[0], v, 2));
	reads(p[0], 50);
	DO(writev(p[1], v, 2));
	reads(p[0], 100);
	int n = 0;
	while (write(p[1], b, 1) == 1) n++;
	printf("%d packets fit\n", n);
	DO(read(p[0], b, 1));
	DO(write(p[1], b, 1));
	DO(write(p[1], b, 1));
	drain(p[0]);

	/* the mark belongs to the open file of the write end, and to the slot */
	MUST(fcntl(p[1], F_SETFL, O_NONBLOCK));
	DO(write(p[1], b, 5));
	MUST(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
	DO(write(p[1], b, 6));
	DO(write(p[1], b, 7));
	MUST(fcntl(p[1], F_SETFL, O_NONBLOCK));
	DO(write(p[1], b, 8));
	DO(write(p[1], b, 9));
	reads(p[0], 1000);

	nonblocking(p[0], 0);
	MUST(fcntl(p[1], F_SETFL, O_DIRECT));
	pid_t w = MUST(fork());
	if (!w) {
		close(p[0]);
		for (int i = 1; i <= 100; i++)
			if (write(p[1], b, i * 40) != i * 40) _exit(1);
		_exit(0);
	}
	close(p[1]);
	long all = 0, count = 0;
	for (ssize_t r; (r = read(p[0], b, sizeof b)) > 0; count++) all += r;
	printf("%ld packets, %ld bytes\n", count, all);
	reap("writer", w);
	return 0;
}
