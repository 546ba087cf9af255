/* messages.c: the calls that move bytes. */
#include "run.h"
#include <sys/un.h>

static void fills(const int64_t *words, int n) {
	for (int i = 0; i < n && i < IOVS; i++) fill(words[i], i, W->a[me].index * IOVS + i);
}
static void canaries(const int64_t *words, int n) {
	for (int i = 0; i < n && i < IOVS; i++) canary(words[i], i);
}

/* Addresses that a datagram may carry. */
static void *address(int64_t kind, socklen_t *len) {
	static struct sockaddr_un un = {AF_UNIX, "\0sluice conform: nobody"};
	*len = 0;
	if (kind == 0) return NULL;
	*len = kind == 1 ? 10 : kind == 2 ? 1 : sizeof un + 10;
	return &un;
}

static _Alignas(16) char control[ACTORS][2048];

/* rights lays SCM_RIGHTS with the descriptors of packed slots into a message. */
static void rights(struct msghdr *m, int n, int64_t slots, int bad) {
	struct cmsghdr *c = (void *)control[me];
	if (n <= 0 && !bad) return;
	memset(control[me], 0, sizeof control[me]);
	int count = n > 253 ? n : n & 7;
	m->msg_control = c;
	m->msg_controllen = CMSG_SPACE(count * sizeof(int));
	c->cmsg_level = bad == 2 ? 99 : SOL_SOCKET;
	c->cmsg_type = bad == 3 ? 77 : SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int)) - (bad == 4 ? 20 : 0) + (bad == 5 ? 400 : 0);
	int *f = (int *)CMSG_DATA(c);
	for (int i = 0; i < count; i++) f[i] = fdof(slots >> i % 8 * 8 & 255);
	if (bad == 6) m->msg_control = NULL;
	if (bad == 7) m->msg_control = odd(2, NULL);
}

static void saycontrol(struct msghdr *m, size_t room, int slot) {
	say(" flags=%x ctl=%zu name=%d", m->msg_flags, (size_t)m->msg_controllen, (int)m->msg_namelen);
	if (m->msg_controllen > room) return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_len - CMSG_LEN(0);
		say(" [%d %d %zu", c->cmsg_level, c->cmsg_type, n);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0; i < n / sizeof(int); i++) {
				int f = ((int *)CMSG_DATA(c))[i];
				say(" fd%d/%ld", f, (long)fcntl(f, F_GETFD));
				*slotof(slot + (int64_t)i) = f;
			}
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred *u = (void *)CMSG_DATA(c);
			say(" pid %s uid %d gid %d", u->pid == 0 ? "0" : u->pid == getpid() ? "own" : "other", (int)u->uid, (int)u->gid);
		}
		say("]");
	}
}

static void one_message(const step *s, int sends) {
	const int64_t *w = s->w;
	struct msghdr m = {.msg_iov = iovecs(w + 3, 0), .msg_iovlen = w[2]};
	struct sockaddr_un from;
	size_t room = 0;
	if (sends) {
		fills(w + 3, w[2]);
		rights(&m, w[9], w[10], w[11]);
	} else {
		canaries(w + 3, w[2]);
		room = w[9] & 1023;
		memset(control[me], 0, sizeof control[me]);
		m.msg_control = room ? control[me] : NULL;
		m.msg_controllen = room;
		m.msg_name = &from;
		m.msg_namelen = sizeof from;
	}
	if (w[7] == 5) m.msg_iov = odd(2, NULL);
	long r = result(syscall(sends ? SYS_sendmsg : SYS_recvmsg, fdof(w[1]), odd(w[7] == 5 ? 0 : w[7], &m), w[8]));
	if (sends || r < 0) return;
	sayiov(w + 3, w[2], r);
	saycontrol(&m, room, w[10]);
}

static void many_messages(const step *s, int sends) {
	const int64_t *w = s->w;
	struct mmsghdr m[IOVS] = {0};
	struct iovec *v = iovecs(w + 3, 0);
	size_t room = sends ? 0 : w[9] & 255;
	for (int i = 0; i < IOVS; i++) m[i].msg_hdr.msg_iov = v + i, m[i].msg_hdr.msg_iovlen = 1;
	if (sends) {
		fills(w + 3, IOVS);
		rights(&m[1].msg_hdr, w[9], w[10], 0);
	} else {
		canaries(w + 3, IOVS);
		memset(control[me], 0, sizeof control[me]);
		for (int i = 0; i < IOVS && room; i++) m[i].msg_hdr.msg_control = control[me] + 256 * i, m[i].msg_hdr.msg_controllen = room;
	}
	void *at = odd(w[7], m);
	long r = result(sends ? syscall(SYS_sendmmsg, fdof(w[1]), at, w[2], w[8])
	                      : syscall(SYS_recvmmsg, fdof(w[1]), at, w[2], w[8], NULL));
	for (int i = 0; i < r && i < IOVS; i++) {
		say(" len=%u", m[i].msg_len);
		if (sends) continue;
		saybytes(w[3 + i], i, m[i].msg_len);
		saycontrol(&m[i].msg_hdr, room, w[10] + i);
	}
}

static void moved(const step *s) {
	const int64_t *w = s->w;
	loff_t off = 5, *o = w[5] == 1 ? &off : w[5] == 2 ? odd(2, NULL) : NULL;
	if ((w[0] & 255) == OP_splice) result(syscall(SYS_splice, fdof(w[1]), o, fdof(w[2]), NULL, w[3], w[4]));
	else result(syscall(SYS_tee, fdof(w[1]), fdof(w[2]), w[3], w[4]));
}

void do_messages(const step *s) {
	const int64_t *w = s->w;
	size_t len;
	socklen_t alen;
	struct sockaddr_un from;
	long r;
	void *b, *at;
	int fd = fdof(w[1]);
	switch (w[0] & 255) {
	case OP_read: case OP_pread64:
		canary(w[2], 0);
		b = buffer(w[2], 0, &len);
		r = (w[0] & 255) == OP_read ? syscall(SYS_read, fd, b, len) : syscall(SYS_pread64, fd, b, len, w[3]);
		if (result(r) >= 0) saybytes(w[2], 0, r);
		break;
	case OP_write: case OP_pwrite64:
		fill(w[2], 0, W->a[me].index * IOVS);
		b = buffer(w[2], 0, &len);
		result((w[0] & 255) == OP_write ? syscall(SYS_write, fd, b, len) : syscall(SYS_pwrite64, fd, b, len, w[3]));
		break;
	case OP_readv: case OP_preadv2:
		canaries(w + 3, w[2]);
		b = iovecs(w + 3, w[7]);
		r = (w[0] & 255) == OP_readv ? syscall(SYS_readv, fd, b, w[2]) : syscall(SYS_preadv2, fd, b, w[2], w[8], 0, w[9]);
		if (result(r) >= 0) sayiov(w + 3, w[2], r);
		break;
	case OP_writev: case OP_pwritev2:
		fills(w + 3, w[2]);
		b = iovecs(w + 3, w[7]);
		result((w[0] & 255) == OP_writev ? syscall(SYS_writev, fd, b, w[2]) : syscall(SYS_pwritev2, fd, b, w[2], w[8], 0, w[9]));
		break;
	case OP_vmsplice:
		canaries(w + 3, w[2]);
		fills(w + 3, w[2]);
		result(syscall(SYS_vmsplice, fd, iovecs(w + 3, 0), w[2], w[7]));
		renew(); /* the pages are the pipe's now */
		break;
	case OP_sendto:
		fill(w[2], 0, W->a[me].index * IOVS);
		at = address(w[4], &alen);
		b = buffer(w[2], 0, &len);
		result(syscall(SYS_sendto, fd, b, len, w[3], at, alen));
		break;
	case OP_recvfrom:
		canary(w[2], 0);
		alen = sizeof from;
		b = buffer(w[2], 0, &len);
		r = w[4] ? syscall(SYS_recvfrom, fd, b, len, w[3], odd(w[4] - 1, &from), &alen) : syscall(SYS_recvfrom, fd, b, len, w[3], NULL, NULL);
		/* MSG_TRUNC tells more than came. */
		if (result(r) >= 0) saybytes(w[2], 0, (size_t)r > len ? len : (size_t)r);
		if (r >= 0 && w[4]) say(" name=%d", (int)alen);
		break;
	case OP_sendmsg: case OP_recvmsg: one_message(s, (w[0] & 255) == OP_sendmsg); break;
	case OP_sendmmsg: case OP_recvmmsg: many_messages(s, (w[0] & 255) == OP_sendmmsg); break;
	case OP_splice: case OP_tee: moved(s); break;
	default: say(" no such step");
	}
}
