/* A daemon (two forks and a session of its own) that goes on after the main program and talks to another. */
#include "t.h"

int main(void) {
	int life[2], link[2];
	char b[20];
	MUST(pipe(life)); /* its end tells the daemons that the main program is gone */
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, link));
	for (int i = 0; i < 2; i++) {
		pid_t k = MUST(fork());
		if (!k) {
			setsid();
			if (MUST(fork())) _exit(0);
			close(life[1]);
			close(link[!i]);
			ssize_t n = read(life[0], b, 1);
			if (i == 0) {
				int q[2];
				MUST(pipe(q)); /* made when the main program is gone */
				MUST(write(q[1], "fresh", 5));
				ssize_t m = read(q[0], b, 20);
				printf("first daemon: %zd %zd\n", n, m);
				MUST(send(link[0], "to the second", 13, 0));
				n = recv(link[0], b, 20, 0);
				printf("first daemon got %zd\n", n);
			} else {
				n = recv(link[1], b, 20, 0);
				printf("second daemon got %zd\n", n);
				MUST(send(link[1], "back", 4, 0));
			}
			_exit(0);
		}
		reap("middle", k);
	}
	printf("main ends\n");
	return 5;
}
