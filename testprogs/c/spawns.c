/* vfork, posix_spawn and clone3 with pipes between parent and child. */
#include "t.h"
#include <linux/sched.h>
#include <spawn.h>

extern char **environ;

static void say(int fd, const char *what) {
	char b[200];
	ssize_t n, all = 0;
	while ((n = read(fd, b + all, sizeof b - all - 1)) > 0) all += n;
	b[all] = 0;
	printf("%s: %zd \"%s\"\n", what, all, b);
}

static void by_vfork(void) {
	int p[2];
	MUST(pipe(p));
	volatile int v = 1;
	pid_t k = vfork();
	if (!k) {
		v = 2;
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execl("/bin/echo", "echo", "from vfork", NULL);
		_exit(127);
	}
	close(p[1]);
	say(p[0], "vfork");
	reap("vfork", k);
	printf("memory was shared: %d\n", v == 2);
	close(p[0]);
	MUST(pipe(p));
	k = vfork();
	if (!k) {
		ssize_t n = write(p[1], "no exec", 7);
		_exit(n == 7 ? 5 : 6);
	}
	close(p[1]);
	say(p[0], "vfork and exit");
	reap("vfork and exit", k);
	close(p[0]);
}

static void by_spawn(void) {
	int in[2], out[2];
	pid_t k;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	MUST(pipe2(in, O_CLOEXEC));
	MUST(pipe2(out, O_CLOEXEC));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	posix_spawnattr_init(&at);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP);
	char *cat[] = {"cat", NULL}, *none[] = {"none", NULL};
	DO(posix_spawnp(&k, "cat", &fa, &at, cat, environ));
	close(in[0]);
	close(out[1]);
	MUST(write(in[1], "through cat", 11));
	close(in[1]);
	say(out[0], "spawn");
	reap("cat", k);
	close(out[0]);
	DO(posix_spawnp(&k, "/nonexistent/none", NULL, NULL, none, environ));
	DO(posix_spawn_file_actions_addclose(&fa, 77));
}

static void by_clone3(void) {
	int p[2], pidfd = -1;
	struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	MUST(pipe(p));
	pid_t k = MUST(syscall(SYS_clone3, &a, sizeof a));
	if (!k) {
		close(p[0]);
		MUST(write(p[1], "clone3", 6));
		_exit(3);
	}
	close(p[1]);
	say(p[0], "clone3");
	DO(poll(&(struct pollfd){pidfd, POLLIN, 0}, 1, -1));
	reap("clone3", k);
	close(p[0]);
	close(pidfd);
}

static void by_popen(void) {
	char b[100];
	FILE *f = popen("echo popen; exit 4", "r");
	printf("popen: %s", fgets(b, sizeof b, f));
	printf("pclose %d\n", WEXITSTATUS(pclose(f)));
	f = popen("tr a-z A-Z", "w");
	fputs("to popen\n", f);
	printf("pclose %d\n", pclose(f));
	printf("system %d\n", WEXITSTATUS(system("exit 9")));
}

int main(void) {
	by_vfork();
	by_spawn();
	by_clone3();
	by_popen();
	return 0;
}
