/* FIONREAD, FIONBIO, FIOASYNC, SIOCOUTQ and what is no command of theirs. */
#include "t.h"
#include <linux/sockios.h>

static void ask(const char *what, int fd) {
	int in = -1, out = -1;
	int a = ioctl(fd, FIONREAD, &in) ? -errno : 0, b = ioctl(fd, SIOCOUTQ, &out) ? -errno : 0;
	printf("%s: FIONREAD %d (%s) SIOCOUTQ %d (%s)\n", what, in, a ? strerrorname_np(-a) : "ok", out, b ? strerrorname_np(-b) : "ok");
}

int main(void) {
	static const int types[] = {0, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	for (int t = 0; t < 4; t++) {
		int s[2], on = 1, off = 0;
		char b[5000] = {0};
		printf("type %d\n", types[t]);
		if (t) MUST(socketpair(AF_UNIX, types[t], 0, s));
		else MUST(pipe(s));
		ask("read side", s[0]);
		MUST(write(s[1], b, 10));
		MUST(write(s[1], b, 5000));
		MUST(write(s[1], b, 1));
		ask("read side", s[0]);
		ask("write side", s[1]);
		DO(read(s[0], b, 4));
		ask("read side", s[0]);
		ask("write side", s[1]);
		DO(read(s[0], b, 5000));
		ask("read side", s[0]);
		ask("write side", s[1]);
		DO(ioctl(s[0], FIONBIO, &on));
		drain(s[0]);
		DO(read(s[0], b, 1));
		DO(fcntl(s[0], F_GETFL));
		DO(ioctl(s[0], FIONBIO, &off));
		DO(fcntl(s[0], F_GETFL));
		DO(ioctl(s[0], FIONREAD, NULL));
		DO(ioctl(s[0], FIONBIO, NULL));
		DO(ioctl(s[0], FIOASYNC, &off));
		DO(ioctl(s[0], FIOCLEX));
		DO(fcntl(s[0], F_GETFD));
		DO(ioctl(s[0], TCGETS, b));
		DO(ioctl(s[0], 0x12345678, b));
		DO(ioctl(s[0], FIOQSIZE, b));
		close(s[0]);
		if (t) ask("alone", s[1]);
		close(s[1]);
		DO(ioctl(s[1], FIONREAD, &on));
	}
	return 0;
}
