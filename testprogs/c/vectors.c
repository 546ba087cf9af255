/* readv, writev, preadv2, pwritev2, recvmmsg and sendmmsg. */
#include "t.h"

int main(void) {
	int p[2], s[2];
	char a[10], b[10], c[100], *big = calloc(1, 1 << 20);
	struct iovec in[3] = {{"one", 3}, {"", 0}, {"three", 5}}, out[3] = {{a, 2}, {b, 4}, {c, 100}};
	MUST(pipe2(p, O_NONBLOCK));
	DO(writev(p[1], in, 3));
	DO(writev(p[1], in, 0));
	DO(writev(p[1], in, -1));
	DO(writev(p[1], (struct iovec *)big, 1025));
	DO(readv(p[0], out, 3));
	printf("%.2s %.4s %.2s\n", a, b, c);
	DO(readv(p[0], out, 3));
	DO(readv(p[0], out, 0));
	DO(writev(p[1], NULL, 1));
	DO(writev(p[1], NULL, 0));
	struct iovec long1[2] = {{a, 1}, {b, (size_t)1 << 63}}, hole[3] = {{"ab", 2}, {(void *)8, 4}, {"cd", 2}};
	DO(writev(p[1], long1, 2));
	DO(writev(p[1], hole, 3));
	printf("queued %ld\n", drain(p[0]));
	/* atomic when PIPE_BUF holds all, whole or not at all */
	fill(p[1], 4096);
	MUST(read(p[0], big, 4096));
	struct iovec half[2] = {{big, 2048}, {big, 2049}};
	DO(writev(p[1], half, 2));
	half[1].iov_len = 2048;
	MUST(read(p[0], big, 4096));
	DO(writev(p[1], half, 2));
	drain(p[0]);
	struct iovec lots[64];
	for (int i = 0; i < 64; i++) lots[i] = (struct iovec){big + i * 3000, 3000};
	DO(writev(p[1], lots, 64));
	DO(readv(p[0], lots, 64));
	DO(preadv2(p[0], out, 1, -1, 0));
	DO(pwritev2(p[1], in, 3, -1, 0));
	DO(preadv2(p[0], out, 3, -1, 0));
	DO(preadv2(p[0], out, 3, 0, 0));
	DO(pwritev2(p[1], in, 3, 0, 0));
	DO(preadv(p[0], out, 3, 0));
	nonblocking(p[0], 0);
	DO(preadv2(p[0], out, 3, -1, RWF_NOWAIT));
	DO(preadv2(p[0], out, 3, -1, 0x4000));
	DO(pwritev2(p[1], in, 3, -1, RWF_NOWAIT));
	DO(pwritev2(p[1], in, 3, -1, RWF_APPEND));
	DO(pwritev2(p[1], in, 3, -1, RWF_DSYNC));

	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	for (int t = 0; t < 3; t++) {
		printf("type %d\n", types[t]);
		MUST(socketpair(AF_UNIX, types[t] | SOCK_NONBLOCK, 0, s));
		DO(writev(s[0], in, 3));
		DO(writev(s[0], in, 3));
		DO(readv(s[1], out, 2));
		DO(readv(s[1], out, 3));
		DO(pwritev2(s[0], in, 3, -1, 0));
		DO(preadv2(s[1], out, 3, -1, 0));
		struct mmsghdr m[3] = {{{.msg_iov = in, .msg_iovlen = 1}, 0}, {{.msg_iov = in + 2, .msg_iovlen = 1}, 0}, {{.msg_iov = in, .msg_iovlen = 3}, 0}};
		DO(sendmmsg(s[0], m, 3, 0));
		printf("lengths %u %u %u\n", m[0].msg_len, m[1].msg_len, m[2].msg_len);
		for (int i = 0; i < 3; i++) m[i] = (struct mmsghdr){{.msg_iov = &out[i], .msg_iovlen = 1}, 0};
		DO(recvmmsg(s[1], m, 3, 0, NULL));
		printf("lengths %u %u %u flags %x %x %x\n", m[0].msg_len, m[1].msg_len, m[2].msg_len, m[0].msg_hdr.msg_flags, m[1].msg_hdr.msg_flags, m[2].msg_hdr.msg_flags);
		drain(s[1]);
		DO(recvmmsg(s[1], m, 3, 0, NULL));
		DO(sendmmsg(s[0], m, 0, 0));
		MUST(send(s[0], "only", 4, 0));
		nonblocking(s[1], 0);
		DO(recvmmsg(s[1], m, 1, MSG_WAITFORONE, NULL));
		MUST(send(s[0], "only", 4, 0));
		DO(recvmmsg(s[1], m + 2, 1, 0, &(struct timespec){0, 1000000}));
		struct msghdr wide = {.msg_iov = lots, .msg_iovlen = 1025};
		DO(sendmsg(s[0], &wide, 0));
		close(s[0]);
		close(s[1]);
	}
	return 0;
}
