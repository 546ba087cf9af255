/* Process groups and sessions: setpgid, kill of a group, waitpid of a group, setsid. */
#include "t.h"

static int gate[2], p[2];

static pid_t member(pid_t group) {
	pid_t k = MUST(fork());
	if (k) { setpgid(k, group ? group : k); return k; }
	char c;
	close(p[1]);
	setpgid(0, group);
	MUST(write(gate[1], "r", 1));
	ssize_t n = read(p[0], &c, 1);
	_exit(n == 0 ? 4 : 5);
}

int main(void) {
	char c;
	MUST(pipe(gate));
	printf("leader of a session %d, of a group %d\n", getsid(0) == getpid(), getpgrp() == getpid());
	MUST(pipe(p));
	pid_t lead = member(0), other = member(lead), third = member(0);
	for (int i = 0; i < 3; i++) MUST(read(gate[0], &c, 1));
	printf("groups %d %d %d\n", getpgid(lead) == lead, getpgid(other) == lead, getpgid(third) == third);
	kill(-lead, SIGTERM);
	for (int i = 0; i < 2; i++) {
		int st;
		pid_t k = MUST(waitpid(-lead, &st, 0));
		printf("of the group: %d signal %d\n", k == lead || k == other, WTERMSIG(st));
	}
	DO(waitpid(-lead, NULL, 0));
	DO(kill(-lead, 0));
	close(p[1]); /* the third sees the end */
	reap("third", third);
	pid_t k = MUST(fork());
	if (!k) {
		printf("own session %d\n", setsid() == getpid());
		DO(setsid());
		_exit(0);
	}
	reap("session", k);
	/* a group that is stopped by the terminal's signal and continued */
	MUST(pipe(p));
	lead = member(0);
	MUST(read(gate[0], &c, 1));
	blocked(lead);
	kill(-lead, SIGTTIN);
	int st;
	MUST(waitpid(lead, &st, WUNTRACED));
	printf("stopped %d by %d\n", WIFSTOPPED(st), WSTOPSIG(st));
	kill(-lead, SIGCONT);
	MUST(waitpid(lead, &st, WCONTINUED));
	printf("continued %d\n", WIFCONTINUED(st));
	close(p[1]);
	reap("member", lead);
	return 0;
}
