/* A supervisor by SECCOMP_RET_USER_NOTIF: it answers some calls of its child and lets others go on. */
#include "msg.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

int main(void) {
	int s[2], p[2], got[8];
	char b[100];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	MUST(pipe(p));
	pid_t k = MUST(fork());
	if (!k) {
		struct sock_filter f[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 3),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 77, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
		struct sock_fprog prog = {sizeof f / sizeof *f, f};
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		int listener = MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog));
		MUST(send_fds(s[1], "L", 1, &listener, 1, 0));
		close(listener);
		DO(read(p[0], b, 77)); /* goes on, and there are bytes */
		DO(read(p[0], b, 77)); /* goes on, and must wait */
		DO(read(p[0], b, 77)); /* answered by the supervisor */
		DO(read(p[0], b, 10)); /* not its business */
		_exit(0);
	}
	MUST(write(p[1], "early", 5));
	recv_fds(s[0], 1, CMSG_SPACE(4), got, 0);
	for (int i = 0; i < 3; i++) {
		struct seccomp_notif n;
		struct seccomp_notif_resp r;
		memset(&n, 0, sizeof n);
		memset(&r, 0, sizeof r);
		MUST(ioctl(got[0], SECCOMP_IOCTL_NOTIF_RECV, &n));
		r.id = n.id;
		if (i < 2) r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else r.error = -EXDEV;
		MUST(ioctl(got[0], SECCOMP_IOCTL_NOTIF_SEND, &r));
		if (i == 1) { blocked(k); MUST(write(p[1], "later", 5)); }
		if (i == 2) MUST(write(p[1], "last", 4));
	}
	reap("child", k);
	return 0;
}
