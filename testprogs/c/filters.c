/* Programs with seccomp filters of their own: ERRNO, KILL of pause, strict mode, and many of them. */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define LOAD(f) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, f))
#define IS(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)
#define RET(v) BPF_STMT(BPF_RET | BPF_K, v)

static int install(struct sock_filter *f, int n) {
	struct sock_fprog p = {n, f};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);
}

static int p[2], s[2];

static void use(const char *when) {
	int q[2];
	char b[20];
	MUST(write(p[1], "x", 1));
	printf("%s: %zd", when, read(p[0], b, 1));
	MUST(pipe(q));
	MUST(write(q[1], "y", 1));
	printf(" %zd", read(q[0], b, 1));
	MUST(send(s[0], "z", 1, 0));
	printf(" %zd\n", recv(s[1], b, 1, 0));
	close(q[0]);
	close(q[1]);
}

/* a filter that answers for itself: its answer stands, also on our descriptors */
static void answers(void) {
	struct sock_filter f[] = {LOAD(nr), IS(SYS_write, 0, 3), LOAD(args[2]), IS(13, 0, 1), RET(SECCOMP_RET_ERRNO | EXDEV),
		LOAD(nr), IS(SYS_pipe2, 0, 3), LOAD(args[1]), IS(O_CLOEXEC, 0, 1), RET(SECCOMP_RET_ERRNO | EMFILE), RET(SECCOMP_RET_ALLOW)};
	int q[2];
	DO(install(f, sizeof f / sizeof *f));
	DO(write(p[1], "thirteen byte", 13));
	DO(write(p[1], "twelve bytes", 12));
	char b[20];
	DO(read(p[0], b, 20));
	DO(pipe2(q, O_CLOEXEC));
	for (int i = 0; i < 6; i++) install(f, sizeof f / sizeof *f);
	use("with seven filters");
}

/* calls that a tracer might use for its own ends are death: a wait must not go through them */
static void kills(void) {
	static const int deadly[] = {SYS_pause, SYS_mmap, SYS_seccomp, SYS_prctl, SYS_getppid, SYS_gettid, SYS_dup3, SYS_ppoll};
	struct sock_filter f[2 + 2 * 8] = {LOAD(nr)};
	int n = 1;
	for (int i = 0; i < 8; i++) {
		f[n++] = (struct sock_filter)IS(deadly[i], 0, 1);
		f[n++] = (struct sock_filter)RET(SECCOMP_RET_KILL_PROCESS);
	}
	f[n++] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	if (install(f, n)) _exit(98);
	char b[20];
	ssize_t r = read(p[0], b, 20); /* waits */
	ssize_t w = write(s[1], "ready", 5);
	ssize_t t = recv(s[1], b, 20, 0); /* waits */
	_exit(r == 2 && w == 5 && t == 3 ? 11 : 12);
}

/* strict mode: read, write, exit and sigreturn, nothing else */
static void strict(int bad) {
	char b[20];
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)) _exit(97);
	ssize_t r = read(p[0], b, 20);
	ssize_t w = write(s[1], b, r);
	if (bad) syscall(SYS_getpid);
	syscall(SYS_exit, w == 2 ? 21 : 22);
}

int main(void) {
	char b[20];
	MUST(pipe(p));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	printf("mode %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	use("before");
	pid_t k = MUST(fork());
	if (!k) { answers(); _exit(0); }
	reap("answers", k);
	k = MUST(fork());
	if (!k) kills();
	blocked(k);
	MUST(write(p[1], "go", 2));
	DO(recv(s[0], b, 20, 0));
	blocked(k);
	MUST(send(s[0], "bye", 3, 0));
	reap("kills", k);
	for (int bad = 0; bad < 2; bad++) {
		k = MUST(fork());
		if (!k) strict(bad);
		blocked(k);
		MUST(write(p[1], "ok", 2));
		DO(recv(s[0], b, 20, 0));
		reap("strict", k);
	}
	k = MUST(fork()); /* a filter that was there before the first pipe of its process */
	if (!k) {
		struct sock_filter f[] = {LOAD(nr), IS(SYS_pause, 0, 1), RET(SECCOMP_RET_KILL_PROCESS), RET(SECCOMP_RET_ALLOW)};
		DO(install(f, 4));
		use("filtered");
		DO(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
		pause();
	}
	reap("pauses", k);
	return 0;
}
