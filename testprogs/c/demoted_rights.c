/* A pair with descriptors in flight does something that a model may not serve (bind, io_uring): all that lies in it, and
   all that lies in what lies in it, arrives as it was sent. */
#include "msg.h"
#include <sys/un.h>

static const char *names[] = {"STREAM", "SEQPACKET", "DGRAM"};
static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

static void name_it(int s) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	DO(bind(s, (struct sockaddr *)&a, sizeof a.sun_family));
}

/* a file of the kernel's with text in it */
static int file(const char *text) {
	int fd = MUST(memfd_create("t", 0));
	MUST(write(fd, text, strlen(text)));
	return fd;
}

/* a pipe's read end with text in it; nobody holds the pipe but who has that end */
static int piped(const char *text) {
	int p[2];
	MUST(pipe(p));
	MUST(write(p[1], text, strlen(text)));
	close(p[1]);
	return p[0];
}

static void give(int s, const char *text, int n, int *fds) {
	if (send_fds(s, text, strlen(text), fds, n, 0) < 0) printf("  send %s: %s\n", text, strerrorname_np(errno));
	for (int i = 0; i < n; i++) close(fds[i]);
}

static void show(int fd) {
	char b[64] = {0};
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? read(fd, b, sizeof b - 1) : pread(fd, b, sizeof b - 1, 0);
	printf("    %s \"%s\"", n < 0 ? strerrorname_np(errno) : "has", b);
	n = read(fd, b, sizeof b);
	printf(" then %s %zd\n", n < 0 ? strerrorname_np(errno) : "", n);
}

/* take receives one message and shows what the descriptors lead to, which it closes */
static void take(int s, size_t room) {
	int fds[300];
	int n = recv_fds(s, 100, room, fds, MSG_DONTWAIT);
	for (int i = 0; i < n; i++) {
		if (n < 9) show(fds[i]);
		close(fds[i]);
	}
}

static void order(int type) {
	int s[2];
	MUST(socketpair(AF_UNIX, type, 0, s));
	give(s[0], "one", 0, NULL);
	give(s[0], "two", 1, (int[]){file("file 1")});
	give(s[0], "three", 0, NULL);
	give(s[0], "four", 3, (int[]){file("file 2"), piped("pipe 1"), file("file 3")});
	give(s[0], "five", 1, (int[]){piped("pipe 2")});
	give(s[0], "six", 0, NULL);
	give(s[1], "back", 1, (int[]){file("file 4")});
	name_it(s[1]);
	for (int i = 0; i < 7; i++) take(s[1], 200);
	for (int i = 0; i < 2; i++) take(s[0], 200);
	give(s[0], "after", 1, (int[]){piped("pipe 3")});
	take(s[1], 200);
	close(s[0]);
	close(s[1]);
}

/* what is read without looking for descriptors, in part, or with a look ahead */
static void parts(int type) {
	int s[2], off = 2, fds[300];
	char b[64];
	MUST(socketpair(AF_UNIX, type, 0, s));
	give(s[0], "abcdef", 1, (int[]){file("file 1")});
	give(s[0], "ghi", 1, (int[]){piped("pipe 1")});
	give(s[0], "jkl", 1, (int[]){file("file 2")});
	give(s[0], "mno", 1, (int[]){file("file 3")});
	DO(read(s[1], b, 3));
	MUST(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
	name_it(s[0]);
	int n = recv_fds(s[1], 100, 200, fds, MSG_PEEK | MSG_DONTWAIT);
	for (int i = 0; i < n; i++) close(fds[i]);
	take(s[1], 0);
	take(s[1], 200);
	memset(b, 0, sizeof b);
	DO(read(s[1], b, sizeof b));
	printf("    \"%s\"\n", b);
	take(s[1], 200);
	close(s[0]);
	close(s[1]);
}

/* the senders' names */
static void senders(int type) {
	int s[2], on = 1;
	MUST(socketpair(AF_UNIX, type, 0, s));
	give(s[0], "before", 1, (int[]){file("file 1")});
	MUST(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	give(s[0], "mine", 1, (int[]){file("file 2")});
	pid_t p = MUST(fork());
	if (!p) { give(s[0], "child's", 0, NULL); raise(SIGSTOP); _exit(0); }
	MUST(waitpid(p, NULL, WUNTRACED));
	name_it(s[0]);
	for (int i = 0; i < 3; i++) take(s[1], 200);
	kill(p, SIGCONT);
	reap("child", p);
	give(s[0], "after", 0, NULL);
	take(s[1], 200);
	close(s[0]);
	close(s[1]);
}

/* pairs in pairs: the one whose end lies in another is given back with it; the other way round it is reached there */
static void nested(int type) {
	int a[2], b[2], c[2], fds[300];
	MUST(socketpair(AF_UNIX, type, 0, a));
	MUST(socketpair(AF_UNIX, type, 0, b));
	MUST(socketpair(AF_UNIX, type, 0, c));
	give(a[0], "in a", 1, (int[]){piped("pipe in a")});
	give(a[1], "to a0", 1, (int[]){piped("pipe to a0")});
	give(b[0], "first", 1, (int[]){file("file in b")});
	give(b[0], "in b", 2, (int[]){file("second"), a[1]});
	give(c[0], "in c", 1, (int[]){b[1]});
	name_it(a[0]); /* a's other end is in b, whose other end is in c */
	name_it(c[1]);
	recv_fds(c[1], 100, 200, fds, MSG_DONTWAIT);
	b[1] = fds[0];
	take(b[1], 200);
	recv_fds(b[1], 100, 200, fds, MSG_DONTWAIT);
	show(fds[0]);
	a[1] = fds[1];
	take(a[1], 200);
	take(a[0], 200);
	give(a[0], "more", 0, NULL);
	take(a[1], 200);
	close(fds[0]);
	for (int i = 0; i < 2; i++) { close(a[i]); close(b[i]); close(c[i]); }
}

/* an end that lies in its own pair, and goes to its own queue */
static void knot(int type) {
	int s[2], fds[300];
	MUST(socketpair(AF_UNIX, type, 0, s));
	MUST(send_fds(s[0], "self", 4, (int[]){s[1]}, 1, 0));
	MUST(send_fds(s[0], "other", 5, (int[]){s[0]}, 1, 0));
	name_it(s[0]);
	for (int i = 0; i < 2; i++) {
		recv_fds(s[1], 100, 200, fds, MSG_DONTWAIT);
		give(fds[0], i ? "from other" : "from self", 0, NULL);
	}
	take(s[1], 200);
	take(s[0], 200);
	close(s[0]);
	close(s[1]);
}

/* as many as there is room for */
static void many(int type) {
	int s[2], fds[300], n = 0, got = 0, all = 0;
	char b[16];
	MUST(socketpair(AF_UNIX, type, 0, s));
	int f = file("file"), p = piped("");
	nonblocking(s[0], 1);
	for (;; n++) {
		snprintf(b, sizeof b, "%03d", n);
		if (send_fds(s[0], b, 3, (int[]){f, p, f}, n % 3, 0) < 0) break;
	}
	name_it(s[0]);
	for (;; got++) {
		struct iovec v = {b, 3};
		char control[200];
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		if (recvmsg(s[1], &m, MSG_DONTWAIT) != 3) break;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		int k = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
		if (k != got % 3 || atoi(b) != got) { printf("  at %d: %.3s with %d\n", got, b, k); break; }
		for (int i = 0; i < k; i++) { memcpy(fds, CMSG_DATA(c) + i * sizeof(int), sizeof(int)); close(fds[0]); }
		all += k;
	}
	printf("  %d sent, %d received with %d descriptors\n", n, got, all);
	close(f);
	close(p);
	close(s[0]);
	close(s[1]);
}

/* an urgent byte with a descriptor among others */
static void urgent(void) {
	int s[2], fds[300];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	give(s[0], "ab", 1, (int[]){file("file 1")});
	int f = file("file 2");
	MUST(send_fds(s[0], "cd", 2, &f, 1, MSG_OOB));
	give(s[0], "ef", 1, (int[]){file("file 3")});
	name_it(s[0]);
	take(s[1], 200);
	take(s[1], 200);
	recv_fds(s[1], 1, 0, fds, MSG_OOB | MSG_DONTWAIT);
	take(s[1], 200);
	close(f);
	close(s[0]);
	close(s[1]);
}

int main(void) {
	for (int i = 0; i < 3; i++) {
		printf("%s: order\n", names[i]);
		order(types[i]);
		printf("%s: parts\n", names[i]);
		parts(types[i]);
		printf("%s: senders\n", names[i]);
		senders(types[i]);
		printf("%s: nested\n", names[i]);
		nested(types[i]);
		printf("%s: knot\n", names[i]);
		knot(types[i]);
		printf("%s: many\n", names[i]);
		many(types[i]);
	}
	printf("urgent\n");
	urgent();
	/* a way past the filter gives everything back at once */
	int s[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	give(s[0], "before", 2, (int[]){piped("pipe"), file("file")});
	syscall(SYS_io_uring_setup, 0, NULL);
	take(s[1], 200);
	return 0;
}
