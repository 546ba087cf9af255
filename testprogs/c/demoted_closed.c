/* A call sleeps on a descriptor whose number is closed meanwhile, and then its object is given back to the kernel: the
   call goes on with the file that it began with, and leaves the number's next owner alone. */
#include "t.h"
#include <sys/un.h>

static pid_t tid;
static char block[100000];

static void *reader(void *fd) {
	char b[32] = {0};
	tid = gettid();
	ssize_t n = read((int)(long)fd, b, sizeof b - 1);
	printf("  read %zd %s \"%s\"\n", n, n < 0 ? strerrorname_np(errno) : "", b);
	return NULL;
}

static void *receiver(void *fd) {
	char b[32] = {0};
	struct iovec v = {b, sizeof b - 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	tid = gettid();
	ssize_t n = recvmsg((int)(long)fd, &m, 0);
	printf("  recvmsg %zd %s \"%s\"\n", n, n < 0 ? strerrorname_np(errno) : "", b);
	return NULL;
}

static void *writer(void *fd) {
	tid = gettid();
	ssize_t n = write((int)(long)fd, "behind it", 9);
	printf("  write %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
	return NULL;
}

static pthread_t asleep(void *(*f)(void *), int fd) {
	tid = 0;
	pthread_t t = thread(f, (void *)(long)fd);
	while (!tid) usleep(1000);
	blocked(tid);
	return t;
}

/* shut closes a number and gives it to a file that has something to read */
static void shut(int fd, int how) {
	int other = MUST(memfd_create("t", 0));
	MUST(write(other, "not this", 8));
	MUST(lseek(other, 0, SEEK_SET));
	if (how == 1) {
		MUST(dup2(other, fd));
		close(other);
	} else {
		if (how == 2) MUST(syscall(SYS_close_range, fd, fd, 0));
		else MUST(close(fd));
		MUST(dup3(other, fd, O_CLOEXEC));
		close(other);
	}
}

static void untouched(int fd) {
	printf("  the other file is at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
	close(fd);
}

int main(void) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int s[2];
	for (int i = 0; i < 6; i++) {
		printf("pair %d\n", i);
		MUST(socketpair(AF_UNIX, types[i % 3], 0, s));
		pthread_t t = asleep(i < 3 ? reader : receiver, s[1]);
		shut(s[1], i % 3);
		MUST(bind(s[0], (struct sockaddr *)&a, sizeof a.sun_family));
		blocked(tid);
		MUST(write(s[0], "late", 4));
		pthread_join(t, NULL);
		signal(SIGPIPE, SIG_IGN);
		DO(write(s[0], "later", 5)); /* nobody is there any more */
		untouched(s[1]);
		close(s[0]);
	}
	/* pipes, given back all at once */
	int p[2], q[2], left = 0;
	MUST(pipe(p));
	MUST(pipe2(q, O_NONBLOCK));
	left = fill(q[1], sizeof block);
	nonblocking(q[1], 0);
	pthread_t t = asleep(reader, p[0]), u = asleep(writer, q[1]);
	shut(p[0], 0);
	shut(q[1], 1);
	syscall(SYS_io_uring_setup, 0, NULL);
	blocked(tid);
	MUST(write(p[1], "late", 4));
	pthread_join(t, NULL);
	DO(write(p[1], "later", 5));
	untouched(p[0]);
	nonblocking(q[0], 0);
	while (left > 0) left -= read(q[0], block, left < 4096 ? left : 4096);
	pthread_join(u, NULL);
	DO(read(q[0], block, sizeof block));
	DO(read(q[0], block, sizeof block));
	untouched(q[1]);
	return 0;
}
