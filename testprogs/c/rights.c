/* SCM_RIGHTS: descriptors in messages, where they stand among the bytes, and how long they live. */
#include "msg.h"

static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

static void basics(int type) {
	int s[2], p[2], got[300], many[300];
	char c;
	printf("type %d\n", type);
	MUST(socketpair(AF_UNIX, type, 0, s));
	MUST(pipe(p));
	DO(send_fds(s[0], "one", 3, p, 2, 0));
	int n = recv_fds(s[1], 100, CMSG_SPACE(8), got, 0);
	if (n == 2) {
		MUST(write(got[1], "k", 1));
		DO(read(p[0], &c, 1));
		close(p[1]);
		close(got[1]); /* both writers are gone */
		DO(read(got[0], &c, 1));
		close(got[0]);
		close(p[0]);
	}
	/* a pipe whose only holder is the message */
	MUST(pipe(p));
	DO(send_fds(s[0], "w", 1, &p[1], 1, 0));
	close(p[1]);
	nonblocking(p[0], 1);
	DO(read(p[0], &c, 1));
	n = recv_fds(s[1], 1, CMSG_SPACE(4), got, MSG_CMSG_CLOEXEC);
	MUST(write(got[0], "v", 1));
	close(got[0]);
	DO(read(p[0], &c, 1));
	DO(read(p[0], &c, 1));
	close(p[0]);
	/* a message that nobody ever receives */
	MUST(pipe(p));
	DO(send_fds(s[0], "z", 1, &p[1], 1, 0));
	close(p[1]);
	close(s[0]);
	close(s[1]);
	DO(read(p[0], &c, 1));
	/* too little room, none, and a plain read */
	MUST(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s));
	for (int i = 0; i < 300; i++) many[i] = p[0];
	DO(send_fds(s[0], "five", 4, many, 5, 0));
	n = recv_fds(s[1], 100, CMSG_SPACE(4), got, 0);
	while (n) close(got[--n]);
	DO(send_fds(s[0], "five", 4, many, 5, 0));
	recv_fds(s[1], 100, 0, got, 0);
	DO(send_fds(s[0], "five", 4, many, 5, 0));
	DO(read(s[1], &c, 1));
	drain(s[1]);
	DO(dup(0));
	close(9);
	DO(send_fds(s[0], "peek", 4, many, 1, 0));
	n = recv_fds(s[1], 100, CMSG_SPACE(4), got, MSG_PEEK);
	while (n) close(got[--n]);
	n = recv_fds(s[1], 100, CMSG_SPACE(4), got, 0);
	while (n) close(got[--n]);
	DO(send_fds(s[0], "253", 3, many, 253, 0));
	n = recv_fds(s[1], 100, CMSG_SPACE(253 * 4), got, 0);
	while (n) close(got[--n]);
	DO(send_fds(s[0], "254", 3, many, 254, 0));
	many[1] = 999;
	DO(send_fds(s[0], "bad", 3, many, 2, 0));
	recv_fds(s[1], 100, 100, got, 0);
	DO(send_fds(s[0], "", 0, many, 1, 0));
	n = recv_fds(s[1], 100, 100, got, 0);
	while (n) close(got[--n]);
	DO(send_fds(s[0], "itself", 6, s, 2, 0)); /* a socket within itself: the kernel's own litter */
	close(s[0]);
	close(s[1]);
	close(p[0]);
}

static void bounds(void) {
	int s[2], p[2], got[8], n;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	MUST(pipe(p));
	for (int round = 0; round < 2; round++) {
		MUST(send(s[0], "AA", 2, 0));
		MUST(send_fds(s[0], "BB", 2, p, 1, 0));
		MUST(send(s[0], "CC", 2, 0));
		MUST(send_fds(s[0], "DD", 2, p, 2, 0));
		MUST(send_fds(s[0], "EE", 2, p, 1, 0));
		for (int i = 0; i < 4; i++) {
			n = recv_fds(s[1], round ? 3 : 100, CMSG_SPACE(16), got, 0);
			while (n) close(got[--n]);
		}
		drain(s[1]);
	}
	MUST(send(s[0], "AA", 2, 0));
	MUST(send_fds(s[0], "BB", 2, p, 1, 0));
	MUST(send(s[0], "CC", 2, 0));
	char b[10];
	DO(read(s[1], b, 10));
	DO(read(s[1], b, 10));
}

/* descriptors cross processes, and the receiver waits for them */
static void across(void) {
	int s[2], p[2], got[8];
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	pid_t k = MUST(fork());
	if (!k) {
		char c[10];
		close(s[0]);
		recv_fds(s[1], 10, CMSG_SPACE(8), got, 0);
		ssize_t n = read(got[0], c, 10);
		printf("  child read %zd\n", n);
		MUST(write(got[1], "answer", 6));
		_exit(0);
	}
	close(s[1]);
	blocked(k);
	int to[2], from[2];
	MUST(pipe(to));
	MUST(pipe(from));
	p[0] = to[0];
	p[1] = from[1];
	MUST(send_fds(s[0], "x", 1, p, 2, 0));
	close(to[0]);
	close(from[1]);
	MUST(write(to[1], "question", 8));
	char b[10];
	DO(read(from[0], b, 10));
	DO(read(from[0], b, 10));
	reap("child", k);
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	for (int t = 0; t < 3; t++) basics(types[t]);
	bounds();
	across();
	return 0;
}
