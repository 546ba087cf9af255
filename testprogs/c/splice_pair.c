/* splice and sendfile with socketpairs: what one call takes, how it waits, what is left when it is cut short. */
#include "t.h"
#include <sys/sendfile.h>
#include <sys/time.h>

static char b[1 << 18], z[1 << 18];

static long held(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }
static long unsent(int fd) { int n = -1; ioctl(fd, TIOCOUTQ, &n); return n; }

static long slots(int w) {
	long n = 0;
	int fl = MUST(fcntl(w, F_GETFL));
	MUST(fcntl(w, F_SETFL, fl | O_NONBLOCK));
	while (write(w, z, 4096) == 4096) n++;
	MUST(fcntl(w, F_SETFL, fl));
	return n;
}

static int got;
static void handler(int sig) { got++; (void)sig; }

static void on(int sig, int flags) {
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
	MUST(sigaction(sig, &a, NULL));
}

static void soon(void) {
	struct itimerval it = {.it_value.tv_usec = 30000};
	MUST(setitimer(ITIMER_REAL, &it, NULL));
}

static int file(size_t n) {
	char name[] = "/tmp/spliceXXXXXX";
	int fd = MUST(mkstemp(name));
	unlink(name);
	if (n) MUST(write(fd, b, n));
	return fd;
}

static void stream(void) {
	puts("-- stream");
	int p[2], s[2];
	MUST(pipe(p));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	MUST(write(p[1], b, 10000));
	DO(splice(p[0], NULL, s[0], NULL, 9000, 0));
	DO(held(p[0]));
	DO(held(s[1]));
	DO(unsent(s[0]));
	DO(splice(p[0], NULL, s[0], NULL, 9000, 0));
	DO(unsent(s[0]));
	DO(splice(s[1], NULL, p[1], NULL, 1 << 20, 0));
	DO(unsent(s[0]));
	DO(read(p[0], z, sizeof z));
	DO(memcmp(b, z, 10000));
	/* small messages take a slot each */
	for (int i = 0; i < 20; i++) MUST(write(s[0], b, 10));
	DO(splice(s[1], NULL, p[1], NULL, 1 << 20, 0));
	DO(held(p[0]));
	DO(splice(s[1], NULL, p[1], NULL, 1 << 20, SPLICE_F_NONBLOCK));
	DO(read(p[0], z, 25));
	DO(slots(p[1]));
	nonblocking(p[0], 1);
	drain(p[0]);
	nonblocking(p[0], 0);
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	DO(splice(s[1], NULL, p[1], NULL, 35, SPLICE_F_NONBLOCK));
	DO(read(p[0], z, 100));
	/* offsets, directions */
	loff_t off = 0;
	DO(splice(s[1], &off, p[1], NULL, 35, 0));
	DO(splice(s[1], (loff_t *)8, p[1], NULL, 35, 0));
	DO(splice(s[1], NULL, p[1], &off, 35, 0));
	DO(splice(p[0], NULL, s[0], &off, 35, 0));
	DO(splice(p[0], &off, s[0], NULL, 35, 0));
	DO(splice(p[1], NULL, s[0], NULL, 35, 0));
	DO(splice(s[1], NULL, p[0], NULL, 35, 0));
	DO(splice(s[1], NULL, p[1], NULL, -1, 0));
	DO(splice(s[0], NULL, s[1], NULL, 35, 0));
	DO(tee(s[0], p[1], 35, 0));
	DO(tee(p[0], s[1], 35, 0));
	/* how much goes until it is full, and what is left then */
	nonblocking(s[0], 1);
	nonblocking(p[1], 1);
	long all = 0;
	ssize_t n;
	do {
		MUST(write(p[1], b, 65536 - held(p[0])));
		all += n = splice(p[0], NULL, s[0], NULL, 1 << 20, 0);
	} while (n > 0);
	DO(all + 1);
	DO(held(p[0]));
	DO(unsent(s[0]));
	nonblocking(p[0], 1);
	drain(p[0]);
	nonblocking(p[0], 0);
	while (held(s[1]) > 0) {
		n = splice(s[1], NULL, p[1], NULL, 50000, 0);
		printf("splice = %zd, read = %zd\n", n, read(p[0], z, sizeof z));
	}
	nonblocking(s[0], 0);
	nonblocking(p[1], 0);
	/* waiting */
	on(SIGALRM, 0);
	soon();
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	nonblocking(s[1], 1);
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	nonblocking(s[1], 0);
	soon();
	DO(splice(p[0], NULL, s[1], NULL, 35, 0));
	DO(splice(p[0], NULL, s[1], NULL, 35, SPLICE_F_NONBLOCK));
	pid_t k = MUST(fork());
	if (!k) {
		blocked(getppid());
		MUST(write(s[0], "late", 4));
		_exit(0);
	}
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	reap("peer", k);
	long full = fill((nonblocking(s[0], 1), s[0]), 1000);
	nonblocking(s[0], 0);
	soon();
	DO(splice(p[0], NULL, s[0], NULL, 35, 0));
	DO(held(p[0]));
	on(SIGALRM, SA_RESTART);
	k = MUST(fork());
	if (!k) {
		blocked(getppid());
		kill(getppid(), SIGALRM);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		blocked(getppid());
		for (; full > 0; full -= MUST(read(s[1], z, full)))
			;
		_exit(0);
	}
	got = 0;
	DO(splice(p[0], NULL, s[0], NULL, 35, 0));
	DO(got);
	reap("peer", k);
	/* ends */
	on(SIGPIPE, 0);
	got = 0;
	DO(shutdown(s[0], SHUT_WR));
	MUST(write(p[1], "x", 1));
	DO(splice(p[0], NULL, s[0], NULL, 35, 0));
	DO(got);
	DO(drain(s[1]));
	DO(splice(s[1], NULL, p[1], NULL, 35, 0));
	DO(held(p[0]));
	MUST(write(s[1], "left", 4));
	close(s[1]);
	DO(splice(s[0], NULL, p[1], NULL, 35, 0));
	DO(splice(s[0], NULL, p[1], NULL, 35, 0));
	DO(splice(p[0], NULL, s[0], NULL, 35, 0));
	DO(got);
	close(p[0]);
	DO(splice(s[0], NULL, p[1], NULL, 35, 0));
	DO(got);
	close(p[1]), close(s[0]);
}

static void messages(int type) {
	printf("-- messages %d\n", type);
	int p[2], s[2];
	MUST(pipe(p));
	MUST(socketpair(AF_UNIX, type, 0, s));
	MUST(write(p[1], b, 5000));
	MUST(write(p[1], b, 5000));
	DO(splice(p[0], NULL, s[0], NULL, 7000, 0)); /* one message */
	DO(unsent(s[0]));
	DO(splice(p[0], NULL, s[0], NULL, 7000, 0));
	DO(splice(s[1], NULL, p[1], NULL, 6000, 0)); /* cut */
	DO(splice(s[1], NULL, p[1], NULL, 6000, 0));
	DO(held(p[0]));
	DO(slots(p[1]));
	nonblocking(p[0], 1);
	drain(p[0]);
	nonblocking(s[1], 1);
	DO(splice(s[1], NULL, p[1], NULL, 6000, 0));
	nonblocking(s[1], 0);
	on(SIGALRM, 0);
	soon();
	DO(splice(s[1], NULL, p[1], NULL, 6000, SPLICE_F_NONBLOCK)); /* the flag is for the pipe */
	MUST(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &(int){5000}, sizeof(int)));
	MUST(write(p[1], b, 65536));
	DO(splice(p[0], NULL, s[0], NULL, 65536, 0));
	DO(splice(p[0], NULL, s[0], NULL, 9000, 0));
	DO(held(p[0]));
	nonblocking(s[0], 1);
	while (splice(p[0], NULL, s[0], NULL, 5000, 0) > 0)
		;
	puts(strerrorname_np(errno));
	DO(held(p[0]));
	close(s[1]);
	DO(splice(p[0], NULL, s[0], NULL, 100, 0));
	DO(splice(p[0], NULL, s[0], NULL, 100, 0));
	close(p[0]), close(p[1]), close(s[0]);
}

static void sends(void) {
	puts("-- sendfile");
	int s[2], p[2], f = file(200000);
	MUST(pipe(p));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	off_t off = 100;
	DO(sendfile(s[0], f, &off, 1000));
	DO(off);
	DO(unsent(s[0]));
	MUST(lseek(f, 199000, SEEK_SET));
	DO(sendfile(s[0], f, NULL, 5000));
	DO(lseek(f, 0, SEEK_CUR));
	DO(sendfile(s[0], f, NULL, 5000));
	DO(read(s[1], z, sizeof z));
	DO(memcmp(z, b + 100, 1000) || memcmp(z + 1000, b + 199000, 1000));
	DO(sendfile(s[0], f, &off, 0));
	DO(sendfile(s[0], f, (off_t *)8, 10));
	off = -1;
	DO(sendfile(s[0], f, &off, 10));
	off = 0;
	DO(sendfile(s[0], f, &off, -1));
	DO(sendfile(s[0], p[0], NULL, 10));
	DO(sendfile(s[0], p[0], &off, 10));
	DO(sendfile(s[0], s[1], NULL, 10));
	DO(sendfile(f, s[1], NULL, 10));
	DO(sendfile(p[1], s[1], &off, 10));
	DO(sendfile(p[0], s[1], NULL, 10));
	DO(sendfile(p[1], p[0], NULL, 10));
	DO(sendfile(99, f, NULL, 10));
	DO(sendfile(s[0], 99, NULL, 10));
	int d = MUST(open("/tmp", O_RDONLY)), w = MUST(open("/dev/null", O_WRONLY));
	DO(sendfile(s[0], d, NULL, 10));
	DO(sendfile(s[0], w, NULL, 10));
	DO(sendfile(w, p[0], NULL, 10));
	close(d), close(w);
	MUST(write(s[0], "to a pipe", 9));
	DO(sendfile(p[1], s[1], NULL, 100));
	DO(held(p[0]));
	/* full: how far it came */
	nonblocking(s[0], 1);
	MUST(lseek(f, 10, SEEK_SET));
	DO(sendfile(s[0], f, NULL, 199990));
	DO(lseek(f, 0, SEEK_CUR));
	DO(sendfile(s[0], f, NULL, 199990));
	MUST(lseek(f, 0, SEEK_SET));
	DO(sendfile(s[0], f, NULL, 200000));
	DO(sendfile(s[0], f, NULL, 200000));
	DO(lseek(f, 0, SEEK_CUR));
	DO(held(s[1]));
	DO(unsent(s[0]));
	nonblocking(s[1], 1);
	DO(drain(s[1]));
	/* interrupted in the middle */
	nonblocking(s[0], 0);
	int g = file(0);
	MUST(ftruncate(g, 1 << 20));
	on(SIGALRM, 0);
	soon();
	DO(sendfile(s[0], g, NULL, 1 << 20));
	DO(lseek(g, 0, SEEK_CUR));
	soon();
	off = 5;
	DO(sendfile(s[0], g, &off, 1 << 20));
	DO(off);
	DO(drain(s[1]));
	pid_t k = MUST(fork());
	if (!k) {
		close(s[0]), close(p[1]);
		nonblocking(s[1], 0);
		long all = 0;
		for (ssize_t n; (n = read(s[1], z, 7000)) > 0;) all += n;
		printf("reader: %ld\n", all);
		_exit(0);
	}
	off = 0;
	DO(sendfile(s[0], g, &off, 1 << 20));
	DO(off);
	MUST(lseek(g, 0, SEEK_SET));
	DO(sendfile(s[0], g, NULL, 1 << 21));
	DO(lseek(g, 0, SEEK_CUR));
	shutdown(s[0], SHUT_WR);
	reap("reader", k);
	on(SIGPIPE, 0);
	got = 0;
	close(s[1]);
	off = 0;
	DO(sendfile(s[0], g, &off, 100));
	DO(got);
	DO(off);
	close(s[0]);
	/* datagrams: 16 pages each */
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	off = 10;
	DO(sendfile(s[0], f, &off, 150000));
	DO(read(s[1], z, sizeof z));
	DO(memcmp(z, b + 10, 65526));
	DO(read(s[1], z, sizeof z));
	DO(read(s[1], z, sizeof z));
	/* into a pipe that is full */
	nonblocking(p[1], 1);
	fill(p[1], 4096);
	DO(sendfile(p[1], f, NULL, 10));
	DO(sendfile(p[1], f, NULL, 0));
	DO(sendfile(p[1], p[0], NULL, 0));
	DO(sendfile(p[1], p[0], NULL, 1));
	DO(sendfile(p[1], s[1], NULL, 1));
	nonblocking(p[1], 0);
	soon();
	DO(sendfile(p[1], f, NULL, 10));
	k = MUST(fork());
	if (!k) {
		blocked(getppid());
		read(p[0], z, 4096);
		_exit(0);
	}
	off = 4000;
	DO(sendfile(p[1], f, &off, 10000));
	DO(off);
	reap("reader", k);
	close(p[0]), close(p[1]), close(s[0]), close(s[1]), close(f), close(g);
}

/* descriptors in what is spliced are dropped, and end the splice */
static void riders(void) {
	puts("-- riders");
	int p[2], q[2], s[2];
	MUST(pipe2(p, O_NONBLOCK));
	MUST(pipe2(q, O_NONBLOCK));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	for (int i = 0; i < 3; i++) {
		union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } u = {0};
		struct iovec v = {"abcdef" + 2 * i, 2};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
		if (i == 1) {
			m.msg_control = &u, m.msg_controllen = sizeof u;
			u.h.cmsg_level = SOL_SOCKET, u.h.cmsg_type = SCM_RIGHTS, u.h.cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(&u.h), &q[1], sizeof(int));
		}
		MUST(sendmsg(s[0], &m, 0));
	}
	close(q[1]);
	DO(read(q[0], z, 1));
	DO(splice(s[1], NULL, p[1], NULL, 100, 0));
	DO(read(q[0], z, 1));
	DO(splice(s[1], NULL, p[1], NULL, 100, 0));
	DO(held(p[0]));
	close(p[0]), close(p[1]), close(q[0]), close(s[0]), close(s[1]);
}

static void through(void) {
	puts("-- through");
	int p[2], q[2], s[2], t[2];
	MUST(pipe(p));
	MUST(pipe(q));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
	pid_t k[3];
	if (!(k[0] = MUST(fork()))) { /* s to t over p */
		close(s[0]), close(t[1]);
		long all = 0;
		for (ssize_t n; (n = splice(s[1], NULL, p[1], NULL, 1 << 16, SPLICE_F_MOVE)) > 0;)
			for (all += n; n > 0;) n -= MUST(splice(p[0], NULL, t[0], NULL, n, SPLICE_F_MORE));
		_exit(all == 1234567 ? 0 : 1);
	}
	if (!(k[1] = MUST(fork()))) { /* t into q */
		close(s[0]), close(s[1]), close(t[0]), close(q[0]);
		while (splice(t[1], NULL, q[1], NULL, 1 << 20, 0) > 0)
			;
		_exit(0);
	}
	close(s[1]), close(t[0]), close(t[1]), close(q[1]);
	if (!(k[2] = MUST(fork()))) {
		close(q[0]);
		for (long left = 1234567, at = 0; left > 0;) {
			long n = 1 + at * 7919 % 9000;
			if (n > left) n = left;
			for (long i = 0; i < n; i++) z[i] = (at + i) % 251;
			MUST(write(s[0], z, n));
			left -= n, at += n;
		}
		_exit(0);
	}
	close(s[0]);
	long all = 0, bad = 0;
	for (ssize_t n; (n = read(q[0], z, 6000)) > 0; all += n)
		for (long i = 0; i < n; i++) bad += z[i] != (char)((all + i) % 251);
	printf("all %ld, bad %ld\n", all, bad);
	for (int i = 0; i < 3; i++) reap("stage", k[i]);
	close(q[0]), close(p[0]), close(p[1]);
}

int main(void) {
	for (unsigned i = 0; i < sizeof b; i++) b[i] = i * 7 + i / 4096;
	stream();
	messages(SOCK_DGRAM);
	messages(SOCK_SEQPACKET);
	sends();
	riders();
	through();
	return 0;
}
