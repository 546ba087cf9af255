/* shutdown and close of socketpairs: what each side reads, writes and polls afterwards. */
#include "t.h"

static const struct { const char *name; int type; } types[] = {
	{"stream", SOCK_STREAM}, {"packets", SOCK_SEQPACKET}, {"datagrams", SOCK_DGRAM}};
static volatile sig_atomic_t pipes;
static void count(int s) { (void)s; pipes++; }

static void look(const char *who, int fd) {
	struct pollfd q = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
	poll(&q, 1, 0);
	printf("    %s polls %x\n", who, q.revents);
}

static void err(int fd) {
	int e = 0;
	socklen_t l = sizeof e;
	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &l));
	printf("    SO_ERROR %s\n", e ? strerrorname_np(e) : "0");
}

static void use(int a, int b) {
	char c[100];
	pipes = 0;
	look("a", a);
	look("b", b);
	DO(send(a, "from a", 6, 0));
	DO(send(b, "from b!", 7, 0));
	DO(recv(a, c, 100, 0));
	DO(recv(a, c, 100, 0));
	DO(recv(b, c, 100, 0));
	DO(recv(b, c, 100, 0));
	DO(send(b, "x", 1, MSG_NOSIGNAL));
	look("a", a);
	look("b", b);
	printf("    SIGPIPE %d\n", pipes);
}

int main(void) {
	int s[2];
	char c[100];
	signal(SIGPIPE, count);
	for (int t = 0; t < 3; t++) {
		for (int how = 0; how < 4; how++) {
			printf("%s, shutdown %d\n", types[t].name, how);
			MUST(socketpair(AF_UNIX, types[t].type | SOCK_NONBLOCK, 0, s));
			MUST(send(s[1], "before", 6, 0));
			MUST(send(s[0], "before", 6, 0));
			DO(shutdown(s[0], how));
			use(s[0], s[1]);
			DO(shutdown(s[0], how));
			close(s[0]);
			close(s[1]);
		}
		for (int unread = 0; unread < 2; unread++) {
			printf("%s, peer gone, %d unread\n", types[t].name, unread);
			MUST(socketpair(AF_UNIX, types[t].type | SOCK_NONBLOCK, 0, s));
			MUST(send(s[1], "for b", 5, 0));
			if (unread) MUST(send(s[0], "for a", 5, 0));
			close(s[1]);
			pipes = 0;
			look("a", s[0]);
			DO(recv(s[0], c, 100, 0));
			DO(send(s[0], "y", 1, 0));
			DO(recv(s[0], c, 100, 0));
			DO(recv(s[0], c, 100, 0));
			DO(send(s[0], "y", 1, 0));
			err(s[0]);
			DO(shutdown(s[0], SHUT_RDWR));
			look("a", s[0]);
			printf("    SIGPIPE %d\n", pipes);
			close(s[0]);
			MUST(socketpair(AF_UNIX, types[t].type | SOCK_NONBLOCK, 0, s));
			if (unread) MUST(send(s[0], "for a", 5, 0));
			close(s[1]);
			err(s[0]);
			err(s[0]);
			DO(write(s[0], "y", 1));
			close(s[0]);
		}
		/* who waits is woken: by shutdown, and by the death of the other side */
		for (int how = 0; how < 3; how++) {
			MUST(socketpair(AF_UNIX, types[t].type, 0, s));
			pid_t p = MUST(fork());
			if (!p) {
				close(s[1]);
				if (how == 2 && types[t].type == SOCK_DGRAM) alarm(1); /* nothing tells it */
				ssize_t n = recv(s[0], c, 100, 0);
				printf("  woken: %zd\n", n);
				_exit(0);
			}
			if (how) close(s[0]);
			blocked(p);
			if (how == 0) shutdown(s[0], SHUT_RD);
			if (how == 1) shutdown(s[1], SHUT_RDWR);
			if (how == 1 && types[t].type == SOCK_DGRAM) { printf("  "); DO(send(s[1], "q", 1, MSG_NOSIGNAL)); kill(p, SIGKILL); }
			if (how == 2) close(s[1]);
			reap(types[t].name, p);
			if (how == 0) close(s[0]);
			if (how < 2) close(s[1]);
		}
		/* a sender that waits for room when the peer goes */
		MUST(socketpair(AF_UNIX, types[t].type, 0, s));
		nonblocking(s[0], 1);
		fill(s[0], 2000);
		nonblocking(s[0], 0);
		pid_t p = MUST(fork());
		if (!p) {
			close(s[1]);
			ssize_t n = send(s[0], c, 100, 0);
			printf("  blocked send: %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
			_exit(0);
		}
		blocked(p);
		close(s[1]);
		reap(types[t].name, p);
		close(s[0]);
	}
	return 0;
}
