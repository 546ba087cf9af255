/* eventfd: who waits for it, and the ways of its descriptor. */
#include "msg.h"
#include "eventfd.h"

#define MOST 0xfffffffffffffffeull /* what a count can be at most */

static int ev, ep;
static pid_t tid;
static volatile sig_atomic_t hits;
static void hit(int s) { (void)s; hits++; }

static void *reader(void *name) {
	__atomic_store_n(&tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	took(name, ev);
	return NULL;
}

static void *writer(void *name) {
	uint64_t two[] = {1, MOST};
	struct iovec v[] = {{two, 8}, {two + 1, 8}};
	__atomic_store_n(&tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	errno = 0;
	long r = name ? add(ev, 5) : writev(ev, v, 2);
	printf("  %s: %ld %s\n", name ? (char *)name : "a writev", r, r < 0 ? strerrorname_np(errno) : "");
	return NULL;
}

static void *watcher(void *name) {
	__atomic_store_n(&tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	events(name, ep, -1);
	return NULL;
}

/* asleep starts a thread and waits until it has to. */
static pthread_t asleep(void *(*f)(void *), char *name) {
	__atomic_store_n(&tid, 0, __ATOMIC_SEQ_CST);
	pthread_t t = thread(f, name);
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST)) sched_yield();
	blocked(tid);
	return t;
}

static void disturb(pthread_t t, int restart) {
	struct sigaction sa = {.sa_handler = hit, .sa_flags = restart ? SA_RESTART : 0};
	sigaction(SIGUSR1, &sa, NULL);
	hits = 0;
	pthread_kill(t, SIGUSR1);
	while (!hits) sched_yield();
	if (restart) blocked(tid);
}

/* makes_room reads what a writer waits for, and tells of it when the writer has told of itself. */
static void makes_room(pthread_t t) {
	uint64_t n;
	long r = read(ev, &n, 8);
	pthread_join(t, NULL);
	printf("  room was made: %ld, count %llu\n", r, (unsigned long long)n);
}

static void sleepers(void) {
	pthread_t t, u;
	printf("sleepers\n");
	ev = MUST(eventfd(0, 0));
	t = asleep(reader, "a reader");
	MUST(add(ev, 0));
	blocked(tid);
	MUST(add(ev, 6));
	pthread_join(t, NULL);
	t = asleep(reader, "a reader interrupted");
	disturb(t, 0);
	pthread_join(t, NULL);
	t = asleep(reader, "a reader begun anew");
	disturb(t, 1);
	MUST(add(ev, 7));
	pthread_join(t, NULL);
	MUST(add(ev, MOST));
	t = asleep(writer, "a writer");
	makes_room(t);
	took("what it wrote", ev);
	MUST(add(ev, MOST));
	t = asleep(writer, "a writer interrupted");
	disturb(t, 0);
	pthread_join(t, NULL);
	t = asleep(writer, "a writer begun anew");
	disturb(t, 1);
	makes_room(t);
	took("what it wrote", ev);
	t = asleep(writer, NULL);
	disturb(t, 1);
	pthread_join(t, NULL);
	took("its first half", ev);
	t = asleep(writer, NULL);
	makes_room(t);
	took("its second half", ev);
	/* O_NONBLOCK comes too late for who sleeps, and is seen when the call begins anew */
	t = asleep(reader, "a reader of what does not block now");
	nonblocking(ev, 1);
	MUST(add(ev, 0));
	disturb(t, 1);
	pthread_join(t, NULL);
	nonblocking(ev, 0);
	/* closed under it */
	int copy = MUST(dup(ev));
	t = asleep(reader, "a reader of what was closed");
	close(ev);
	MUST(add(copy, 8));
	pthread_join(t, NULL);
	ev = copy;
	/* whoever waits behind an exclusive epoll that takes the event does not hear of it */
	ep = MUST(epoll_create1(0));
	DO(ctl(ep, EPOLL_CTL_ADD, ev, EPOLLIN | EPOLLEXCLUSIVE, 1));
	t = asleep(watcher, "an exclusive epoll");
	u = asleep(reader, "a reader behind it");
	MUST(add(ev, 1));
	pthread_join(t, NULL);
	blocked(tid);
	MUST(add(ev, 1));
	pthread_join(u, NULL);
	close(ep);
	close(ev);
}

static void processes(char *self) {
	int s[2], sem = MUST(eventfd(0, EFD_SEMAPHORE)), back = MUST(eventfd(0, 0)), got = 0;
	char number[16];
	pid_t kids[5];
	printf("processes\n");
	for (int i = 0; i < 5; i++)
		if (!(kids[i] = MUST(fork()))) {
			uint64_t n;
			for (int j = 0; j < 20; j++) MUST(read(sem, &n, 8)), MUST(add(back, n));
			_exit(0);
		}
	for (int i = 0; i < 10; i++) MUST(add(sem, 10));
	for (int i = 0; i < 5; i++) reap("taker", kids[i]);
	took("all", back);
	/* over a socketpair, and by exec */
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	pid_t p = MUST(fork());
	if (!p) {
		close(back);
		close(sem);
		recv_fds(s[1], 16, CMSG_SPACE(sizeof got), &got, 0);
		MUST(add(got, 21));
		_exit(0);
	}
	ssize_t sent = send_fds(s[0], "x", 1, &back, 1, 0);
	reap("receiver", p);
	printf("sent: %zd\n", sent);
	took("from there", back);
	MUST(add(back, 11));
	if (!(p = MUST(fork()))) {
		snprintf(number, sizeof number, "%d", back);
		execl(self, self, number, NULL);
		_exit(1);
	}
	reap("executed", p);
	took("from there", back);
	MUST(fcntl(back, F_SETFD, FD_CLOEXEC));
	if (!(p = MUST(fork()))) {
		execl(self, self, number, NULL);
		_exit(1);
	}
	reap("executed", p);
}

static void *giver(void *arg) {
	for (long i = 0; i < 2000; i++) MUST(add(ev, (long)arg));
	return NULL;
}

static void crowd(void) {
	pthread_t t[4];
	uint64_t n, all = 0;
	printf("a crowd\n");
	ev = MUST(eventfd(0, 0));
	for (long i = 0; i < 4; i++) t[i] = thread(giver, (void *)(i + 1));
	while (all < 2000 * (1 + 2 + 3 + 4)) MUST(read(ev, &n, 8)), all += n;
	for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
	printf("%llu\n", (unsigned long long)all);
	close(ev);
}

int main(int argc, char **argv) {
	if (argc > 1) {
		nonblocking(atoi(argv[1]), 1);
		took("after exec", atoi(argv[1]));
		DO(add(atoi(argv[1]), 31));
		return 0;
	}
	sleepers();
	processes(argv[0]);
	crowd();
	return 0;
}
