/* recvmmsg has a message with a descriptor and waits for the next: the other threads go on with the descriptor table
   meanwhile, and one of them sends that message. */
#include "msg.h"

static int s[2];
static pid_t tid;

static void *receiver(void *arg) {
	char text[3][8] = {{0}}, control[3][CMSG_SPACE(sizeof(int) * 4)];
	struct iovec v[3];
	struct mmsghdr m[3] = {{{0}}};
	for (int i = 0; i < 3; i++) {
		v[i] = (struct iovec){text[i], sizeof text[i]};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
	}
	tid = gettid();
	int n = recvmmsg(s[1], m, 3, 0, arg);
	printf("recvmmsg %d %s\n", n, n < 0 ? strerrorname_np(errno) : "");
	for (int i = 0; i < n; i++) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr);
		int fd = -1;
		if (c) memcpy(&fd, CMSG_DATA(c), sizeof fd);
		printf("  %.*s, %s\n", (int)m[i].msg_len, text[i], c ? "with a descriptor" : "alone");
		if (c) close(fd);
	}
	return NULL;
}

int main(void) {
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	for (int i = 0; i < 20; i++) {
		tid = 0;
		pthread_t t = thread(receiver, NULL);
		while (!tid) usleep(1000);
		if (i < 3) blocked(tid);
		int p[2];
		MUST(pipe(p));
		MUST(send_fds(s[0], "first", 5, p, 1, 0));
		if (i < 3) blocked(tid);
		close(p[0]);
		MUST(send_fds(s[0], "second", 6, p + 1, 1, 0));
		close(p[1]);
		MUST(pipe(p));
		close(p[0]);
		close(p[1]);
		MUST(write(s[0], "third", 5));
		pthread_join(t, NULL);
	}
	return 0;
}
