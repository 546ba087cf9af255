/* SO_SNDBUF and its kin, timeouts, SO_RCVLOWAT, and the longest message. */
#include "t.h"

static void set(int fd, int name, const char *what, int v) {
	int got;
	socklen_t l = sizeof got;
	int r = setsockopt(fd, SOL_SOCKET, name, &v, sizeof v);
	if (r) printf("%s %d: %s\n", what, v, strerrorname_np(errno));
	MUST(getsockopt(fd, SOL_SOCKET, name, &got, &l));
	printf("%s %d -> %d\n", what, v, got);
}

static void timeout(int fd, int name, long sec, long usec) {
	struct timeval v = {sec, usec};
	socklen_t l = sizeof v;
	int r = setsockopt(fd, SOL_SOCKET, name, &v, sizeof v);
	printf("%s {%ld, %ld}: %s", name == SO_RCVTIMEO ? "rcvtimeo" : "sndtimeo", sec, usec, r ? strerrorname_np(errno) : "ok");
	MUST(getsockopt(fd, SOL_SOCKET, name, &v, &l));
	printf(", now {%ld, %ld}\n", (long)v.tv_sec, (long)v.tv_usec);
}

int main(void) {
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int s[2];
	char *b = calloc(1, 1 << 20);
	signal(SIGPIPE, SIG_IGN);
	for (int t = 0; t < 3; t++) {
		printf("type %d\n", types[t]);
		MUST(socketpair(AF_UNIX, types[t], 0, s));
		nonblocking(s[0], 1);
		nonblocking(s[1], 1);
		static const int sizes[] = {0, 1, 2304, 5000, 65536, 1 << 30, -1};
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			set(s[0], SO_SNDBUF, "sndbuf", sizes[i]);
			if (sizes[i] >= 0 && sizes[i] <= 65536) {
				long in = fill(s[0], 700), out = drain(s[1]);
				printf("  by 700: %ld in, %ld out\n", in, out);
			}
			set(s[0], SO_RCVBUF, "rcvbuf", sizes[i]);
		}
		set(s[0], SO_SNDBUF, "sndbuf", 10000);
		DO(send(s[0], b, 20000 - 32, 0));
		DO(send(s[0], b, 20000 - 31, 0));
		drain(s[1]);
		DO(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, b, 1));
		DO(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, NULL, 4));
		DO(setsockopt(s[0], SOL_SOCKET, SO_TYPE, b, 4));
		timeout(s[1], SO_RCVTIMEO, 0, 30000);
		timeout(s[1], SO_RCVTIMEO, 0, 1000000);
		timeout(s[1], SO_RCVTIMEO, -1, 0);
		timeout(s[1], SO_RCVTIMEO, 0, 20000);
		timeout(s[0], SO_SNDTIMEO, 0, 20000);
		fill(s[0], 1000);
		nonblocking(s[0], 0);
		DO(send(s[0], b, 1000, 0));
		drain(s[1]);
		nonblocking(s[1], 0);
		DO(recv(s[1], b, 1, 0));
		DO(read(s[1], b, 1));
		if (types[t] == SOCK_STREAM) {
			set(s[1], SO_RCVLOWAT, "lowat", 5);
			DO(send(s[0], "abc", 3, 0));
			DO(poll(&(struct pollfd){s[1], POLLIN, 0}, 1, 0));
			DO(recv(s[1], b, 100, 0)); /* waits for five, gets three at the timeout */
			DO(send(s[0], "abcdefg", 7, 0));
			DO(recv(s[1], b, 100, 0));
			DO(send(s[0], "abcdefg", 7, 0));
			DO(recv(s[1], b, 20, MSG_WAITALL));
			DO(send(s[0], "abcdefg", 7, 0));
			DO(recv(s[1], b, 20, MSG_WAITALL | MSG_DONTWAIT));
			DO(send(s[0], "abcdefg", 7, 0));
			DO(recv(s[1], b, 20, MSG_WAITALL | MSG_PEEK));
		}
		close(s[0]);
		close(s[1]);
	}
	/* a longer buffer wakes who waits for room */
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	nonblocking(s[0], 1);
	fill(s[0], 4096);
	nonblocking(s[0], 0);
	pid_t w = MUST(fork());
	if (!w) _exit(write(s[0], b, 1000) == 1000 ? 0 : 1);
	blocked(w);
	nonblocking(s[1], 1);
	drain(s[1]);
	reap("writer", w);
	return 0;
}
