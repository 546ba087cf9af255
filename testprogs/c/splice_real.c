/* splice, tee and sendfile between pipes and what no pipe is: files, devices, terminals, TCP sockets, and FIFOs. */
#include "t.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <termios.h>

static char b[1 << 18], z[1 << 18];

static long held(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }

/* slots tells how many writes of a page go into a pipe until it is full. */
static long slots(int w) {
	long n = 0;
	int fl = MUST(fcntl(w, F_GETFL));
	MUST(fcntl(w, F_SETFL, fl | O_NONBLOCK));
	while (write(w, z, 4096) == 4096) n++;
	MUST(fcntl(w, F_SETFL, fl));
	return n;
}

static int file(const char *text, size_t n) {
	char name[] = "/tmp/spliceXXXXXX";
	int fd = MUST(mkstemp(name));
	unlink(name);
	if (n) MUST(write(fd, text, n));
	return fd;
}

static int got;
static void handler(int sig) { got++; (void)sig; }

static void on(int sig, int flags) {
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
	MUST(sigaction(sig, &a, NULL));
}

static void files(void) {
	puts("-- files");
	int p[2], f = file(b, 200000);
	MUST(pipe2(p, O_NONBLOCK));
	loff_t off = 100;
	DO(splice(f, &off, p[1], NULL, 10000, 0)); /* three pages, three slots */
	DO(off);
	DO(slots(p[1]));
	DO(read(p[0], z, 10000));
	DO(memcmp(z, b + 100, 10000));
	drain(p[0]);
	off = 4095;
	DO(splice(f, &off, p[1], NULL, 1 << 20, 0)); /* the odd first page takes a slot of its own */
	DO(off);
	DO(drain(p[0]));
	MUST(write(p[1], "abc", 3));
	MUST(write(p[1], z, 4096));
	off = 1;
	DO(splice(f, &off, p[1], NULL, 1 << 20, 0)); /* as many slots as are left */
	DO(held(p[0]));
	DO(splice(f, &off, p[1], NULL, 10, 0));
	DO(drain(p[0]));
	off = 200000;
	DO(splice(f, &off, p[1], NULL, 10, 0));
	off = -1;
	DO(splice(f, &off, p[1], NULL, 10, 0));
	DO(splice(f, (loff_t *)8, p[1], NULL, 10, 0));
	DO(splice(f, NULL, p[1], &off, 10, 0));
	DO(splice(f, NULL, p[1], NULL, -1, 0));
	DO(splice(f, NULL, p[0], NULL, 10, 0));
	fill(p[1], 4096);
	off = 0;
	DO(splice(f, &off, p[1], NULL, 10, 0));
	off = -1;
	DO(splice(f, &off, p[1], NULL, 10, 0)); /* what is wrong comes before what is full */
	int w = MUST(open("/tmp", O_WRONLY | O_TMPFILE, 0600));
	DO(splice(w, NULL, p[1], NULL, 10, 0));
	drain(p[0]);
	DO(splice(w, NULL, p[1], NULL, 10, 0));

	MUST(write(p[1], b, 9000));
	DO(splice(p[0], NULL, w, NULL, 5000, 0));
	off = 3;
	DO(splice(p[0], NULL, w, &off, 1000, 0));
	DO(off);
	DO(lseek(w, 0, SEEK_CUR));
	DO(held(p[0]));
	DO(splice(p[0], &off, w, NULL, 10, 0));
	DO(splice(p[0], NULL, w, (loff_t *)8, 10, 0));
	off = -5;
	DO(splice(p[0], NULL, w, &off, 10, 0));
	MUST(fcntl(w, F_SETFL, O_APPEND));
	DO(splice(p[0], NULL, w, NULL, 10, 0));
	MUST(fcntl(w, F_SETFL, 0));
	int r = MUST(open("/proc/self/exe", O_RDONLY));
	DO(splice(p[0], NULL, r, NULL, 10, 0));
	DO(held(p[0]));
	drain(p[0]);
	DO(splice(p[0], NULL, r, NULL, 10, 0));
	DO(splice(p[0], NULL, w, NULL, 10, 0));
	DO(sendfile(p[1], r, &(off_t){0}, 4));
	DO(read(p[0], z, 100));
	DO(memcmp(z, "\177ELF", 4));

	int dir = MUST(open("/tmp", O_RDONLY));
	DO(splice(dir, NULL, p[1], NULL, 10, 0));
	DO(splice(p[0], NULL, dir, NULL, 10, 0));
	DO(sendfile(p[1], dir, NULL, 10));
	struct rlimit lim = {10, RLIM_INFINITY};
	on(SIGXFSZ, 0);
	MUST(setrlimit(RLIMIT_FSIZE, &lim));
	int g = file("", 0);
	MUST(write(p[1], b, 100));
	long some = splice(p[0], NULL, g, NULL, 100, 0), none = splice(p[0], NULL, g, NULL, 100, 0);
	int why = errno;
	lim.rlim_cur = RLIM_INFINITY;
	MUST(setrlimit(RLIMIT_FSIZE, &lim)); /* stdout may be a file */
	printf("limited: %ld, then %ld %s\n", some, none, strerrorname_np(why));
	DO(got);
	DO(held(p[0]));
	close(p[1]);
	DO(splice(p[0], NULL, w, NULL, 1000, 0));
	DO(splice(p[0], NULL, w, NULL, 1000, 0));
	close(p[0]);
	on(SIGPIPE, 0);
	got = 0;
	MUST(pipe(p));
	close(p[0]);
	DO(splice(f, &(loff_t){0}, p[1], NULL, 10, 0));
	DO(sendfile(p[1], f, &(off_t){0}, 10));
	DO(got);
	close(p[1]);
	close(f), close(w), close(r), close(dir), close(g);
}

static void devices(void) {
	puts("-- devices");
	int p[2];
	MUST(pipe2(p, O_NONBLOCK));
	int zero = MUST(open("/dev/zero", O_RDWR)), null = MUST(open("/dev/null", O_RDWR)), full = MUST(open("/dev/full", O_RDWR));
	DO(splice(zero, NULL, p[1], NULL, 5000, 0));
	DO(splice(p[0], NULL, null, NULL, 4000, 0));
	DO(held(p[0]));
	DO(splice(p[0], NULL, full, NULL, 4000, 0));
	DO(held(p[0]));
	DO(splice(p[0], NULL, null, NULL, 4000, 0));
	DO(splice(p[0], NULL, null, NULL, 4000, 0));
	DO(splice(null, NULL, p[1], NULL, 4000, 0));
	int ev = MUST(eventfd(0, EFD_NONBLOCK)), ep = MUST(epoll_create1(0));
	DO(splice(ev, NULL, p[1], NULL, 8, 0));
	MUST(write(p[1], "12345678", 8));
	DO(splice(p[0], NULL, ev, NULL, 8, 0));
	DO(splice(p[0], NULL, ep, NULL, 8, 0));
	DO(splice(ep, NULL, p[1], NULL, 8, 0));
	DO(tee(p[0], null, 8, 0));
	DO(tee(zero, p[1], 8, 0));
	DO(held(p[0]));
	drain(p[0]);

	/* a terminal: reading waits for a line */
	int m, s;
	struct termios t;
	MUST(openpty(&m, &s, NULL, NULL, NULL));
	MUST(tcgetattr(s, &t));
	t.c_lflag &= ~ECHO;
	MUST(tcsetattr(s, TCSANOW, &t));
	pid_t k = MUST(fork());
	if (!k) {
		blocked(getppid());
		MUST(write(m, "one line\n", 9));
		_exit(0);
	}
	DO(splice(s, NULL, p[1], NULL, 100, 0));
	DO(read(p[0], z, 100));
	printf("%.8s\n", z);
	reap("typist", k);
	MUST(write(p[1], "out\n", 4));
	DO(splice(p[0], NULL, s, NULL, 100, 0));
	DO(read(m, z, 100));
	on(SIGALRM, 0);
	struct itimerval it = {.it_value.tv_usec = 30000};
	MUST(setitimer(ITIMER_REAL, &it, NULL));
	DO(splice(s, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK)); /* the flag is for pipes */
	on(SIGALRM, SA_RESTART);
	k = MUST(fork());
	if (!k) {
		blocked(getppid());
		kill(getppid(), SIGALRM);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		blocked(getppid());
		MUST(write(m, "again\n", 6));
		_exit(0);
	}
	got = 0;
	DO(splice(s, NULL, p[1], NULL, 100, 0));
	DO(got);
	reap("typist", k);
	DO(drain(p[0]));
	close(m), close(s), close(zero), close(null), close(full), close(ev), close(ep), close(p[0]), close(p[1]);
}

static void connection(int c[2]) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int l = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(bind(l, (void *)&a, sizeof a));
	MUST(listen(l, 1));
	MUST(getsockname(l, (void *)&a, &n));
	c[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(connect(c[0], (void *)&a, sizeof a));
	c[1] = MUST(accept(l, NULL, NULL));
	int one = 1;
	for (int i = 0; i < 2; i++) MUST(setsockopt(c[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
	close(l);
}

static void *reader(void *arg) {
	int fd = *(int *)arg;
	long all = 0;
	for (ssize_t n; (n = read(fd, z, 5000)) > 0;) all += n;
	return (void *)all;
}

static void sockets(void) {
	puts("-- sockets");
	int p[2], c[2];
	connection(c);
	MUST(pipe(p));
	MUST(write(p[1], "hello", 5));
	DO(splice(p[0], NULL, c[0], NULL, 100, 0));
	DO(splice(c[1], NULL, p[1], NULL, 100, 0));
	DO(read(p[0], z, 100));
	printf("%.5s\n", z);
	loff_t off = 0;
	DO(splice(p[0], NULL, c[0], &off, 100, SPLICE_F_NONBLOCK));
	DO(splice(c[1], &off, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	nonblocking(c[1], 1);
	DO(splice(c[1], NULL, p[1], NULL, 100, 0));
	nonblocking(c[1], 0);
	DO(sendfile(p[1], c[1], &off, 100));
	MUST(write(c[0], "sent", 4));
	DO(sendfile(p[1], c[1], NULL, 100));
	DO(held(p[0]));
	DO(sendfile(c[0], p[0], NULL, 4));
	DO(read(p[0], z, 100));

	/* a socket that is full: what went is told, what did not is still there */
	nonblocking(c[0], 1);
	long sent = 0;
	for (ssize_t n;;) {
		MUST(write(p[1], b, 65536));
		n = splice(p[0], NULL, c[0], NULL, 65536, 0);
		if (n < 65536) {
			if (n < 0) n = 0;
			sent += n;
			printf("kept what did not go: %d\n", held(p[0]) == 65536 - n);
			break;
		}
		sent += n;
	}
	nonblocking(c[0], 0);
	pthread_t t = thread(reader, &c[1]);
	long rest = held(p[0]);
	while (rest > 0) {
		ssize_t n = MUST(splice(p[0], NULL, c[0], NULL, rest, 0));
		sent += n, rest -= n;
	}
	shutdown(c[0], SHUT_WR);
	void *all;
	pthread_join(t, &all);
	printf("all came: %d\n", (long)all == sent);

	/* the peer is gone */
	on(SIGPIPE, 0);
	got = 0;
	close(c[1]);
	MUST(write(p[1], "x", 1));
	DO(splice(p[0], NULL, c[0], NULL, 100, 0));
	DO(got);
	DO(held(p[0]));
	DO(read(p[0], z, 100));
	close(c[0]);

	/* waiting for a socket, with a signal and without */
	connection(c);
	on(SIGALRM, 0);
	struct itimerval it = {.it_value.tv_usec = 30000};
	MUST(setitimer(ITIMER_REAL, &it, NULL));
	DO(splice(c[1], NULL, p[1], NULL, 100, 0));
	MUST(setitimer(ITIMER_REAL, &it, NULL));
	DO(splice(p[0], NULL, c[0], NULL, 100, 0));
	pid_t k = MUST(fork());
	if (!k) {
		blocked(getppid());
		MUST(write(c[0], "late", 4));
		_exit(0);
	}
	DO(splice(c[1], NULL, p[1], NULL, 100, 0));
	reap("peer", k);
	MUST(write(p[1], "!", 1));
	DO(held(p[0]));
	k = MUST(fork());
	if (!k) {
		close(p[1]);
		long all = 0;
		for (ssize_t n; (n = splice(p[0], NULL, c[0], NULL, 1 << 16, SPLICE_F_MORE)) > 0;) all += n;
		printf("sender: %ld\n", all);
		_exit(0);
	}
	close(p[0]);
	pid_t q = MUST(fork());
	if (!q) {
		close(p[1]), close(c[0]);
		long all = 0;
		for (ssize_t n; (n = read(c[1], z, sizeof z)) > 0;) all += n;
		printf("reader: %ld\n", all);
		_exit(0);
	}
	close(c[0]);
	for (int i = 0; i < 100; i++) MUST(write(p[1], b, 7777));
	close(p[1]);
	reap("reader", q);
	reap("sender", k);
	close(c[1]);
}

static void fifos(void) {
	puts("-- fifos");
	char name[] = "/tmp/spliceXXXXXX";
	MUST(mkdtemp(name));
	char path[64];
	snprintf(path, sizeof path, "%s/f", name);
	MUST(mkfifo(path, 0600));
	int f = MUST(open(path, O_RDWR)), p[2];
	MUST(pipe(p));
	MUST(write(p[1], "abcdef", 6));
	DO(splice(p[0], NULL, f, NULL, 4, 0));
	DO(tee(p[0], f, 4, 0));
	DO(read(f, z, 100));
	printf("%.6s\n", z);
	MUST(write(f, "ghi", 3));
	DO(splice(f, NULL, p[1], NULL, 2, 0));
	DO(tee(f, p[1], 2, 0));
	DO(read(p[0], z, 100));
	printf("%.5s\n", z);
	DO(read(f, z, 100));
	DO(splice(f, NULL, p[1], NULL, 2, SPLICE_F_NONBLOCK));
	DO(splice(p[0], NULL, f, NULL, 2, SPLICE_F_NONBLOCK));
	DO(splice(p[0], NULL, f, &(loff_t){0}, 2, SPLICE_F_NONBLOCK));
	nonblocking(f, 1);
	DO(splice(f, NULL, p[1], NULL, 2, 0));
	DO(splice(p[0], NULL, f, NULL, 2, 0)); /* O_NONBLOCK of either pipe */
	DO(tee(p[0], f, 2, 0));
	nonblocking(p[1], 1);
	fill(p[1], 4096);
	DO(splice(f, NULL, p[1], NULL, 2, 0));
	nonblocking(p[1], 0);
	MUST(write(f, "xyz", 3));
	DO(splice(f, NULL, p[1], NULL, 2, 0));
	fill(f, 4096);
	DO(splice(p[0], NULL, f, NULL, 2, 0));
	nonblocking(f, 0);
	DO(splice(p[0], NULL, f, NULL, 2, SPLICE_F_NONBLOCK));
	pid_t k = MUST(fork());
	if (!k) {
		blocked(getppid());
		MUST(read(f, z, 8192));
		_exit(0);
	}
	DO(splice(p[0], NULL, f, NULL, 10000, 0));
	reap("reader", k);
	DO(held(p[0]));
	on(SIGALRM, 0);
	struct itimerval it = {.it_value.tv_usec = 30000};
	MUST(setitimer(ITIMER_REAL, &it, NULL));
	long r;
	while ((r = splice(p[0], NULL, f, NULL, 65536, 0)) > 0)
		;
	puts(strerrorname_np(errno));
	DO(held(p[0]) > 0);
	unlink(path), rmdir(name), close(f), close(p[0]), close(p[1]);
}

static int lp[2], lc[2];

static void *splicer(void *arg) {
	(void)arg;
	long n = splice(lc[1], NULL, lp[1], NULL, 100, 0);
	return (void *)n;
}

static void together(void) {
	puts("-- together");
	/* two splices into one pipe */
	connection(lc);
	MUST(pipe(lp));
	pthread_t a = thread(splicer, NULL), c = thread(splicer, NULL);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	MUST(write(lc[0], "one", 3));
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	MUST(write(lc[0], "four", 4));
	void *x, *y;
	pthread_join(a, &x), pthread_join(c, &y);
	DO((long)x + (long)y);
	DO(read(lp[0], z, 100));
	printf("%.7s\n", z);
	/* a splicer that is killed loses nothing of what it did not move */
	pid_t k = MUST(fork());
	if (!k) {
		splice(lp[0], NULL, lc[0], NULL, 100, 0);
		_exit(0);
	}
	blocked(k);
	kill(k, SIGKILL);
	reap("splicer", k);
	MUST(write(lp[1], "kept", 4));
	DO(read(lp[0], z, 100));
	/* and the same in the middle of a transfer */
	MUST(setsockopt(lc[0], SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int)));
	nonblocking(lp[1], 1);
	long all = fill(lp[1], 4096), came = 0;
	nonblocking(lp[0], 1);
	k = MUST(fork());
	if (!k) {
		for (;;) splice(lp[0], NULL, lc[0], NULL, 1 << 20, 0), fill(lp[1], 4096);
		_exit(0);
	}
	blocked(k);
	kill(k, SIGKILL);
	reap("splicer", k);
	(void)all;
	long left = drain(lp[0]);
	close(lc[0]);
	for (ssize_t n; (n = read(lc[1], z, sizeof z)) > 0;) came += n;
	printf("whole pages: %d\n", (int)((left + came) % 4096));
}

int main(void) {
	for (unsigned i = 0; i < sizeof b; i++) b[i] = i * 7 + i / 4096;
	files();
	devices();
	sockets();
	fifos();
	together();
	return 0;
}
