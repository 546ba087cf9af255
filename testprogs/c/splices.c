/* splice, tee, vmsplice, sendfile and copy_file_range with pipes, pairs and files. */
#include "t.h"
#include <sys/sendfile.h>

static char b[1 << 17];

static long held(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }

int main(void) {
	int p[2], q[2], s[2];
	char name[] = "/tmp/splicesXXXXXX";
	int file = MUST(mkstemp(name));
	unlink(name);
	for (unsigned i = 0; i < sizeof b; i++) b[i] = i * 7;
	MUST(write(file, b, 100000));
	MUST(pipe2(p, O_NONBLOCK));
	MUST(pipe2(q, O_NONBLOCK));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));

	loff_t off = 10;
	DO(splice(file, &off, p[1], NULL, 5000, 0));
	DO(off);
	DO(splice(file, NULL, p[1], NULL, 10, 0)); /* at the end of the file */
	DO(read(p[0], b + 100000, 5000));
	DO(memcmp(b + 10, b + 100000, 5000));
	MUST(lseek(file, 0, SEEK_SET));
	DO(splice(file, NULL, p[1], NULL, 100000, 0));
	DO(lseek(file, 0, SEEK_CUR));
	DO(splice(file, NULL, p[1], NULL, 100000, SPLICE_F_NONBLOCK));
	DO(splice(p[0], NULL, q[1], NULL, 3000, 0));
	DO(tee(q[0], p[1], 3000, 0));
	DO(tee(q[0], q[1], 3000, 0));
	DO(tee(p[0], q[1], 3000, 0));
	DO(held(p[0]));
	DO(held(q[0]));
	DO(drain(p[0]));
	DO(drain(q[0]));
	DO(tee(p[0], q[1], 100, 0));
	DO(splice(p[0], NULL, q[1], NULL, 100, 0));
	DO(splice(p[0], NULL, q[1], NULL, 0, 0));
	DO(splice(p[0], NULL, p[1], NULL, 10, 0));
	DO(splice(p[0], &off, q[1], NULL, 10, 0));
	DO(splice(p[1], NULL, q[1], NULL, 10, 0));
	DO(splice(file, NULL, file, NULL, 10, 0));
	DO(splice(p[0], NULL, q[1], NULL, 10, 0x100));
	DO(splice(99, NULL, q[1], NULL, 10, 0));

	/* each fragment takes a slot */
	int n = 0;
	while (splice(file, &(loff_t){0}, p[1], NULL, 1, SPLICE_F_NONBLOCK) == 1) n++;
	printf("%d fragments of one byte\n", n);
	DO(write(p[1], "x", 1));
	drain(p[0]);

	/* pipe to file and to socket, and back */
	MUST(write(p[1], "hello", 5));
	off = 0;
	DO(splice(p[0], NULL, file, &off, 100, 0));
	MUST(write(p[1], "socket", 6));
	DO(splice(p[0], NULL, s[0], NULL, 100, 0));
	DO(splice(s[1], NULL, p[1], NULL, 100, 0));
	DO(read(p[0], b, 100));
	DO(splice(s[1], NULL, p[1], NULL, 100, 0));
	DO(sendfile(s[0], file, &(loff_t){0}, 5));
	DO(sendfile(p[1], file, &(loff_t){0}, 5));
	DO(sendfile(p[1], p[0], NULL, 5));
	DO(sendfile(file, p[0], NULL, 5));
	DO(read(s[1], b, 100));
	printf("%.5s\n", b);
	DO(drain(p[0]));
	DO(sendfile(p[1], file, &(loff_t){0}, 100000));
	DO(sendfile(p[1], file, &(loff_t){0}, 100000));
	drain(p[0]);
	DO(copy_file_range(p[0], NULL, file, NULL, 10, 0));
	DO(copy_file_range(file, NULL, p[1], NULL, 10, 0));

	struct iovec v[2] = {{b, 100}, {b + 4096, 10000}};
	DO(vmsplice(p[1], v, 2, 0));
	DO(held(p[0]));
	struct iovec w = {b + 100000, 20000};
	DO(vmsplice(p[0], &w, 1, 0));
	DO(memcmp(b, b + 100000, 100) || memcmp(b + 4096, b + 100100, 10000));
	DO(vmsplice(p[0], &w, 1, SPLICE_F_NONBLOCK));
	DO(vmsplice(s[0], v, 1, 0));
	DO(vmsplice(p[1], v, 2, 0x1000));
	v[0].iov_len = 1 << 17;
	v[0].iov_base = b;
	DO(vmsplice(p[1], v, 1, SPLICE_F_NONBLOCK));
	drain(p[0]);

	/* waiting ends: tee and splice wait for bytes and for room, and see the end */
	nonblocking(p[0], 0);
	nonblocking(p[1], 0);
	nonblocking(q[0], 0);
	nonblocking(q[1], 0);
	pid_t k = MUST(fork());
	if (!k) {
		close(p[1]);
		close(q[0]);
		long all = 0;
		for (ssize_t r; (r = splice(p[0], NULL, q[1], NULL, 1 << 16, SPLICE_F_MOVE)) > 0;) all += r;
		printf("spliced %ld\n", all);
		_exit(0);
	}
	close(p[0]);
	close(q[1]);
	pid_t writer = MUST(fork());
	if (!writer) {
		for (int i = 0; i < 50; i++) MUST(write(p[1], b, 5000));
		_exit(0);
	}
	close(p[1]);
	long all = 0;
	for (ssize_t r; (r = read(q[0], b, sizeof b)) > 0;) all += r;
	printf("read %ld\n", all);
	reap("writer", writer);
	reap("splicer", k);
	return 0;
}
