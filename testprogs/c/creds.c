/* SO_PASSCRED, SO_PEERCRED and SCM_CREDENTIALS. */
#include "msg.h"

static ssize_t send_creds(int s, pid_t pid, uid_t uid, gid_t gid) {
	char control[CMSG_SPACE(sizeof(struct ucred))] = {0};
	struct iovec v = {"c", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct ucred u = {pid, uid, gid};
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof u);
	memcpy(CMSG_DATA(c), &u, sizeof u);
	return sendmsg(s, &m, 0);
}

int main(void) {
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	for (int t = 0; t < 3; t++) {
		int s[2], on = 1, got[8];
		struct ucred u;
		socklen_t l = sizeof u;
		printf("type %d\n", types[t]);
		MUST(socketpair(AF_UNIX, types[t] | SOCK_NONBLOCK, 0, s));
		MUST(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &l));
		printf("  peer %d %d %d\n", u.pid == getpid(), u.uid == getuid(), u.gid == getgid());
		MUST(send(s[0], "early", 5, 0));
		DO(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
		recv_fds(s[1], 10, 100, got, 0);
		MUST(send(s[0], "late", 4, 0));
		recv_fds(s[1], 10, 100, got, 0);
		MUST(send(s[0], "late", 4, 0));
		recv_fds(s[1], 10, 0, got, 0);
		DO(send_creds(s[0], getpid(), getuid(), getgid()));
		recv_fds(s[1], 10, 100, got, 0);
		DO(send_creds(s[0], 1 << 22, getuid(), getgid()) < 0);
		int p[2];
		MUST(pipe(p));
		MUST(send_fds(s[0], "both", 4, p, 2, 0));
		int n = recv_fds(s[1], 10, 200, got, 0);
		while (n) close(got[--n]);
		/* who sends is named, also when it is a child; a stream does not mix senders */
		MUST(send(s[0], "me", 2, 0));
		pid_t k = MUST(fork());
		if (!k) { MUST(send(s[0], "kid", 3, 0)); _exit(0); }
		reap("kid", k);
		recv_fds(s[1], 10, 100, got, 0);
		recv_fds(s[1], 10, 100, got, 0);
		recv_fds(s[1], 10, 100, got, 0);
		on = 0;
		DO(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
		MUST(send(s[0], "off", 3, 0));
		recv_fds(s[1], 10, 100, got, 0);
		for (int i = 0; i < 2; i++) { close(s[i]); close(p[i]); }
	}
	return 0;
}
