/* kinds.c: programs that come to a standstill, each in a way that real ones do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int out[2], err[2];
static char big[300000];

static void put(int fd, const void *p, size_t n) {
	while (n > 0) {
		ssize_t m = write(fd, p, n);
		if (m <= 0) _exit(1);
		p = (const char *)p + m, n -= m;
	}
}

static void until_end(int fd) {
	char b[4096];
	while (read(fd, b, sizeof b) > 0) {}
}

/* The parent reads all of stdout before it looks at stderr, which fills up. */
static void popen_stderr(void) {
	pipe2(out, O_CLOEXEC), pipe2(err, O_CLOEXEC);
	if (fork() == 0) {
		dup2(out[1], 1), dup2(err[1], 2);
		close(out[0]), close(out[1]), close(err[0]), close(err[1]);
		put(2, big, sizeof big);
		put(1, "done", 4);
		_exit(0);
	}
	close(out[1]), close(err[1]);
	until_end(out[0]);
	until_end(err[0]);
}

/* The parent keeps the write end of the pipe that it reads until the end. */
static void keeps_write_end(void) {
	pipe(out);
	if (fork() == 0) {
		close(out[0]);
		put(out[1], "hello", 5);
		_exit(0);
	}
	wait(NULL);
	until_end(out[0]);
}

/* A child that is started between pipe and FD_CLOEXEC takes the write end along. */
static void fork_cloexec(void) {
	int in[2];
	pipe2(in, O_CLOEXEC);
	pipe(out);
	if (fork() == 0) {
		dup2(in[0], 0);
		close(out[0]);
		execlp("cat", "cat", NULL);
		_exit(1);
	}
	fcntl(out[0], F_SETFD, FD_CLOEXEC), fcntl(out[1], F_SETFD, FD_CLOEXEC);
	if (fork() == 0) {
		close(in[1]);
		put(out[1], "hello", 5);
		_exit(0);
	}
	close(out[1]), close(in[0]);
	until_end(out[0]); /* and only then is cat to end */
	close(in[1]);
}

/* Two processes write to each other, and nobody reads. */
static void both_full(void) {
	pipe(out), pipe(err);
	if (fork() == 0) {
		close(out[0]), close(err[1]);
		put(out[1], big, sizeof big);
		until_end(err[0]);
		_exit(0);
	}
	close(out[1]), close(err[0]);
	put(err[1], big, sizeof big);
	until_end(out[0]);
}

/* The same over a socketpair. */
static void pair_full(void) {
	socketpair(AF_UNIX, SOCK_STREAM, 0, out);
	int self = fork() == 0;
	close(out[!self]);
	put(out[self], big, sizeof big);
	until_end(out[self]);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready;

static void *waiter(void *arg) {
	(void)arg;
	pthread_mutex_lock(&mutex);
	pthread_cond_wait(&cond, &mutex); /* without a look at ready */
	pthread_mutex_unlock(&mutex);
	return NULL;
}

/* The condition is signalled before anybody waits for it. */
static void lost_wakeup(void) {
	pthread_t t;
	pthread_mutex_lock(&mutex);
	ready = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	pthread_create(&t, NULL, waiter, NULL);
	pthread_join(t, NULL);
}

enum { SEATS = 3 };
static int fork_pipe[SEATS][2];

static void philosopher(int i) {
	char c;
	read(fork_pipe[i][0], &c, 1);
	usleep(50000); /* long enough for everybody to have one fork */
	read(fork_pipe[(i + 1) % SEATS][0], &c, 1);
	write(fork_pipe[(i + 1) % SEATS][1], "f", 1);
	write(fork_pipe[i][1], "f", 1);
}

/* A fork is a byte in a pipe. */
static void philosophers(void) {
	for (int i = 0; i < SEATS; i++) {
		pipe(fork_pipe[i]);
		put(fork_pipe[i][1], "f", 1);
	}
	for (int i = 0; i < SEATS; i++)
		if (fork() == 0) {
			philosopher(i);
			_exit(0);
		}
	for (int i = 0; i < SEATS; i++) wait(NULL);
}

static void *forever(void *arg) {
	(void)arg;
	char c;
	read(err[0], &c, 1);
	return NULL;
}

/* The first thread of the child has ended and ps calls the child a zombie, but another thread keeps the pipe open. */
static void zombie_holder(void) {
	pipe(out), pipe(err);
	if (fork() == 0) {
		pthread_t t;
		close(out[0]), close(err[1]);
		pthread_create(&t, NULL, forever, NULL);
		pthread_exit(NULL);
	}
	close(out[1]), close(err[0]);
	until_end(out[0]);
	close(err[1]);
}

/* The write end lies in a message that nobody reads. */
static void in_a_message(void) {
	int pair[2];
	pipe(out);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } u;
	struct iovec v = {"x", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u};
	memset(&u, 0, sizeof u);
	u.h.cmsg_level = SOL_SOCKET, u.h.cmsg_type = SCM_RIGHTS, u.h.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&u.h), &out[1], sizeof(int));
	sendmsg(pair[0], &m, 0);
	close(out[1]);
	until_end(out[0]);
}

/* An event loop of pipes only, whose writer waits for an answer. */
static void event_loop(void) {
	pipe(out), pipe(err);
	if (fork() == 0) {
		close(out[0]), close(err[1]);
		until_end(err[0]); /* the request, which never comes */
		_exit(0);
	}
	close(out[1]), close(err[0]);
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	epoll_ctl(ep, EPOLL_CTL_ADD, out[0], &e);
	epoll_wait(ep, &e, 1, -1);
}

/* posix_spawn's and vfork's parent waits for a child that waits for it. */
static void in_vfork(void) {
	char c;
	pipe(out);
	if (vfork() == 0) {
		read(out[0], &c, 1);
		_exit(0);
	}
}

/* The moment before the standstill is told. */
static void clocked(void) {
	pipe(out);
	put(2, "now\n", 4);
	until_end(out[0]);
}

int main(int argc, char **argv) {
	static const struct { const char *name; void (*run)(void); } all[] = {
		{"popen_stderr", popen_stderr}, {"keeps_write_end", keeps_write_end}, {"fork_cloexec", fork_cloexec},
		{"both_full", both_full}, {"pair_full", pair_full}, {"lost_wakeup", lost_wakeup}, {"philosophers", philosophers},
		{"zombie_holder", zombie_holder}, {"in_a_message", in_a_message}, {"event_loop", event_loop}, {"in_vfork", in_vfork}, {"clocked", clocked},
	};
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (argc > 1 && strcmp(argv[1], all[i].name) == 0) {
			all[i].run();
			return 0;
		}
	return 99;
}
