/* msg.h: sending and receiving descriptors and credentials. */
#include "t.h"

/* send_fds sends text with n descriptors beside it. */
__attribute__((unused)) static ssize_t send_fds(int s, const char *text, size_t len, const int *fds, int n, int flags) {
	char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
	struct iovec v = {(char *)text, len};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	if (n) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	return sendmsg(s, &m, flags);
}

/* recv_fds receives into text, with room for that many bytes of control data, and prints what came. The
   descriptors are stored in fds; their count is returned. */
__attribute__((unused)) static int recv_fds(int s, size_t len, size_t room, int *fds, int flags) {
	char text[4096] = {0}, control[CMSG_SPACE(sizeof(int) * 300)];
	struct iovec v = {text, len};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room};
	int n = 0;
	errno = 0;
	ssize_t r = recvmsg(s, &m, flags);
	printf("  recvmsg %zd %s \"%.*s\" flags %x control %zu:", r, r < 0 ? strerrorname_np(errno) : "", r > 0 ? (int)r : 0, text, m.msg_flags, r < 0 ? 0 : m.msg_controllen);
	for (struct cmsghdr *c = r < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			int got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds + n, CMSG_DATA(c), got * sizeof(int));
			printf(" %d fds", got);
			for (int i = n; i < n + got && i < 8; i++) printf(" %d%s", fds[i], fcntl(fds[i], F_GETFD) ? "c" : "");
			n += got;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;
			memcpy(&u, CMSG_DATA(c), sizeof u);
			printf(" creds of %s uid %d gid %d", u.pid == getpid() ? "me" : u.pid == getppid() ? "my parent" : u.pid ? "another" : "nobody", u.uid, u.gid);
		} else printf(" cmsg %d/%d", c->cmsg_level, c->cmsg_type);
	}
	printf("\n");
	return n;
}
