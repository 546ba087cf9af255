/* conductor.c: runs the steps one at a time and writes down what came of each. */
#include "run.h"

static int stat_fd[ACTORS]; /* /proc/PID/task/TID/stat of each actor, -1 when it is not there */
static unsigned told[ACTORS][4];
static step *steps;
static int pending[ACTORS]; /* the step that an actor sleeps in, plus one */
static FILE *out;
static int64_t limit = 10000000000ll; /* after which a step is stuck */

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* state is R, S, t ..., or 0 for an actor that is gone. Z is gone: its descriptors are closed. */
static char state(int i) {
	char b[256];
	if (stat_fd[i] < 0) return 0;
	ssize_t n = pread(stat_fd[i], b, sizeof b - 1, 0);
	if (n <= 0) return 0;
	b[n] = 0;
	char *p = strrchr(b, ')');
	if (!p || p[2] == 'Z' || p[2] == 'X') return 0;
	return p[2];
}

static void gone(int i) {
	if (stat_fd[i] >= 0) close(stat_fd[i]);
	stat_fd[i] = -1;
	W->a[i].ready = 0;
}

static int known(int i) { return stat_fd[i] >= 0; }
static int idle(int i) { return W->a[i].done == W->a[i].turn; }

static void pause_a_bit(int round) {
	if (round < 20) {
		sched_yield();
		return;
	}
	struct timespec t = {0, round < 200 ? 50000 : 1000000};
	nanosleep(&t, NULL);
}

/* meet waits for an actor's loop and opens its state. */
static int meet(int i) {
	int64_t end = now() + 10000000000ll;
	while (!W->a[i].ready) {
		if (now() > end) return 0;
		int b = W->bell;
		struct timespec t = {0, 20000000};
		if (!W->a[i].ready) futex(&W->bell, FUTEX_WAIT, b, &t);
	}
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", W->a[i].tid, W->a[i].tid);
	stat_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
	return stat_fd[i] >= 0;
}

static void tell_signals(int i) {
	static const char *names[4] = {"PIPE", "USR1", "USR2", "IO"};
	for (int k = 0; k < 4; k++) {
		unsigned n = W->a[i].sigs[k];
		/* Whether signals of one number that came close together are one or more is a race. */
		if (n != told[i][k]) fprintf(out, " | actor %d got SIG%s", i, names[k]);
		told[i][k] = n;
	}
}

static void tell(int i) {
	W->a[i].text[W->a[i].len] = 0;
	fprintf(out, "%s", W->a[i].text);
}

/* barrier: what went before is settled under sluice too. A call that sluice always stops is answered when its loop
   comes round, and by then it has told everybody that the last call woke. Natively a wake-up is part of the call. */
static void barrier(void) { syscall(SYS_pidfd_getfd, -1, -1, 0); }

/* settle waits until every actor has answered or provably sleeps, twice in a row with nothing in between. 0 if
   that does not come. */
static int settle(int cur, int all, int64_t patience) {
	int64_t start = now();
	unsigned before = ~0u;
	int others = 0;
	for (int i = 0; i < ACTORS; i++) others |= pending[i] && i != cur;
	for (int round = 0;; round++) {
		unsigned mask = 0;
		int calm = 1;
		if (others) barrier();
		for (int i = 0; i < ACTORS; i++) {
			if (!known(i)) continue;
			if (idle(i)) {
				mask |= 1u << i;
				if (i == cur || !all) continue;
			}
			char c = state(i);
			if (!c) gone(i);
			else if (c != 'S' || (!idle(i) && !W->a[i].entered)) calm = 0;
			if (!calm) break;
			mask |= c ? 1u << (i + 8) : 1u << (i + 16);
		}
		int still = now() - start < patience && !idle(cur);
		if (calm && mask == before && !still) return 1;
		before = calm ? mask : ~0u;
		if (now() - start > limit) return 0;
		if (!calm || still) pause_a_bit(round);
	}
}

static int anybody_sleeps(int64_t key, int flags) {
	for (int i = 0; i < ACTORS; i++) {
		if (!pending[i]) continue;
		step *p = &steps[pending[i] - 1];
		if (flags & BIG) return 1;
		if (flags & MULTI && p->w[0] >> 16 & WAITS) return 1;
		if (key & 0xffff && (p->w[15] & 0xffff) == (key & 0xffff)) return 1;
		/* One that waits for a thing and one that takes it race for it. */
		if (((p->w[0] >> 16 ^ flags) & WAITS) && p->w[15] >> 16 & key >> 16) return 1;
	}
	return 0;
}

static const char *names[] = {
#define OP(name, args) #name,
#include "ops.h"
#undef OP
};

/* one makes step k. 0 ends the program. */
static int one(int k) {
	step *s = &steps[k];
	int op = s->w[0] & 255, i = s->w[0] >> 8 & 255, flags = s->w[0] >> 16;
	actor *a = &W->a[i];
	fprintf(out, "%d %d %s:", k, i, names[op]);
	if (i >= ACTORS || !known(i) || !idle(i)) { fprintf(out, " busy\n"); return 1; }
	if (anybody_sleeps(s->w[15], flags)) { fprintf(out, " skipped\n"); return 1; }
	if (op == OP_fork || op == OP_thread) {
		int c = s->w[1] % ACTORS;
		/* A place is used once in a program. */
		if (W->a[c].tid || known(c)) { fprintf(out, " busy\n"); return 1; }
	}
	if (op == OP_kill && ((s->w[2] != SIGUSR1 && s->w[2] != SIGUSR2 && s->w[2] != SIGKILL) || s->w[1] >= ACTORS || !known(s->w[1]) || s->w[1] == 0)) { fprintf(out, " busy\n"); return 1; }
	a->s = *s;
	a->index = k;
	a->len = 0;
	a->entered = 0;
	a->turn++;
	futex(&a->turn, FUTEX_WAKE, 1, NULL);
	pending[i] = k + 1;
	int all = 1;
	for (int round = 0; round < 3 && !idle(i); round++) {
		int b = W->bell;
		struct timespec t = {0, 200000};
		if (!idle(i)) futex(&W->bell, FUTEX_WAIT, b, &t);
	}
	if (op == OP_kill) all = 1;
	if (!settle(i, all, flags & TIMED && !idle(i) ? 80000000 : 0)) {
		fprintf(out, " STUCK");
		for (int j = 0; j < ACTORS; j++) if (known(j)) fprintf(out, " %d=%c%s", j, state(j), idle(j) ? "" : "*");
		fprintf(out, "\n");
		return 0;
	}
	if (!known(i)) { fprintf(out, " gone"); pending[i] = 0; }
	else if (idle(i)) { tell(i); pending[i] = 0; }
	else fprintf(out, " sleeps");
	if ((op == OP_fork || op == OP_thread) && known(i) && idle(i) && !meet(s->w[1] % ACTORS)) { fprintf(out, " STUCK child\n"); return 0; }
	for (int j = 0; j < ACTORS; j++) {
		if (j != i && pending[j] && (!known(j) || idle(j))) {
			fprintf(out, " | step %d of actor %d:", pending[j] - 1, j);
			if (known(j)) tell(j); else fprintf(out, " gone");
			pending[j] = 0;
		}
		tell_signals(j);
	}
	fprintf(out, "\n");
	for (int j = 0; j < ACTORS; j++) if (known(j) && idle(j)) return 1;
	return 0;
}

static void program(int n) {
	memset(W, 0, sizeof *W);
	memset(told, 0, sizeof told);
	memset(pending, 0, sizeof pending);
	memset(W->slot, 0xff, sizeof W->slot);
	for (int i = 0; i < ACTORS; i++) stat_fd[i] = -1;
	pid_t p = fork();
	if (p < 0) fail("fork");
	if (p == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 3, ~0u, 0);
		struct rlimit l = {64, 64};
		setrlimit(RLIMIT_NOFILE, &l);
		act(0);
	}
	if (!meet(0)) fail("the first actor does not come");
	int k = 0;
	while (k < n && one(k)) k++;
	for (int i = 0; i < ACTORS; i++)
		if (known(i)) kill(W->a[i].tid, SIGKILL);
	int64_t end = now() + 10000000000ll;
	for (int i = 0; i < ACTORS; i++)
		for (int round = 0; known(i); round++) {
			if (!state(i)) gone(i);
			else if (now() > end) { fprintf(out, "STUCK in its end\n"); gone(i); }
			else pause_a_bit(round);
		}
}

void conduct(const char *programs, const char *to) {
	FILE *in = fopen(programs, "r");
	out = fopen(to, "w");
	if (!in || !out) fail(programs);
	signal(SIGCHLD, SIG_IGN); /* so nothing needs to be waited for */
	prctl(PR_SET_TIMERSLACK, 1);
	if (getenv("CONFORM_PATIENCE")) limit = atoll(getenv("CONFORM_PATIENCE")) * 1000000;
	int32_t count, n;
	if (fread(&count, sizeof count, 1, in) != 1) fail(programs);
	for (int i = 0; i < count; i++) {
		if (fread(&n, sizeof n, 1, in) != 1) fail(programs);
		steps = realloc(steps, (n + 1) * sizeof *steps);
		if (fread(steps, sizeof *steps, n, in) != (size_t)n) fail(programs);
		fprintf(out, "program %d\n", i);
		program(n);
		fflush(out);
	}
	fprintf(out, "end\n");
	fclose(out);
}
