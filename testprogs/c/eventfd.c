/* eventfd: counting, semaphores, room, and what tells of them: poll, select, epoll. */
#include "t.h"
#include "eventfd.h"
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>

#define MOST 0xfffffffffffffffeull /* what a count can be at most */

static void *volatile nowhere;

static void ready(const char *what, int fd) {
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM | POLLRDHUP, 0};
	int n = poll(&p, 1, 0);
	printf("  %s: %d %x\n", what, n, p.revents);
}

static void making(void) {
	char name[64], link[64] = "";
	struct stat st;
	int fd = MUST(eventfd(3, 0));
	printf("made\n");
	DO(eventfd(0, 2));
	DO(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK | O_APPEND));
	took("of 3", fd);
	close(fd);
	fd = MUST(syscall(SYS_eventfd, 7));
	took("by the old call", fd);
	close(fd);
	fd = MUST(eventfd(-1, EFD_CLOEXEC | EFD_NONBLOCK));
	took("of -1", fd);
	took("again", fd);
	DO(fcntl(fd, F_GETFL));
	DO(fcntl(fd, F_GETFD));
	MUST(fstat(fd, &st));
	printf("%o %ld\n", st.st_mode, (long)st.st_size);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	MUST(readlink(name, link, sizeof link - 1));
	printf("%s\n", link);
	DO(open(name, O_RDWR));
	close(fd);
}

static void sizes(void) {
	uint64_t b[4] = {1, 2, 3, 4};
	int fd = MUST(eventfd(0, EFD_NONBLOCK));
	printf("sizes\n");
	for (int n = 0; n < 20; n += n == 7 ? 1 : 7) printf("%d: ", n), DO(write(fd, b, n));
	took("sum", fd);
	DO(write(fd, nowhere, 8));
	DO(write(fd, nowhere, 9));
	DO(read(fd, b, 7));
	DO(read(fd, b, 0));
	DO(read(fd, nowhere, 8));
	MUST(add(fd, 5));
	DO(read(fd, nowhere, 8)); /* and the count is gone */
	took("after that", fd);
	MUST(add(fd, 5));
	DO(read(fd, b, sizeof b));
	printf("%d %d\n", (int)b[0], (int)b[1]);
	DO(pread(fd, b, 8, 0));
	DO(pwrite(fd, b, 8, 0));
	DO(lseek(fd, 0, SEEK_SET));
	DO(lseek(fd, 9, SEEK_END));
	DO(ftruncate(fd, 0));
	DO(fsync(fd));
	close(fd);
}

static void vectors(void) {
	uint64_t b[4] = {1, 2, 3, MOST + 1};
	char part[8][8];
	struct iovec three[] = {{b, 8}, {b + 1, 8}, {b + 2, 8}}, gap[] = {{b, 8}, {b, 0}, {b + 1, 8}};
	struct iovec empty[] = {{b, 0}, {b, 8}}, odd[] = {{b, 8}, {b + 1, 4}, {b, 8}}, wrong[] = {{b, 8}, {b + 3, 8}, {b, 8}};
	struct iovec bits[] = {{part[0], 3}, {part[1], 3}, {part[2], 3}};
	int fd = MUST(eventfd(0, EFD_NONBLOCK));
	printf("vectors\n");
	DO(writev(fd, three, 3));
	took("three", fd);
	DO(writev(fd, gap, 3));
	took("with a gap", fd);
	DO(writev(fd, empty, 2));
	DO(writev(fd, empty, 1));
	DO(writev(fd, odd, 3));
	took("one of another size", fd);
	DO(writev(fd, wrong, 3));
	took("one that is too large", fd);
	MUST(add(fd, 0x0102030405060708));
	DO(readv(fd, bits, 2));
	DO(readv(fd, bits, 3));
	for (int i = 0; i < 3; i++) printf("%d%d%d ", part[i][0], part[i][1], part[i][2]);
	printf("\n");
	for (int flags = 0; flags < 1024; flags = flags ? flags * 2 : 1) {
		printf("flags %d: ", flags), DO(pwritev2(fd, three, 1, -1, flags));
		printf("flags %d: ", flags), DO(preadv2(fd, three, 1, -1, flags));
	}
	DO(preadv2(fd, three, 1, 0, 0));
	DO(pwritev2(fd, three, 1, 0, 0));
	nonblocking(fd, 0);
	DO(preadv2(fd, three, 1, -1, RWF_NOWAIT));
	DO(preadv2(fd, three, 1, -1, RWF_NOWAIT));
	close(fd);
}

static void room(void) {
	int fd = MUST(eventfd(0, EFD_NONBLOCK)), sem = MUST(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
	printf("room\n");
	ready("new", fd);
	DO(add(fd, 0));
	ready("nothing", fd);
	DO(add(fd, MOST + 1));
	DO(add(fd, MOST));
	ready("full", fd);
	DO(add(fd, 1));
	DO(add(fd, 0));
	took("all", fd);
	DO(add(fd, MOST - 1));
	ready("almost full", fd);
	DO(add(fd, 2));
	DO(add(fd, 1));
	DO(add(sem, 3));
	took("one", sem);
	took("one", sem);
	ready("one left", sem);
	took("one", sem);
	took("none", sem);
	fd_set r, w, x;
	FD_ZERO(&r);
	FD_SET(fd, &r), FD_SET(sem, &r);
	w = x = r;
	DO(select(200, &r, &w, &x, &(struct timeval){0, 0}));
	printf("%d%d %d%d %d%d\n", FD_ISSET(fd, &r) != 0, FD_ISSET(sem, &r) != 0, FD_ISSET(fd, &w) != 0, FD_ISSET(sem, &w) != 0,
		FD_ISSET(fd, &x) != 0, FD_ISSET(sem, &x) != 0);
	close(fd);
	close(sem);
}

static void settings(void) {
	int fd = MUST(eventfd(0, EFD_NONBLOCK)), n = 1;
	printf("settings\n");
	DO(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC | O_APPEND));
	DO(fcntl(fd, F_GETFL));
	DO(fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT));
	DO(fcntl(fd, F_GETPIPE_SZ));
	DO(fcntl(fd, F_SETPIPE_SZ, 4096));
	DO(ioctl(fd, FIONREAD, &n));
	DO(ioctl(fd, FIOASYNC, &n));
	n = 0;
	DO(ioctl(fd, FIONBIO, &n));
	DO(fcntl(fd, F_GETFL));
	n = 1;
	DO(ioctl(fd, FIONBIO, &n));
	took("not waiting", fd);
	DO(ioctl(fd, FIOCLEX));
	DO(fcntl(fd, F_GETFD));
	DO(send(fd, &n, 4, 0));
	DO(shutdown(fd, SHUT_RD));
	DO(posix_fadvise(fd, 0, 0, 0));
	close(fd);
}

static void beside(void) {
	int p[2], s[2], fd = MUST(eventfd(4, EFD_NONBLOCK)), file = MUST(open("/proc/self/exe", O_RDONLY));
	loff_t off = 0;
	struct iovec v = {&off, 8};
	printf("splices\n");
	MUST(pipe2(p, O_NONBLOCK));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	DO(splice(fd, NULL, p[1], NULL, 8, 0));
	DO(splice(p[0], NULL, fd, NULL, 8, 0));
	MUST(write(p[1], "12345678", 8));
	DO(splice(p[0], NULL, fd, NULL, 8, 0));
	DO(splice(p[0], NULL, fd, &off, 8, 0));
	DO(splice(fd, &off, p[1], NULL, 8, 0));
	DO(splice(fd, NULL, s[0], NULL, 8, 0));
	DO(tee(p[0], fd, 8, 0));
	DO(tee(fd, p[1], 8, 0));
	DO(vmsplice(fd, &v, 1, 0));
	DO(sendfile(fd, file, NULL, 8));
	DO(sendfile(fd, file, NULL, 0));
	DO(sendfile(fd, p[0], NULL, 8));
	DO(sendfile(p[1], fd, NULL, 8));
	DO(sendfile(p[1], fd, &off, 8));
	DO(sendfile(s[0], fd, NULL, 8));
	DO(sendfile(fd, s[0], NULL, 8));
	DO(copy_file_range(file, NULL, fd, NULL, 8, 0));
	DO(drain(p[0]));
	fill(p[1], 4096);
	DO(splice(fd, NULL, p[1], NULL, 8, 0));
	took("untouched", fd);
	for (int i = 0; i < 2; i++) close(p[i]), close(s[i]);
	close(fd);
	close(file);
}

static void epolls(void) {
	int ep = MUST(epoll_create1(0)), a = MUST(eventfd(0, EFD_NONBLOCK)), b = MUST(eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE));
	int timer = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
	struct itimerspec soon = {.it_value = {0, 1}};
	printf("epoll\n");
	DO(ctl(ep, EPOLL_CTL_ADD, a, EPOLLIN | EPOLLOUT | EPOLLET, 1));
	DO(ctl(ep, EPOLL_CTL_ADD, b, EPOLLIN, 2));
	events("new", ep, 0);
	events("again", ep, 0);
	took("one", b);
	took("one", b);
	MUST(add(a, 0));
	events("a write of 0", ep, 0);
	MUST(add(a, 1));
	events("written", ep, 0);
	MUST(add(a, 1));
	events("written again", ep, 0);
	took("read", a);
	events("read", ep, 0);
	took("empty", a);
	events("that fails", ep, 0);
	MUST(add(a, MOST));
	events("full", ep, 0);
	DO(add(a, 1));
	events("that fails", ep, 0);
	took("read", a);
	events("room", ep, 0);
	DO(ctl(ep, EPOLL_CTL_MOD, b, EPOLLIN | EPOLLONESHOT, 3));
	MUST(add(b, 2));
	events("a shot", ep, 0);
	events("spent", ep, 0);
	MUST(timerfd_settime(timer, 0, &soon, NULL));
	DO(ctl(ep, EPOLL_CTL_ADD, timer, EPOLLIN | EPOLLET, 4));
	events("a timer", ep, -1);
	MUST(add(a, 1));
	events("both kinds", ep, -1);
	DO(ctl(ep, EPOLL_CTL_DEL, timer, 0, 0));
	struct pollfd p[] = {{a, POLLIN, 0}, {timer, POLLIN, 0}, {ep, POLLIN, 0}};
	DO(poll(p, 3, -1));
	printf("%x %x %x\n", p[0].revents, p[1].revents, p[2].revents);
	int copy = MUST(dup(a));
	close(a);
	MUST(add(copy, 1));
	events("a copy is left", ep, 0);
	close(copy);
	DO(ctl(ep, EPOLL_CTL_MOD, b, EPOLLIN, 5));
	events("none is left", ep, 0);
	close(b);
	close(timer);
	close(ep);
}

int main(void) {
	making();
	sizes();
	vectors();
	room();
	settings();
	beside();
	epolls();
	return 0;
}
