/* open of /dev/stdin, /dev/fd/N, /proc/self/fd/N and /proc/PID/fd/N: another open file of the same pipe. */
#include "t.h"

static int at(const char *form, int a, int flags) {
	char name[64];
	snprintf(name, sizeof name, form, a);
	return open(name, flags);
}

int main(void) {
	int p[2], s[2];
	char c, b[100];
	signal(SIGPIPE, SIG_IGN);
	MUST(pipe2(p, O_NONBLOCK));
	int r = DO(at("/proc/self/fd/%d", p[0], O_RDONLY));
	int w = DO(at("/dev/fd/%d", p[0], O_WRONLY | O_NONBLOCK | O_CLOEXEC)); /* by the read end: the pipe counts */
	int rw = DO(at("/proc/self/fd/%d", p[1], O_RDWR | O_NONBLOCK));
	printf("fl %x %x %x\n", fcntl(r, F_GETFL), fcntl(w, F_GETFL), fcntl(rw, F_GETFL));
	DO(write(w, "abc", 3));
	DO(read(r, &c, 1));
	DO(read(p[0], &c, 1));
	DO(read(rw, &c, 1));
	DO(write(rw, "d", 1));
	DO(read(rw, &c, 1));
	DO(read(rw, &c, 1));
	close(p[1]);
	DO(read(p[0], &c, 1));
	close(w);
	DO(read(p[0], &c, 1));
	close(rw);
	DO(read(p[0], &c, 1));
	DO(read(r, &c, 1));
	w = DO(at("/proc/self/fd/%d", p[0], O_WRONLY)); /* the pipe lives again */
	nonblocking(r, 1);
	DO(read(r, &c, 1));
	close(r);
	close(p[0]);
	DO(write(w, "x", 1));
	close(w);

	MUST(pipe(p));
	int o = DO(at("/proc/self/fd/%d", p[0], O_PATH));
	DO(read(o, &c, 1));
	close(o);
	/* another process opens ours; a child opens its parent's */
	pid_t k = MUST(fork());
	if (!k) {
		close(p[0]);
		close(p[1]);
		int fd = at("/proc/%d/fd/3", getppid(), O_RDONLY);
		ssize_t n = read(fd, b, 5);
		printf("child of the parent's pipe: %zd %.*s\n", n, (int)n, b);
		_exit(0);
	}
	MUST(write(p[1], "hello", 5));
	reap("child", k);
	DO(dup2(p[0], 0));
	int in = DO(open("/dev/stdin", O_RDONLY));
	MUST(write(p[1], "in", 2));
	DO(read(in, b, 10));
	int dir = MUST(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	int rel = DO(openat(dir, "0", O_RDONLY | O_NONBLOCK));
	DO(read(rel, b, 10));
	DO(openat(dir, "77", O_RDONLY));
	char up[80];
	snprintf(up, sizeof up, "/proc/../proc/thread-self/fd/%d", p[1]);
	int odd = DO(open(up, O_WRONLY));
	DO(write(odd, "odd", 3));
	DO(read(0, b, 10));
	char link[64];
	MUST(symlink("/proc/self/fd/0", mktemp(strcpy(link, "/tmp/reopenXXXXXX"))));
	int sym = DO(open(link, O_RDONLY | O_NONBLOCK));
	MUST(write(p[1], "sym", 3));
	DO(read(sym, b, 10));
	unlink(link);

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	DO(at("/proc/self/fd/%d", s[0], O_RDWR));
	DO(at("/dev/fd/%d", s[1], O_RDONLY));
	DO(open("/dev/null", O_RDONLY));
	DO(open("/nonexistent", O_RDONLY));
	DO(open((char *)8, O_RDONLY));
	return 0;
}
