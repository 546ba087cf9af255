/* Who waits first at a pipe or a packet socket is served first. */
#include "t.h"

static int in, line[2];
static pid_t tids[6];

static void *reader(void *arg) {
	long me = (long)arg;
	char c, said[2];
	__atomic_store_n(&tids[me], syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (read(in, &c, 1) != 1) c = '?';
	said[0] = 'A' + me;
	said[1] = c;
	MUST(write(line[1], said, 2));
	return NULL;
}

static void queue(const char *what, int r, int w) {
	pthread_t t[6];
	char said[3] = "";
	in = r;
	memset(tids, 0, sizeof tids);
	MUST(pipe(line));
	for (long i = 0; i < 6; i++) {
		t[i] = thread(reader, (void *)i);
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST)) sched_yield();
		blocked(tids[i]);
	}
	printf("%s:", what);
	for (int i = 0; i < 6; i++) {
		MUST(write(w, &"123456"[i], 1));
		MUST(read(line[0], said, 2));
		printf(" %s", said);
	}
	printf("\n");
	for (int i = 0; i < 6; i++) pthread_join(t[i], NULL);
	close(line[0]);
	close(line[1]);
}

int main(void) {
	int p[2];
	MUST(pipe(p));
	queue("pipe", p[0], p[1]);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	queue("packets", p[0], p[1]);
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	queue("datagrams", p[0], p[1]);
	return 0;
}
