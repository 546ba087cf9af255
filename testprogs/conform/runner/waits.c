/* waits.c: poll, select, epoll; and the making and ending of actors. */
#include "run.h"

static void do_poll(const int64_t *w) {
	struct pollfd p[4];
	memset(p, 0, sizeof p);
	for (int i = 0; i < 4; i++) {
		p[i].fd = fdof(w[2 + i] & 0xffff);
		p[i].events = w[2 + i] >> 16;
		p[i].revents = 0x7777;
	}
	result(syscall(SYS_poll, odd(w[7], p), w[1], w[6]));
	for (int i = 0; i < 4 && i < w[1]; i++) say(" %hx", p[i].revents);
}

static void do_select(const int64_t *w) {
	fd_set f[3];
	struct timeval t = {w[4] / 1000000, w[4] % 1000000};
	int top = 0;
	for (int k = 0; k < 3; k++) {
		FD_ZERO(&f[k]);
		for (int i = 0; i < SLOTS; i++) {
			int fd = *slotof(i);
			if (!(w[1 + k] >> i & 1) || fd < 0 || fd >= 256) continue;
			FD_SET(fd, &f[k]);
			if (fd >= top) top = fd + 1;
		}
	}
	result(syscall(SYS_select, top, w[1] ? &f[0] : NULL, w[2] ? &f[1] : NULL, w[3] ? &f[2] : NULL, w[4] < 0 ? NULL : &t));
	for (int k = 0; k < 3; k++) say(" %lx", *(long *)&f[k]);
}

void do_waits(const step *s) {
	const int64_t *w = s->w;
	struct epoll_event e[20];
	memset(e, 0, sizeof e);
	long r;
	switch (w[0] & 255) {
	case OP_poll: do_poll(w); break;
	case OP_select: do_select(w); break;
	case OP_epoll_ctl:
		e[0].events = w[4];
		e[0].data.u64 = w[5];
		result(syscall(SYS_epoll_ctl, fdof(w[1]), w[2], fdof(w[3]), odd(w[6], e)));
		break;
	default:
		r = result(syscall(SYS_epoll_wait, fdof(w[1]), odd(w[4], e), w[2], w[3]));
		for (int i = 0; i < r && i < 20; i++) say(" %x:%lx", e[i].events, (long)e[i].data.u64);
	}
}

static void *run_thread(void *who) { act((int)(intptr_t)who); return NULL; }

static void do_fork(int child) {
	actor *c = &W->a[child];
	c->proc = child;
	memcpy(W->slot[child], W->slot[W->a[me].proc], sizeof W->slot[0]);
	long p = fork();
	if (p == 0) act(child);
	if (p < 0) result(p);
	else say(" forked");
}

void do_tasks(const step *s) {
	const int64_t *w = s->w;
	int other = w[1] % ACTORS;
	char n[16];
	pthread_t t;
	pthread_attr_t small;
	switch (w[0] & 255) {
	case OP_fork: do_fork(other); break;
	case OP_thread:
		W->a[other].proc = W->a[me].proc;
		pthread_attr_init(&small);
		pthread_attr_setstacksize(&small, 256 << 10);
		say(" %d", pthread_create(&t, &small, run_thread, (void *)(intptr_t)other));
		break;
	case OP_exec:
		snprintf(n, sizeof n, "%d", me);
		/* Not asleep before the new program has answered. */
		W->a[me].entered = 0;
		execl(self, "runner", "actor", shared_path, n, NULL);
		result(-1);
		break;
	default:
		if (w[2] == SIGKILL) result(syscall(SYS_kill, W->a[W->a[other].proc].tid, SIGKILL));
		else result(syscall(SYS_tgkill, W->a[W->a[other].proc].tid, W->a[other].tid, w[2]));
	}
}
