/* What a program gets from who started it: environment, arguments, masks, limits, umask, directory, parent. */
#include "t.h"

extern char **environ;

static void show(int argc, char **argv) {
	sigset_t m;
	char ign[65] = "", blk[65] = "", cwd[200];
	sigprocmask(SIG_SETMASK, NULL, &m);
	for (int s = 1; s < 32; s++) {
		struct sigaction sa;
		sigaction(s, NULL, &sa);
		ign[s - 1] = sa.sa_handler == SIG_IGN ? 'i' : sa.sa_handler == SIG_DFL ? '.' : '?';
		blk[s - 1] = sigismember(&m, s) ? 'b' : '.';
	}
	printf("%d arguments:", argc);
	for (int i = 0; i < argc; i++) printf(" [%s]", i || argc > 1 ? argv[i] : "self");
	printf("\nignored %s\nblocked %s\n", ign, blk);
	mode_t u = umask(0);
	umask(u);
	struct rlimit rl;
	getrlimit(RLIMIT_NOFILE, &rl);
	printf("umask %o nofile %ld of %ld", u, (long)rl.rlim_cur, (long)rl.rlim_max);
	getrlimit(RLIMIT_STACK, &rl);
	printf(" stack %ld", (long)rl.rlim_cur);
	getrlimit(RLIMIT_CORE, &rl);
	printf(" core %ld nice %d\n", (long)rl.rlim_cur, getpriority(PRIO_PROCESS, 0));
	int env = 0;
	for (char **e = environ; *e; e++, env++)
		if (!strncmp(*e, "INHERIT_", 8) || !strncmp(*e, "SLUICE_LOG", 10)) printf("env %s\n", *e);
	printf("more environment: %d\n", env > 0);
	printf("cwd %s\n", strcmp(getcwd(cwd, sizeof cwd), "/") ? "elsewhere" : "/");
	for (int fd = 0; fd < 40; fd++) {
		int fl = fcntl(fd, F_GETFD);
		if (fl >= 0) printf("fd %d: fd %x mode %o\n", fd, fl, fcntl(fd, F_GETFL) & O_ACCMODE);
	}
	sched_yield();
	cpu_set_t c;
	sched_getaffinity(0, sizeof c, &c);
	printf("cpus %d\n", CPU_COUNT(&c));
	const char *driver = getenv("INHERIT_PARENT_OF_MAIN");
	if (driver) printf("parent is the driver: %d\n", atoi(driver) == getppid());
}

int main(int argc, char **argv) {
	if (argc > 1) { show(argc, argv); return 0; }
	show(argc, argv);
	pid_t k = MUST(fork());
	if (!k) {
		sigset_t m;
		sigemptyset(&m);
		sigaddset(&m, SIGUSR2);
		sigaddset(&m, SIGTERM);
		sigprocmask(SIG_SETMASK, &m, NULL);
		signal(SIGUSR1, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		signal(SIGCHLD, SIG_IGN);
		umask(027);
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 200});
		setpriority(PRIO_PROCESS, 0, 7);
		MUST(chdir("/"));
		setenv("INHERIT_X", "a b=c", 1);
		unsetenv("INHERIT_PARENT_OF_MAIN");
		int p[2];
		MUST(pipe(p));
		MUST(fcntl(p[0], F_SETFD, FD_CLOEXEC));
		dup2(p[1], 30);
		execl("/proc/self/exe", "a name of its own", "x y", "", "$z", NULL);
		_exit(1);
	}
	reap("child", k);
	return 0;
}
