/* F_GETPIPE_SZ and F_SETPIPE_SZ, and what they make of a pipe that is in use. */
#include "t.h"

int main(void) {
	int p[2];
	char b[65536] = {0};
	MUST(pipe2(p, O_NONBLOCK));
	DO(fcntl(p[0], F_GETPIPE_SZ));
	static const long want[] = {0, 1, 4096, 4097, 8192, 10000, 65536, 65537, 1 << 20, 1L << 31, -1, 1L << 32};
	for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
		errno = 0;
		long r = fcntl(p[i & 1], F_SETPIPE_SZ, want[i]);
		printf("set %ld: %ld %s, now %d\n", want[i], r, r < 0 ? strerrorname_np(errno) : "", fcntl(p[1], F_GETPIPE_SZ));
	}
	DO(fcntl(p[1], F_SETPIPE_SZ, 65536));
	for (int i = 0; i < 5; i++) MUST(write(p[1], b, 2049));
	DO(fcntl(p[1], F_SETPIPE_SZ, 16384));
	DO(fcntl(p[1], F_SETPIPE_SZ, 32768));
	printf("held %ld\n", drain(p[0]));
	for (int pages = 1; pages <= 64; pages *= 4) {
		MUST(fcntl(p[0], F_SETPIPE_SZ, pages * 4096));
		long in = fill(p[1], 4096);
		printf("%d pages take %ld", pages, in);
		printf(", give %ld\n", drain(p[0]));
	}
	/* growing wakes a writer that waits for room */
	MUST(fcntl(p[0], F_SETPIPE_SZ, 4096));
	fill(p[1], 4096);
	nonblocking(p[1], 0);
	pid_t w = MUST(fork());
	if (!w) _exit(write(p[1], b, 4096) == 4096 ? 0 : 1);
	blocked(w);
	DO(fcntl(p[1], F_SETPIPE_SZ, 8192));
	reap("writer", w);
	printf("held %ld\n", drain(p[0]));
	DO(fcntl(0, F_GETPIPE_SZ));
	int s[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	DO(fcntl(s[0], F_GETPIPE_SZ));
	DO(fcntl(s[0], F_SETPIPE_SZ, 4096));
	return 0;
}
