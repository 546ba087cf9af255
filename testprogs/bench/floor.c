/* floor PROGRAM ARGS...: what serving a call from another process costs at least. It runs a static program of one process
   and answers its reads and writes of descriptors from 3 up out of one buffer, each with a single stop and with the system
   calls that no such server can do without: wait, read the registers, copy the bytes, write the registers, go on. It
   knows nothing of pipes; it is no emulator, only a measure for one. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

static char held[65536];
static size_t fill;

static void die(const char *what) {
	perror(what);
	exit(125);
}

static void become(char **argv) {
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_write, 3, 0), /* read is 0, write is 1 */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, STDERR_FILENO, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	raise(SIGSTOP); /* until the tracer has seized us */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("seccomp");
	execvp(argv[0], argv);
	die(argv[0]);
}

static void serve(pid_t pid) {
	struct user_regs_struct r;
	if (ptrace(PTRACE_GETREGS, pid, 0, &r)) die("registers");
	struct iovec ours = {held, r.rdx < sizeof held ? r.rdx : sizeof held}, theirs = {(void *)r.rsi, 0};
	if (r.orig_rax == SYS_read && ours.iov_len > fill) ours.iov_len = fill;
	theirs.iov_len = ours.iov_len;
	if (r.orig_rax == SYS_write)
		r.rax = fill = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
	else
		r.rax = process_vm_writev(pid, &ours, 1, &theirs, 1, 0);
	r.orig_rax = -1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &r)) die("registers");
}

int main(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: floor PROGRAM ARGS...\n");
		return 2;
	}
	/* Without this each stop also costs a signal. */
	struct sigaction quiet = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	sigaction(SIGCHLD, &quiet, NULL);
	pid_t pid = fork();
	if (pid < 0) die("fork");
	if (!pid) become(argv + 1);
	int status;
	if (waitpid(pid, &status, WUNTRACED) != pid) die("wait");
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)) die("seize");
	kill(pid, SIGCONT);
	for (;;) {
		if (wait4(-1, &status, __WALL, NULL) != pid) die("wait");
		if (WIFEXITED(status)) return WEXITSTATUS(status);
		if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
		int event = status >> 16, signal = 0;
		if (event == PTRACE_EVENT_SECCOMP) serve(pid);
		else if (event == 0 && WSTOPSIG(status) != SIGTRAP) signal = WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, 0, signal);
	}
}
