/* Two programs in one: a careless one that takes every call to do all that it was asked for, as nearly always it does,
   and a careful one that does not. Where nothing goes wrong they print the same. */
#include "t.h"

static int careful;
static void noted(int sig) { (void)sig; }

enum { LENGTH = 20000 };
static char message[LENGTH];

static const char *whole(const char *b, size_t n) {
	return n == LENGTH && !memcmp(b, message, LENGTH) ? "the whole message" : "a part of the message";
}

static void send_all(int fd) {
	if (!careful) {
		if (write(fd, message, LENGTH) < 0) exit(3); /* however much that was */
		return;
	}
	for (size_t n = 0; n < LENGTH;) {
		ssize_t m = write(fd, message + n, LENGTH - n);
		if (m < 0 && errno == EPIPE) exit(4); /* and not by a signal */
		if (m < 0 && errno != EINTR) exit(3);
		if (m > 0) n += m;
	}
}

static void receive_all(int fd) {
	static char b[LENGTH + 1];
	size_t n = 0;
	for (;;) {
		ssize_t m = read(fd, b + n, sizeof b - n);
		if (m < 0 && errno == EINTR && careful) continue;
		if (m < 0) { printf("cannot read: %s\n", strerrorname_np(errno)); exit(1); }
		if (m == 0) break;
		n += m;
	}
	printf("%s\n", whole(b, n));
}

/* A record of ten bytes, which a careless reader takes out of one read. */
static void record(void) {
	int p[2];
	char b[11] = "";
	MUST(pipe(p));
	MUST(write(p[1], "0123456789", 10));
	size_t n = 0;
	do {
		ssize_t m = MUST(read(p[0], b + n, 10 - n));
		if (m == 0) break;
		n += m;
	} while (careful && n < 10);
	printf("record %s\n", b);
}

/* A non-blocking descriptor that poll calls ready. */
static void ready(void) {
	int p[2];
	char b[10];
	MUST(pipe2(p, O_NONBLOCK));
	MUST(write(p[1], "0123456789", 10));
	for (;;) {
		struct pollfd f = {p[0], POLLIN, 0};
		MUST(poll(&f, 1, -1));
		ssize_t n = read(p[0], b, sizeof b);
		if (n < 0 && careful && errno == EAGAIN) continue;
		if (n < 0) { printf("poll lied: %s\n", strerrorname_np(errno)); exit(1); }
		printf("ready: %zd\n", n);
		return;
	}
}

/* A call keeps the registers of its arguments, whatever became of it. */
static void registers(void) {
	static char b[50];
	long di = MUST(open("/dev/zero", O_RDONLY)), si = (long)b, dx = sizeof b, fd = di, n;
	register long r10 __asm__("r10") = 7, r8 __asm__("r8") = 8, r9 __asm__("r9") = 9;
	__asm__ volatile("syscall" : "=a"(n), "+D"(di), "+S"(si), "+d"(dx), "+r"(r10), "+r"(r8), "+r"(r9) : "0"(SYS_read) : "rcx", "r11", "memory");
	printf("read %ld, arguments %s\n", n, di == fd && si == (long)b && dx == 50 && r10 == 7 && r8 == 8 && r9 == 9 ? "kept" : "lost");
}

static void transfer(void) {
	int p[2];
	MUST(pipe(p));
	pid_t child = MUST(fork());
	if (child == 0) {
		close(p[0]);
		send_all(p[1]);
		exit(0);
	}
	close(p[1]);
	receive_all(p[0]);
	reap("writer", child);
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	careful = !strcmp(argv[1], "careful");
	for (int i = 0; i < LENGTH; i++) message[i] = 'a' + i % 26;
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = noted}, NULL); /* may interrupt */
	if (careful) signal(SIGPIPE, SIG_IGN);
	if (!strcmp(argv[2], "transfer")) transfer();
	else if (!strcmp(argv[2], "record")) record();
	else if (!strcmp(argv[2], "registers")) registers();
	else ready();
	return 0;
}
