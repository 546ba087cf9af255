/* slow.c: programs in which nothing moves for a while, and which are not stuck: something outside, or the time, will
   wake them. Each says "asleep" on stderr before it sleeps. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int end[2];

static void nothing(int sig) { (void)sig; }

static void handle(int sig) {
	struct sigaction sa = {.sa_handler = nothing};
	sigaction(sig, &sa, NULL);
}

/* pull reads the pipe that nobody writes to. */
static void pull(void) {
	char c;
	read(end[0], &c, 1);
}

/* child_pulls: a child reads what its parent will not write before it has done what it is about to do. */
static void child_pulls(void) {
	if (fork() == 0) {
		close(end[1]);
		pull();
		_exit(0);
	}
}

static void *sleeper(void *arg) { return sleep(600), arg; }

static const struct timespec ages = {600, 0};

static void run(const char *what) {
#define IS(name) (strcmp(what, name) == 0)
	sigset_t set;
	char c;
	sigemptyset(&set);
	pipe(end);
	fputs("asleep\n", stderr);
	if (IS("sleep")) child_pulls(), sleep(600);
	else if (IS("thread that sleeps")) {
		pthread_t t;
		pthread_create(&t, NULL, sleeper, NULL);
		pthread_join(t, NULL);
	} else if (IS("child that sleeps")) {
		if (fork() == 0) sleep(600);
		wait(NULL);
	} else if (IS("alarm")) handle(SIGALRM), alarm(600), pull();
	else if (IS("alarm that kills")) alarm(600), pull();
	else if (IS("itimer")) handle(SIGALRM), setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {600, 0}}, NULL), pull();
	else if (IS("itimer again")) handle(SIGALRM), setitimer(ITIMER_REAL, &(struct itimerval){{600, 0}, {0, 1000}}, NULL), usleep(100000), pull();
	else if (IS("posix timer")) {
		timer_t t;
		timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}, &t);
		timer_settime(t, 0, &(struct itimerspec){.it_value = ages}, NULL);
		pull();
	} else if (IS("timerfd in epoll")) {
		int ep = epoll_create1(0), fd = timerfd_create(CLOCK_MONOTONIC, 0);
		timerfd_settime(fd, 0, &(struct itimerspec){.it_value = ages}, NULL);
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN});
		epoll_ctl(ep, EPOLL_CTL_ADD, end[0], &(struct epoll_event){.events = EPOLLIN});
		epoll_wait(ep, &(struct epoll_event){0}, 1, -1);
	} else if (IS("timerfd in poll")) {
		struct pollfd p[2] = {{end[0], POLLIN, 0}, {timerfd_create(CLOCK_MONOTONIC, 0), POLLIN, 0}};
		timerfd_settime(p[1].fd, 0, &(struct itimerspec){.it_value = ages}, NULL);
		poll(p, 2, -1);
	} else if (IS("poll with a time")) poll(&(struct pollfd){end[0], POLLIN, 0}, 1, 600000);
	else if (IS("select with a time")) {
		fd_set r;
		FD_ZERO(&r);
		FD_SET(end[0], &r);
		select(end[0] + 1, &r, NULL, NULL, &(struct timeval){600, 0});
	} else if (IS("epoll with a time")) {
		int ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, end[0], &(struct epoll_event){.events = EPOLLIN});
		epoll_wait(ep, &(struct epoll_event){0}, 1, 600000);
	} else if (IS("ppoll with a mask")) handle(SIGUSR1), ppoll(&(struct pollfd){end[0], POLLIN, 0}, 1, NULL, &set);
	else if (IS("SO_RCVTIMEO")) {
		int s[2];
		socketpair(AF_UNIX, SOCK_STREAM, 0, s);
		setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){600, 0}, sizeof(struct timeval));
		recv(s[0], &c, 1, 0);
	} else if (IS("sigsuspend")) child_pulls(), handle(SIGUSR1), sigsuspend(&set);
	else if (IS("pause")) child_pulls(), handle(SIGUSR1), pause();
	else if (IS("sigwait")) {
		int got;
		sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
		child_pulls(), sigwait(&set, &got);
	} else if (IS("signalfd")) {
		sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
		struct signalfd_siginfo si;
		child_pulls(), read(signalfd(-1, &set, 0), &si, sizeof si);
	} else if (IS("terminal")) {
		int m = posix_openpt(O_RDWR | O_NOCTTY);
		grantpt(m), unlockpt(m);
		child_pulls(), read(open(ptsname(m), O_RDWR | O_NOCTTY), &c, 1);
	} else if (IS("stopped child")) {
		pid_t p = fork();
		if (p == 0) pull();
		usleep(100000), kill(p, SIGSTOP), wait(NULL);
	} else if (IS("server")) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		listen(s, 5);
		child_pulls(), accept(s, NULL, NULL);
	} else if (IS("server in poll")) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		listen(s, 5);
		struct pollfd p[2] = {{end[0], POLLIN, 0}, {s, POLLIN, 0}};
		poll(p, 2, -1);
	} else if (IS("datagrams")) {
		int s = socket(AF_INET, SOCK_DGRAM, 0);
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		bind(s, (struct sockaddr *)&a, sizeof a);
		child_pulls(), recv(s, &c, 1, 0);
	} else if (IS("inotify")) {
		int i = inotify_init();
		inotify_add_watch(i, "/tmp", IN_DELETE_SELF);
		child_pulls(), read(i, &c, 1);
	} else if (IS("named pipe")) {
		char name[PATH_MAX];
		snprintf(name, sizeof name, "%s/fifo", getenv("OUT"));
		mkfifo(name, 0600);
		child_pulls(), open(name, O_RDONLY);
	} else if (IS("stdin")) child_pulls(), read(0, &c, 1);
	else if (IS("shared futex")) {
		char name[PATH_MAX];
		snprintf(name, sizeof name, "%s/shared", getenv("OUT"));
		int fd = open(name, O_RDWR | O_CREAT, 0600);
		ftruncate(fd, 4096);
		int *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		child_pulls(), syscall(SYS_futex, p, FUTEX_WAIT, 0, NULL);
	} else if (IS("futex with a time")) {
		int word = 0;
		child_pulls(), syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ages);
	} else if (IS("busy")) {
		child_pulls();
		for (volatile long i = 0;; i++) {}
	} else if (IS("self-pipe")) handle(SIGTERM), pull();
	else if (IS("self-pipe in poll")) {
		handle(SIGINT), fcntl(end[1], F_SETFL, O_NONBLOCK);
		poll(&(struct pollfd){end[0], POLLIN, 0}, 1, -1);
	} else if (IS("self-pair")) {
		int s[2];
		socketpair(AF_UNIX, SOCK_STREAM, 0, s);
		handle(SIGCHLD), recv(s[0], &c, 1, 0);
	} else if (IS("semaphore and a handler")) {
		sem_t s;
		sem_init(&s, 0, 0);
		handle(SIGTERM), child_pulls(), sem_wait(&s);
	} else if (IS("supervisor")) handle(SIGHUP), child_pulls(), wait(NULL);
	else if (IS("sigio")) {
		handle(SIGIO);
		child_pulls(), close(end[0]), wait(NULL);
	} else if (IS("outsider")) {
		sleep(1); /* until somebody outside has the write end */
		pull();
	} else _exit(99);
}

int main(int argc, char **argv) {
	if (argc != 2) return 99;
	run(argv[1]);
	fputs("awake\n", stderr);
	return 0;
}
