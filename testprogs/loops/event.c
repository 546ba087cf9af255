/* libevent under load: bufferevents on socketpairs and pipes, timers, signals, deferred callbacks and a thread that wakes
   the loop, on each of its methods. LOAD says how much. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int load = 1, left; /* what is still under way */
static struct event_base *base;

static void over(void) {
	if (--left == 0) event_base_loopexit(base, NULL);
}

/* lines go there and come back, one at a time */
struct player {
	struct bufferevent *here, *there;
	int sent, rounds, sum;
};

static void say(struct player *p) {
	evbuffer_add_printf(bufferevent_get_output(p->here), "%d %.*s\n", p->sent, p->sent * 13 % 65, "################################################################");
}

static void answered(struct bufferevent *b, void *arg) {
	struct player *p = arg;
	char *line;
	while ((line = evbuffer_readln(bufferevent_get_input(b), NULL, EVBUFFER_EOL_LF))) {
		p->sum += atoi(line);
		free(line);
		if (++p->sent < p->rounds) say(p);
		else shutdown(bufferevent_getfd(b), SHUT_WR);
	}
}

static void echo(struct bufferevent *b, void *arg) {
	(void)arg;
	bufferevent_write_buffer(b, bufferevent_get_input(b));
}

static void ended(struct bufferevent *b, short what, void *arg) {
	(void)arg;
	if (what & BEV_EVENT_EOF) { bufferevent_free(b); over(); }
}

static void play(struct player *p, int rounds, int options) {
	evutil_socket_t s[2];
	evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	evutil_make_socket_nonblocking(s[0]);
	evutil_make_socket_nonblocking(s[1]);
	*p = (struct player){.rounds = rounds};
	p->here = bufferevent_socket_new(base, s[0], BEV_OPT_CLOSE_ON_FREE | options);
	p->there = bufferevent_socket_new(base, s[1], BEV_OPT_CLOSE_ON_FREE | options);
	bufferevent_setcb(p->here, answered, NULL, ended, p);
	bufferevent_setcb(p->there, echo, NULL, ended, p);
	bufferevent_enable(p->here, EV_READ | EV_WRITE);
	bufferevent_enable(p->there, EV_READ | EV_WRITE);
	left += 2;
	say(p);
}

/* a child's output, in bulk */
static long bulk;
static void gulp(struct bufferevent *b, void *arg) {
	(void)arg;
	bulk += evbuffer_get_length(bufferevent_get_input(b));
	evbuffer_drain(bufferevent_get_input(b), -1);
}

static void child(int n) {
	int p[2];
	if (pipe(p)) exit(99);
	if (fork() == 0) {
		char block[3000];
		memset(block, n, sizeof block);
		close(p[0]);
		for (int i = 0; i < 40 * load; i++) if (write(p[1], block, sizeof block) < 0) _exit(1);
		_exit(n);
	}
	close(p[1]);
	evutil_make_socket_nonblocking(p[0]);
	struct bufferevent *b = bufferevent_socket_new(base, p[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(b, gulp, NULL, ended, NULL);
	bufferevent_enable(b, EV_READ);
	left++;
}

/* a read that nobody answers, until it has timed out often enough */
static int missed;
static void late(struct bufferevent *b, short what, void *arg) {
	(void)arg;
	if (what & BEV_EVENT_TIMEOUT && ++missed < 30 * load) { bufferevent_enable(b, EV_READ); return; }
	bufferevent_free(b);
	over();
}

static int signals;
static void signalled(evutil_socket_t s, short what, void *arg) {
	(void)s, (void)what;
	if (++signals < 60 * load) { raise(SIGUSR1); return; }
	event_del(arg);
	over();
}

static int ticks;
static void tick(evutil_socket_t s, short what, void *arg) {
	(void)s, (void)what;
	if (++ticks < 50) return;
	event_del(arg);
	over();
}

/* another thread makes an event active, which wakes the loop */
static struct event *called;
static int calls;
static void call(evutil_socket_t s, short what, void *arg) {
	(void)s, (void)what;
	pthread_mutex_lock(arg);
	calls++;
	pthread_mutex_unlock(arg);
}

static void *caller(void *lock) {
	for (int i = 0; i < 100 * load; i++) {
		event_active(called, EV_READ, 0);
		for (int seen = 0; seen <= i;) {
			pthread_mutex_lock(lock);
			seen = calls;
			pthread_mutex_unlock(lock);
			if (seen <= i) usleep(200);
		}
	}
	return NULL;
}

int main(void) {
	const char *methods[] = {"epoll", "poll", "select"};
	if (getenv("LOAD")) load = atoi(getenv("LOAD"));
	evthread_use_pthreads();
	for (int m = 0; m < 3; m++) {
		struct event_config *config = event_config_new();
		for (int i = 0; i < 3; i++) if (i != m) event_config_avoid_method(config, methods[i]);
		base = event_base_new_with_config(config);
		event_config_free(config);
		bulk = missed = signals = ticks = calls = left = 0;
		struct player players[24];
		for (int i = 0; i < 24; i++) play(&players[i], (20 + i) * load, i % 2 ? BEV_OPT_DEFER_CALLBACKS | BEV_OPT_THREADSAFE : 0);
		for (int i = 0; i < 4; i++) child(i);
		struct bufferevent *quiet[2];
		bufferevent_pair_new(base, 0, quiet);
		evutil_socket_t s[2];
		evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, s);
		struct bufferevent *b = bufferevent_socket_new(base, s[0], BEV_OPT_CLOSE_ON_FREE);
		bufferevent_setcb(b, NULL, NULL, late, NULL);
		bufferevent_set_timeouts(b, &(struct timeval){.tv_usec = 3000}, NULL);
		bufferevent_enable(b, EV_READ);
		struct event *on_signal = evsignal_new(base, SIGUSR1, signalled, event_self_cbarg());
		event_add(on_signal, NULL);
		raise(SIGUSR1);
		struct event *timer = event_new(base, -1, EV_PERSIST, tick, event_self_cbarg());
		event_add(timer, &(struct timeval){.tv_usec = 2000});
		left += 3;
		pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
		called = event_new(base, -1, EV_PERSIST, call, &lock);
		pthread_t t;
		event_add(called, &(struct timeval){.tv_sec = 3600});
		pthread_create(&t, NULL, caller, &lock);
		event_base_dispatch(base);
		while (calls < 100 * load) event_base_loop(base, EVLOOP_ONCE); /* the thread may have some left */
		pthread_join(t, NULL);
		long sum = 0;
		for (int i = 0; i < 24; i++) sum += players[i].sum;
		printf("%s: sum %ld, bulk %ld, missed %d, signals %d, ticks %d, calls %d\n", event_base_get_method(base), sum, bulk, missed, signals, ticks, calls);
		int status, codes = 0;
		while (wait(&status) > 0) codes += WEXITSTATUS(status);
		printf("  children %d\n", codes);
		event_free(called);
		event_free(timer);
		event_free(on_signal);
		bufferevent_free(quiet[0]);
		bufferevent_free(quiet[1]);
		close(s[1]);
		event_base_free(base);
	}
	return 0;
}
