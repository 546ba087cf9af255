/* pipe and pipe2: flags, numbers, what the ends are, and the calls that a pipe refuses. */
#include "t.h"

static void show(int p[2]) {
	for (int i = 0; i < 2; i++) {
		struct stat s;
		char link[32], to[64] = "";
		MUST(fstat(p[i], &s));
		snprintf(link, sizeof link, "/proc/self/fd/%d", p[i]);
		MUST(readlink(link, to, sizeof to - 1));
		to[6] = 0;
		printf("fd %d: fl %x fd %x mode %o size %ld blksize %ld nlink %ld link %s\n", p[i], fcntl(p[i], F_GETFL), fcntl(p[i], F_GETFD),
		       s.st_mode, (long)s.st_size, (long)s.st_blksize, (long)s.st_nlink, to);
	}
	struct stat a, b;
	MUST(fstat(p[0], &a));
	MUST(fstat(p[1], &b));
	printf("one inode: %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

int main(void) {
	int p[2];
	static const int flags[] = {0, O_CLOEXEC, O_NONBLOCK, O_DIRECT, O_CLOEXEC | O_NONBLOCK | O_DIRECT};
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		DO(pipe2(p, flags[i]));
		show(p);
		close(p[0]);
		close(p[1]);
	}
	static const int bad[] = {1, O_APPEND, O_SYNC, -1};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) DO(pipe2(p, bad[i]));
	DO(pipe2((int *)8, 0));
	DO(pipe(NULL));

	DO(pipe(p));
	char c[4] = "abc";
	DO(read(p[1], c, 1));
	DO(write(p[0], c, 1));
	DO(write(p[1], c, 0));
	DO(read(p[0], c, 0));
	DO(lseek(p[0], 0, SEEK_SET));
	DO(pread(p[0], c, 1, 0));
	DO(pread(p[1], c, 1, 0));
	DO(pwrite(p[1], c, 1, 0));
	DO(ftruncate(p[1], 0));
	DO(fsync(p[1]));
	DO(fdatasync(p[0]));
	DO(fallocate(p[1], 0, 0, 1));
	DO(posix_fadvise(p[0], 0, 0, 0));
	DO(recv(p[0], c, 1, 0));
	DO(send(p[1], c, 1, 0));
	DO(shutdown(p[1], SHUT_WR));
	DO(copy_file_range(p[0], NULL, p[1], NULL, 1, 0));
	DO(mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0], 0) == MAP_FAILED ? -1 : 0);
	DO(ioctl(p[0], TIOCGWINSZ, c));
	DO(fchdir(p[0]));
	DO(fcntl(p[0], 9999));

	DO(fcntl(p[1], F_SETFL, O_APPEND | O_NONBLOCK | O_SYNC | O_RDWR));
	printf("after F_SETFL %x, other end %x\n", fcntl(p[1], F_GETFL), fcntl(p[0], F_GETFL));

	struct rlimit old, few = {5, 5};
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	few.rlim_cur = 5;
	int q[2];
	close(p[0]);
	close(p[1]);
	setrlimit(RLIMIT_NOFILE, &few);
	DO(pipe(p));
	DO(pipe(q));
	DO(dup(p[0]));
	close(p[0]);
	DO(pipe(q)); /* one number is free, two are wanted */
	DO(dup(p[1]));
	setrlimit(RLIMIT_NOFILE, &old);
	return 0;
}
