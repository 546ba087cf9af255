/* socketpair: types, flags, and how each type keeps or loses the bounds of messages. */
#include "t.h"

static const struct { const char *name; int type; } types[] = {
	{"stream", SOCK_STREAM}, {"packets", SOCK_SEQPACKET}, {"datagrams", SOCK_DGRAM}, {"raw", SOCK_RAW}};

static void opt(int fd, int name, const char *what) {
	int v = -1;
	socklen_t l = sizeof v;
	if (getsockopt(fd, SOL_SOCKET, name, &v, &l)) printf("  %s %s\n", what, strerrorname_np(errno));
	else printf("  %s %d (%d bytes)\n", what, v, l);
}

static void one(int t) {
	int s[2];
	char b[1000] = {0}, name[64];
	struct sockaddr_storage a;
	socklen_t l = sizeof a;
	struct stat st[2];
	printf("%s\n", types[t].name);
	DO(socketpair(AF_UNIX, types[t].type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s));
	for (int i = 0; i < 2; i++) {
		MUST(fstat(s[i], &st[i]));
		printf("  fd %d fl %x fd %x mode %o\n", s[i], fcntl(s[i], F_GETFL), fcntl(s[i], F_GETFD), st[i].st_mode);
	}
	snprintf(name, sizeof name, "/proc/self/fd/%d", s[0]);
	DO(open(name, O_RDWR));
	printf("  two inodes: %d\n", st[0].st_ino != st[1].st_ino);
	opt(s[0], SO_TYPE, "type");
	opt(s[0], SO_DOMAIN, "domain");
	opt(s[0], SO_PROTOCOL, "protocol");
	opt(s[0], SO_SNDBUF, "sndbuf");
	opt(s[0], SO_RCVBUF, "rcvbuf");
	opt(s[0], SO_ERROR, "error");
	opt(s[0], SO_ACCEPTCONN, "listening");
	opt(s[0], SO_RCVLOWAT, "lowat");
	opt(s[0], 9999, "nonsense");
	DO(getsockopt(s[0], 77, 1, b, &l));
	l = sizeof a;
	DO(getsockname(s[0], (void *)&a, &l));
	printf("  name of %d bytes, family %d\n", l, a.ss_family);
	DO(listen(s[0], 1));
	DO(accept(s[0], NULL, NULL));
	DO(read(s[0], b, 10));
	DO(read(s[0], b, 0));
	DO(recv(s[0], b, 0, 0));
	DO(write(s[1], "hello", 5));
	DO(write(s[1], "", 0));
	DO(write(s[1], "worlds", 6));
	DO(recv(s[0], b, 3, MSG_PEEK));
	DO(recv(s[0], b, 2, 0));
	DO(recv(s[0], b, 100, MSG_TRUNC | MSG_PEEK));
	DO(recv(s[0], b, 2, MSG_TRUNC));
	DO(read(s[0], b, 100));
	DO(read(s[0], b, 100));
	DO(send(s[1], b, 900, MSG_EOR));
	struct iovec v = {b, 100};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = &a, .msg_namelen = sizeof a};
	DO(recvmsg(s[0], &m, 0));
	printf("  flags %x name %d control %zu\n", m.msg_flags, m.msg_namelen, m.msg_controllen);
	drain(s[0]);
	DO(send(s[1], "x", 1, MSG_OOB));
	DO(recv(s[0], b, 1, MSG_OOB));
	drain(s[0]);
	DO(recv(s[0], b, 1, MSG_ERRQUEUE));
	DO(sendto(s[1], "x", 1, 0, (struct sockaddr *)&(struct sockaddr){AF_UNIX, "/nowhere"}, 12));
	drain(s[0]);
	DO(lseek(s[0], 0, SEEK_SET));
	DO(pread(s[0], b, 1, 0));
	DO(fsync(s[0]));
	DO(ftruncate(s[0], 0));
	printf("  by 1: %ld\n", fill(s[1], 1));
	printf("  and back: %ld\n", drain(s[0]));
	printf("  by 5000: %ld\n", fill(s[1], 5000));
	printf("  and back: %ld\n", drain(s[0]));
	printf("  by 300000: %ld\n", fill(s[1], 300000));
	close(s[0]);
	close(s[1]);
}

int main(void) {
	int s[2];
	signal(SIGPIPE, SIG_IGN);
	for (int t = 0; t < 4; t++) one(t);
	DO(socketpair(AF_UNIX, 4, 0, s));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 1, s));
	close(s[0]);
	close(s[1]);
	DO(socketpair(AF_UNIX, SOCK_STREAM, 2, s));
	DO(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, s));
	DO(socketpair(AF_INET, SOCK_STREAM, 0, s));
	DO(socketpair(99, SOCK_STREAM, 0, s));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)16));
	DO(dup(0)); /* nothing of the failures was left behind */
	return 0;
}
