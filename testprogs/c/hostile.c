/* Pointers and lengths that no honest program passes. */
#include "t.h"
#include <sys/epoll.h>

int main(void) {
	int p[2], s[2];
	char *m = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = m + 4 * 4096, *edge = m + 2 * 4096; /* edge: where readable memory ends */
	char b[16384] = "0123456789abcdef";
	volatile size_t huge = (size_t)1 << 63, all = -1, most = SSIZE_MAX;
	char *none = (char *)8, *top = (char *)-4096, *kernel = (char *)0xffffffff81000000UL, *odd = (char *)0x800000000000UL;
	memset(m, 'm', 2 * 4096);
	mprotect(edge, 4096, PROT_NONE);
	mprotect(ro, 4096, PROT_READ);
	MUST(pipe2(p, O_NONBLOCK));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));

	DO(pipe((int *)ro));
	DO(pipe((int *)(edge - 4)));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)ro));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)(edge - 4)));
	DO(dup(0));
	close(7);

	int ends[2][2] = {{p[0], p[1]}, {s[0], s[1]}};
	for (int k = 0; k < 2; k++) {
		int r = ends[k][0], w = ends[k][1];
		printf("%s\n", k ? "pair" : "pipe");
		DO(write(w, none, 5));
		DO(write(w, none, 0));
		DO(write(w, edge, 5));
		DO(write(w, edge - 3, 5));
		DO(write(w, edge - 4096, 5000));
		DO(write(w, kernel, 5));
		DO(write(w, top, 5));
		DO(write(w, odd, 5));
		DO(write(w, b, huge));
		DO(write(w, b, all));
		DO(write(w, ro, 100));
		printf("queued %ld\n", drain(r));
		DO(write(w, edge - 100, most) > 0);
		printf("queued %ld\n", drain(r));
		MUST(write(w, b, 10));
		DO(read(r, none, 5));
		DO(read(r, NULL, 5));
		DO(read(r, ro, 5));
		DO(read(r, edge - 3, 5));
		DO(read(r, b, 3));
		DO(read(r, kernel, 5));
		DO(read(r, b, huge));
		DO(read(r, b, all));
		DO(read(r, edge - 1, most));
		printf("left %ld\n", drain(r));
		MUST(write(w, b, 10000));
		DO(read(r, edge - 5000, 10000));
		printf("left %ld\n", drain(r));
		struct iovec v[3] = {{b, 5}, {edge, 5}, {b, 5}}, sum[2] = {{b, most}, {b, most}}, neg = {b, huge};
		MUST(write(w, b, 10));
		DO(readv(r, v, 3));
		printf("left %ld\n", drain(r));
		DO(writev(w, v, 3));
		DO(writev(w, sum, 2) > 0);
		drain(r);
		DO(writev(w, &neg, 1));
		DO(writev(w, (struct iovec *)(edge - 8), 1));
		DO(readv(r, (struct iovec *)none, 2));
		DO(readv(r, v, 1 << 30));
		DO(ioctl(r, FIONREAD, ro));
		DO(ioctl(r, FIONREAD, none));
		printf("left %ld\n", drain(r));
	}

	struct iovec v = {b, 10};
	struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
	DO(sendmsg(s[0], (void *)none, 0));
	DO(sendmsg(s[0], (void *)(edge - 8), 0));
	h.msg_iov = (void *)none;
	DO(sendmsg(s[0], &h, 0));
	h.msg_iov = &v;
	h.msg_iovlen = huge;
	DO(sendmsg(s[0], &h, 0));
	h.msg_iovlen = 1;
	h.msg_control = none;
	h.msg_controllen = 100;
	DO(sendmsg(s[0], &h, 0));
	h.msg_controllen = all;
	DO(sendmsg(s[0], &h, 0));
	struct { struct cmsghdr c; int fds[4]; } c = {{.cmsg_len = all, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}, {0}};
	h.msg_control = &c;
	h.msg_controllen = sizeof c;
	DO(sendmsg(s[0], &h, 0));
	c.c.cmsg_len = 3;
	DO(sendmsg(s[0], &h, 0));
	c.c.cmsg_len = CMSG_LEN(3);
	DO(sendmsg(s[0], &h, 0));
	c.c.cmsg_len = CMSG_LEN(4);
	c.c.cmsg_type = 77;
	DO(sendmsg(s[0], &h, 0));
	drain(s[1]);
	MUST(write(s[0], b, 10));
	h = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_name = none, .msg_namelen = 10, .msg_control = none, .msg_controllen = 10};
	DO(recvmsg(s[1], &h, 0));
	DO(recvfrom(s[1], b, 1, 0, (void *)none, (socklen_t *)none));
	DO(send(s[0], b, huge, 0));
	DO(send(s[0], none, 10, 0));
	DO(sendto(s[0], b, 1, 0, (void *)none, 10));
	DO(sendto(s[0], b, 1, 0, (void *)b, 1 << 20));
	DO(getsockopt(s[0], SOL_SOCKET, SO_TYPE, none, &(socklen_t){4}));
	DO(getsockopt(s[0], SOL_SOCKET, SO_TYPE, b, (socklen_t *)none));
	DO(getsockopt(s[0], SOL_SOCKET, SO_TYPE, b, &(socklen_t){-1}));
	DO(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, none, 16));
	DO(poll((struct pollfd *)(edge - 4), 1, 0));
	DO(poll((struct pollfd *)ro, 1, 0));
	DO(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, p[0], (void *)none));
	DO(fcntl(p[0], F_SETPIPE_SZ, huge));
	DO(splice(p[0], (loff_t *)none, 0, NULL, 10, 0));
	DO(syscall(SYS_read, 0xffffffff00000000UL | p[0], b, 1)); /* the kernel looks at 32 bits of a descriptor */
	MUST(write(p[1], "z", 1));
	DO(syscall(SYS_read, 0xabcd00000000UL | p[0], b, 1));
	DO(syscall(SYS_read, -1, b, 1));
	DO(syscall(-1));
	DO(syscall(9999, 1, 2, 3));
	return 0;
}
