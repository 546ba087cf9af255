/* setuid and its kin after start, no_new_privs, dumpable: pipes made before and after work alike. */
#include "t.h"
#include <sys/prctl.h>

static int p[2];

static void use(const char *when) {
	int q[2], s[2];
	char c;
	MUST(write(p[1], "a", 1));
	printf("%s: old %zd", when, read(p[0], &c, 1));
	MUST(pipe(q));
	MUST(write(q[1], "b", 1));
	printf(" new %zd", read(q[0], &c, 1));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	MUST(write(s[1], "c", 1));
	printf(" pair %zd\n", read(s[0], &c, 1));
	pid_t k = MUST(fork());
	if (!k) {
		close(q[1]);
		_exit(read(q[0], &c, 1) == 0 ? 0 : 1);
	}
	close(q[1]);
	reap("child", k);
	close(q[0]);
	close(s[0]);
	close(s[1]);
}

int main(void) {
	int root = geteuid() == 0;
	MUST(pipe(p));
	use("start");
	uid_t uid = root ? 65534 : getuid();
	gid_t gid = root ? 65534 : getgid();
	DO(setgid(gid));
	DO(setuid(uid));
	DO(setuid(0) == (root ? -1 : 0) || getuid() != 0);
	use("after setuid");
	DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	use("after no_new_privs");
	DO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	use("not dumpable");
	DO(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
	char name[16] = "";
	DO(prctl(PR_SET_NAME, "renamed", 0, 0, 0));
	DO(prctl(PR_GET_NAME, name, 0, 0, 0));
	printf("%s\n", name);
	use("renamed");
	return 0;
}
