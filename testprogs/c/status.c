/* How the main program ends: the driver compares its wait status. */
#include "t.h"

static int p[2];
static void *ends(void *arg) {
	const char *how = arg;
	blocked(getpid());
	if (!strcmp(how, "threadexit")) exit(33);
	if (!strcmp(how, "threadkill")) kill(getpid(), SIGKILL);
	if (!strcmp(how, "threadsegv")) *(volatile int *)8 = 1;
	return NULL;
}

int main(int argc, char **argv) {
	const char *how = argc > 1 ? argv[1] : "none";
	char c;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	MUST(pipe(p));
	MUST(write(p[1], "x", 1));
	MUST(read(p[0], &c, 1));
	printf("%s\n", how);
	if (!strcmp(how, "exit")) return atoi(argv[2]);
	if (!strcmp(how, "signal")) { raise(atoi(argv[2])); return 1; }
	if (!strcmp(how, "abort")) abort();
	if (!strcmp(how, "sigpipe")) { close(p[0]); MUST(write(p[1], "x", 1)); return 1; }
	if (!strncmp(how, "thread", 6)) { thread(ends, (void *)how); return read(p[0], &c, 1); }
	if (!strcmp(how, "exec")) { execlp(argv[2], argv[2], NULL); return 77; }
	if (!strcmp(how, "orphans")) { /* children that outlive us by little */
		for (int i = 0; i < 3; i++) if (!MUST(fork())) { close(p[1]); _exit(read(p[0], &c, 1)); }
		return 3;
	}
	return 0;
}
