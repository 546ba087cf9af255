/* descriptors.c: the calls that make objects and change descriptors and settings, and the state at the end. */
#include "run.h"
#include <linux/sockios.h>

static void made(long r, int *pair, int64_t slot) {
	if (result(r) < 0) return;
	say(" %d %d", pair[0], pair[1]);
	*slotof(slot) = pair[0], *slotof(slot + 1) = pair[1];
}

static void one_made(long r, int64_t slot) {
	if (result(r) >= 0) *slotof(slot) = r;
}

static void option(const step *s) {
	const int64_t *w = s->w;
	char b[64];
	memset(b, 0xEE, sizeof b);
	int timed = w[2] == SOL_SOCKET && (w[3] == SO_RCVTIMEO || w[3] == SO_SNDTIMEO);
	if ((w[0] & 255) == OP_setsockopt) {
		int v = w[4];
		struct timeval t = {w[4] / 1000000, w[4] % 1000000};
		result(syscall(SYS_setsockopt, fdof(w[1]), w[2], w[3], timed ? (void *)&t : &v, w[5] >= 0 ? w[5] : timed ? (int)sizeof t : (int)sizeof v));
		return;
	}
	socklen_t n = w[4] >= 0 ? w[4] : timed ? 16 : 4;
	if (result(syscall(SYS_getsockopt, fdof(w[1]), w[2], w[3], b, &n)) < 0) return;
	say(" len=%d", (int)n);
	for (unsigned i = 0; i < n && i < 16; i++) say(" %02x", b[i] & 255);
}

static void other(int fd, int which) {
	struct stat st;
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	memset(&st, 0, sizeof st);
	switch (which) {
	case 0: result(lseek(fd, 0, SEEK_CUR)); break;
	case 1: result(fsync(fd)); break;
	case 2: result(ftruncate(fd, 0)); break;
	case 3:
		if (result(fstat(fd, &st)) == 0) say(" mode=%o size=%ld nlink=%ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
		break;
	case 4: if (result(getsockname(fd, (void *)&a, &n)) == 0) say(" len=%d", (int)n); break;
	case 5: if (result(getpeername(fd, (void *)&a, &n)) == 0) say(" len=%d", (int)n); break;
	case 6: result(listen(fd, 1)); break;
	case 7: result(accept(fd, NULL, NULL)); break;
	case 8: result(fcntl(fd, F_GETPIPE_SZ)); break;
	default: result(posix_fallocate(fd, 0, 1));
	}
}

/* state looks at all that the slots name, and with drain takes out what lies there, as if nobody waited. */
static void say_state(int drain) {
	struct pollfd p[SLOTS];
	static char rest[70000];
	for (int i = 0; i < SLOTS; i++) {
		p[i].fd = *slotof(i);
		p[i].events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
		p[i].revents = 0;
	}
	say(" poll %d", poll(p, SLOTS, 0));
	for (int i = 0; i < SLOTS; i++) {
		int fd = p[i].fd, n = -1, o = -1, seen = 0;
		if (fd < 0) continue;
		for (int j = 0; j < i; j++) seen |= p[j].fd == fd;
		if (seen) continue;
		int fl = fcntl(fd, F_GETFL);
		if (fl < 0) continue;
		/* Linux 6.18 counts an urgent byte that a read passed over for ever: drain & 2 leaves the count out. */
		if (!(drain & 2)) ioctl(fd, FIONREAD, &n);
		ioctl(fd, SIOCOUTQ, &o);
		say(" {%d %d fl=%x fd=%d re=%x n=%d o=%d sz=%d", i, fd, fl, fcntl(fd, F_GETFD), p[i].revents, n, o, fcntl(fd, F_GETPIPE_SZ));
		if (drain & 1 && fd > 2) {
			fcntl(fd, F_SETFL, fl | O_NONBLOCK);
			for (int k = 0; k < 40; k++) {
				long r = syscall(SYS_read, fd, rest, sizeof rest);
				if (r <= 0) {
					say(" %s", r ? strerrorname_np(errno) : "end");
					break;
				}
				uint64_t h = 14695981039346656037u;
				for (long j = 0; j < r; j++) h = (h ^ (unsigned char)rest[j]) * 1099511628211u;
				say(" %ld:%x", r, (unsigned)(h ^ h >> 32));
			}
		}
		say("}");
	}
}

void do_descriptors(const step *s) {
	const int64_t *w = s->w;
	int pair[2] = {-7, -7}, v = w[3], to;
	long r;
	switch (w[0] & 255) {
	case OP_pipe2: made(syscall(SYS_pipe2, odd(w[3], pair), w[2]), pair, w[1]); break;
	case OP_socketpair: made(syscall(SYS_socketpair, w[4], w[2], w[3], odd(w[5], pair)), pair, w[1]); break;
	case OP_eventfd2: one_made(syscall(SYS_eventfd2, w[2], w[3]), w[1]); break;
	case OP_epoll_create1: one_made(syscall(SYS_epoll_create1, w[2]), w[1]); break;
	case OP_close: result(syscall(SYS_close, fdof(w[1]))); break;
	case OP_dup: one_made(syscall(SYS_dup, fdof(w[1])), w[2]); break;
	case OP_dup2: case OP_dup3:
		/* Never onto 0, 1, 2. A target of 200 and more is a number, not a slot. */
		to = w[2] >= 200 ? w[2] - 200 : fdof(w[2]);
		if ((w[0] & 255) == OP_dup2) one_made(syscall(SYS_dup2, fdof(w[1]), to), w[3]);
		else one_made(syscall(SYS_dup3, fdof(w[1]), to, w[4]), w[3]);
		break;
	case OP_dupfd: one_made(syscall(SYS_fcntl, fdof(w[1]), w[4] ? F_DUPFD_CLOEXEC : F_DUPFD, w[2]), w[3]); break;
	case OP_close_range: result(syscall(SYS_close_range, fdof(w[1]), fdof(w[2]), w[3])); break;
	case OP_fcntl: result(syscall(SYS_fcntl, fdof(w[1]), w[2], w[2] == F_SETOWN ? (w[3] ? getpid() : 0) : w[3])); break;
	case OP_ioctl:
		r = syscall(SYS_ioctl, fdof(w[1]), w[2], odd(w[4], &v));
		if (result(r) >= 0) say(" v=%d", v);
		break;
	case OP_setsockopt: case OP_getsockopt: option(s); break;
	case OP_shutdown: result(syscall(SYS_shutdown, fdof(w[1]), w[2])); break;
	case OP_other: other(fdof(w[1]), w[2]); break;
	case OP_state: say_state(w[1]); break;
	default: say(" no such step");
	}
}
