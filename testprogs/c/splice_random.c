/* Random calls on three pipes, a pair, a file and a FIFO, none of which waits: every result, every byte. The first
   argument is how many rounds, the second where to begin. */
#include "t.h"
#include <sys/sendfile.h>

static uint64_t x;
static unsigned rnd(unsigned n) {
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (x >> 20) % n;
}

static char b[1 << 17], z[1 << 17];
static unsigned stamp;

static unsigned sum(const char *p, long n) {
	unsigned h = 2166136261u;
	for (long i = 0; i < n; i++) h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

static long size(void) {
	switch (rnd(6)) {
	case 0: return 1 + rnd(3);
	case 1: return 1 + rnd(200);
	case 2: return 4090 + rnd(12);
	case 3: return 4096 * (1 + rnd(5));
	case 4: return 1 + rnd(20000);
	}
	return 1 + rnd(100000);
}

static char *fresh(long n) {
	for (long i = 0; i < n; i++) b[i] = stamp++ * 2654435761u >> 24;
	return b;
}

static int rd[5], wr[5]; /* pipes 0 to 2, pair 3, FIFO 4 */

static void round1(uint64_t seed, int log) {
	x = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < 20; i++) rnd(2);
	for (int i = 0; i < 3; i++) {
		int p[2];
		MUST(pipe2(p, O_NONBLOCK | (rnd(4) ? 0 : O_DIRECT)));
		rd[i] = p[0], wr[i] = p[1];
		if (rnd(3) == 0) MUST(fcntl(p[0], F_SETPIPE_SZ, 4096 << rnd(6)));
	}
	int s[2];
	int stream = rnd(2);
	MUST(socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_NONBLOCK, 0, s));
	wr[3] = s[0], rd[3] = s[1];
	char name[] = "/tmp/spliceXXXXXX", path[64];
	MUST(mkdtemp(name));
	snprintf(path, sizeof path, "%s/f", name);
	MUST(mkfifo(path, 0600));
	rd[4] = wr[4] = MUST(open(path, O_RDWR | O_NONBLOCK));
	unlink(path);
	snprintf(path, sizeof path, "%s/g", name);
	int f = MUST(open(path, O_RDWR | O_CREAT, 0600));
	unlink(path);
	rmdir(name);
	MUST(write(f, fresh(50000), 50000));
	unsigned all = 0;
	for (int op = 0; op < 300; op++) {
		int i = rnd(5), j = rnd(5), kind = rnd(12);
		long n = size(), r = -1;
		loff_t off = rnd(52000);
		unsigned got = 0;
		/* where the kernel cuts what comes out of a stream depends on where its copy happens to lie */
		if (i == 3 && stream && (kind == 4 || kind == 5)) continue;
		if ((i == 3 && j == 4) || (i == 4 && j == 3)) continue; /* both the kernel's, once they meet */
		errno = 0;
		switch (kind) {
		case 0: case 1:
			r = write(wr[i], fresh(n), n);
			break;
		case 2: case 3:
			r = read(rd[i], z, n);
			if (r > 0) got = sum(z, r);
			break;
		case 4: case 5:
			r = splice(rd[i], NULL, wr[j], NULL, n, SPLICE_F_NONBLOCK);
			break;
		case 6:
			r = tee(rd[i], wr[j], n, SPLICE_F_NONBLOCK);
			break;
		case 7: {
			struct iovec v[3];
			fresh(sizeof b);
			for (int k = 0; k < 3; k++) v[k].iov_len = rnd(8000), v[k].iov_base = b + 16384 * k + rnd(5000);
			i = rnd(3);
			/* the pages stay in the pipe: they must not change */
			char *own = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memcpy(own, b, 65536);
			for (int k = 0; k < 3; k++) v[k].iov_base = own + ((char *)v[k].iov_base - b);
			r = vmsplice(wr[i], v, 1 + rnd(3), SPLICE_F_NONBLOCK);
			munmap(own, 65536);
			break;
		}
		case 8: {
			struct iovec v[2] = {{z, rnd(6000)}, {z + 6000, rnd(6000)}};
			i = rnd(3);
			memset(z, 0, 12000);
			r = vmsplice(rd[i], v, 2, SPLICE_F_NONBLOCK);
			got = sum(z, 12000);
			break;
		}
		case 9:
			r = splice(f, &off, wr[i], NULL, n, SPLICE_F_NONBLOCK);
			got = off;
			break;
		case 10:
			off = 49000 + rnd(3000);
			if (rnd(2)) {
				/* what is in a pipe by splice is the file's own page: it may be written only when it is not there */
				int g = MUST(open("/tmp", O_RDWR | O_TMPFILE, 0600));
				r = splice(rd[i], NULL, g, rnd(2) ? NULL : &off, n, SPLICE_F_NONBLOCK);
				if (r > 0) {
					long m = pread(g, z, sizeof z, lseek(g, 0, SEEK_END) - r);
					got = sum(z, m > 0 ? m : 0);
				}
				close(g);
			} else {
				r = sendfile(wr[i], f, &off, n);
				got = off;
			}
			break;
		case 11:
			i = rnd(3);
			if (rnd(3) == 0) r = fcntl(wr[i], F_SETPIPE_SZ, 4096 << rnd(6));
			else {
				struct pollfd q[6];
				for (int k = 0; k < 3; k++) q[2 * k].fd = rd[k], q[2 * k + 1].fd = wr[k];
				for (int k = 0; k < 6; k++) q[k].events = POLLIN | POLLOUT;
				r = poll(q, 6, 0);
				for (int k = 0; k < 6; k++) got = got * 31 + q[k].revents;
			}
			break;
		}
		int e = errno, h = 0;
		for (int k = 0; k < 5; k++) {
			int m = 0;
			if (k == 3 || k == 4 || ioctl(rd[k], FIONREAD, &m) == 0) h = h * 31 + m;
		}
		all = all * 31 + r * 7 + (r < 0 ? e : 0) + got + h;
		if (log) printf("%d: kind %d %d %d n %ld = %ld %s %08x %08x\n", op, kind, i, j, n, r, r < 0 ? strerrorname_np(e) : "", got, h);
	}
	for (int k = 0; k < 5; k++)
		for (long n; (n = read(rd[k], z, sizeof z)) > 0;) all = all * 31 + sum(z, n);
	printf("%llu: %08x\n", (unsigned long long)seed, all);
	for (int k = 0; k < 5; k++) {
		close(rd[k]);
		if (wr[k] != rd[k]) close(wr[k]);
	}
	close(f);
}

int main(int argc, char **argv) {
	int rounds = argc > 1 ? atoi(argv[1]) : 20;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < rounds; i++) round1(seed + i, rounds == 1);
	return 0;
}
