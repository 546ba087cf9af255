/* eventfd.h: what the programs on eventfds share. It comes after t.h or msg.h. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

static long add(int fd, uint64_t n) { return write(fd, &n, 8); }

/* took prints what a read brings. */
static void took(const char *what, int fd) {
	uint64_t n = 0;
	errno = 0;
	long r = read(fd, &n, 8);
	if (r < 0) printf("  %s: %s\n", what, strerrorname_np(errno));
	else printf("  %s: %ld, count %llu\n", what, r, (unsigned long long)n);
}

static int ctl(int ep, int op, int fd, unsigned events, long tag) {
	struct epoll_event e = {.events = events, .data.u64 = tag};
	return epoll_ctl(ep, op, fd, &e);
}

static void events(const char *what, int ep, int timeout) {
	struct epoll_event e[8];
	errno = 0;
	int n = epoll_wait(ep, e, 8, timeout);
	printf("  %s: %d %s", what, n, n < 0 ? strerrorname_np(errno) : "");
	for (int i = 0; i < n; i++) printf(" %ld:%x", (long)e[i].data.u64, e[i].events);
	printf("\n");
}
