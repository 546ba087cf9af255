/* A pair is given back to the kernel at any moment while a process sends descriptors through it and another thread
   receives them: none is lost, none comes twice, and each goes with its own bytes. */
#include "msg.h"
#include <sys/un.h>

#define MESSAGES 40

static int s[2], bad;

/* each message has its number, and a pipe in which the number lies */
static void *sender(void *arg) {
	(void)arg;
	for (int i = 0; i < MESSAGES; i++) {
		int p[2];
		MUST(pipe(p));
		MUST(write(p[1], &i, sizeof i));
		MUST(send_fds(s[0], (char *)&i, sizeof i, (int[]){p[0], p[1]}, i % 3, 0));
		close(p[0]);
		close(p[1]);
	}
	return NULL;
}

static void *receiver(void *arg) {
	(void)arg;
	for (int i = 0; i < MESSAGES; i++) {
		int got = -1, inside = -1, fds[2];
		char control[CMSG_SPACE(sizeof fds)];
		struct iovec v = {&got, sizeof got};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		ssize_t r = recvmsg(s[1], &m, 0);
		struct cmsghdr *c = r < 0 ? NULL : CMSG_FIRSTHDR(&m);
		int n = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
		if (n) memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		if (n) MUST(read(fds[0], &inside, sizeof inside));
		if (r != sizeof got || got != i || n != i % 3 || (n && inside != i)) {
			printf("  message %d: %zd bytes, number %d, %d descriptors, %d inside\n", i, r, got, n, inside);
			bad++;
		}
		while (n) close(fds[--n]);
	}
	return NULL;
}

int main(void) {
	const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	for (int round = 0; round < 24; round++) {
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		MUST(socketpair(AF_UNIX, types[round % 3], 0, s));
		pthread_t r = thread(receiver, NULL), w = 0;
		pid_t p = 0;
		if (round % 2) w = thread(sender, NULL);
		else if ((p = MUST(fork())) == 0) { sender(NULL); _exit(0); }
		usleep(round * 400);
		MUST(bind(s[round / 2 % 2], (struct sockaddr *)&a, sizeof a.sun_family));
		if (p) MUST(waitpid(p, NULL, 0));
		else pthread_join(w, NULL);
		pthread_join(r, NULL);
		close(s[0]);
		close(s[1]);
	}
	printf("%d bad\n", bad);
	return bad > 0;
}
