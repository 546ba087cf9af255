package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

func (s *step) messageInC(n int) string {
	a := s[1:]
	var b strings.Builder
	b.WriteString("\t{\n" + iovInC(a[2:]))
	name := s.op().name
	send, many := strings.HasPrefix(name, "send"), strings.HasSuffix(name, "mmsg")
	b.WriteString("\t\tstatic _Alignas(16) char ctl[4][2048];\n")
	head := "m[0].msg_hdr"
	b.WriteString("\t\tstruct mmsghdr m[4] = {0};\n")
	if many {
		b.WriteString("\t\tfor (int i = 0; i < 4; i++) m[i].msg_hdr.msg_iov = iov + i, m[i].msg_hdr.msg_iovlen = 1;\n")
		head = "m[1].msg_hdr"
	} else {
		fmt.Fprintf(&b, "\t\tm[0].msg_hdr.msg_iov = %s, m[0].msg_hdr.msg_iovlen = %#x;\n", map[bool]string{true: "bad(2)", false: "iov"}[a[6] == 5], a[1])
	}
	switch {
	case send:
		bad := int64(0)
		if !many {
			bad = a[10]
		}
		if a[8] > 0 || bad != 0 {
			fds := make([]string, 8)
			for i := range fds {
				fds[i] = fdInC(a[9] >> (8 * i) & 255)
			}
			fmt.Fprintf(&b, "\t\trights(&%s, ctl[0], %d, (int[]){%s}, %d);\n", head, a[8], strings.Join(fds, ", "), bad)
		}
	case many && a[8]&255 != 0:
		fmt.Fprintf(&b, "\t\tfor (int i = 0; i < 4; i++) m[i].msg_hdr.msg_control = ctl[i], m[i].msg_hdr.msg_controllen = %d;\n", a[8]&255)
	case !many && a[8]&1023 != 0:
		fmt.Fprintf(&b, "\t\tm[0].msg_hdr.msg_control = ctl[0], m[0].msg_hdr.msg_controllen = %d;\n", a[8]&1023)
	}
	ptr := a[6]
	if ptr == 5 {
		ptr = 0
	}
	switch {
	case name == "recvmmsg":
		fmt.Fprintf(&b, "\t\tR(%d, syscall(SYS_%s, %s, %s, %#x, %#x, 0));\n", n, name, fdInC(a[0]), ptrInC(ptr, "m"), a[1], a[7])
	case many:
		fmt.Fprintf(&b, "\t\tR(%d, syscall(SYS_%s, %s, %s, %#x, %#x));\n", n, name, fdInC(a[0]), ptrInC(ptr, "m"), a[1], a[7])
	default:
		fmt.Fprintf(&b, "\t\tR(%d, syscall(SYS_%s, %s, %s, %#x));\n", n, name, fdInC(a[0]), ptrInC(ptr, "&m[0].msg_hdr"), a[7])
	}
	if !send {
		fmt.Fprintf(&b, "\t\tmessages(m, %s, %d);\n", map[bool]string{true: "r", false: "r < 0 ? 0 : 1"}[many], a[9])
	}
	return b.String() + "\t}\n"
}

func (s *step) otherInC(n int, call func(...string) string, into func(int64, string) string) string {
	a := s[1:]
	fd := fdInC(a[0])
	num := func(i int) string { return fmt.Sprintf("%#xl", a[i]) }
	name := s.op().name
	timed := a[1] == unix.SOL_SOCKET && (a[2] == unix.SO_RCVTIMEO || a[2] == unix.SO_SNDTIMEO)
	switch name {
	case "close":
		return call(fd)
	case "dup":
		return into(a[1], call(fd))
	case "dup2":
		return into(a[2], call(fd, targetInC(a[1])))
	case "dup3":
		return into(a[2], call(fd, targetInC(a[1]), num(3)))
	case "dupfd":
		return into(a[2], fmt.Sprintf("\tR(%d, fcntl(%s, %s, %d));\n", n, fd, map[bool]string{true: "F_DUPFD_CLOEXEC", false: "F_DUPFD"}[a[3] != 0], a[1]))
	case "close_range":
		return call(fd, fdInC(a[1]), num(2))
	case "fcntl", "epoll_create1", "shutdown":
		return call(append([]string{fd}, []string{num(1), num(2)}[:len(s.op().args)-1]...)...)
	case "ioctl":
		return fmt.Sprintf("\tv = %d;\n", int32(a[2])) + call(fd, num(1), ptrInC(a[3], "&v")) + "\tif (r >= 0) printf(\"   v=%d\\n\", v);\n"
	case "setsockopt":
		value, length := fmt.Sprintf("&(int){%d}", int32(a[3])), "4"
		if timed {
			value, length = fmt.Sprintf("&(struct timeval){%d, %d}", a[3]/1e6, a[3]%1e6), "16"
		}
		if a[4] >= 0 {
			length = fmt.Sprint(a[4])
		}
		return call(fd, num(1), num(2), value, length)
	case "getsockopt":
		length := int64(4)
		if a[3] >= 0 {
			length = a[3]
		} else if timed {
			length = 16
		}
		return fmt.Sprintf("\tfromlen = %d;\n", length) + call(fd, num(1), num(2), "&from", "&fromlen") + "\thead(&from, fromlen);\n"
	case "splice":
		return "\toff = 5;\n" + call(fd, []string{"0", "&off", "bad(2)"}[a[4]%3], fdInC(a[1]), "0", num(2), num(3))
	case "tee":
		return call(fd, fdInC(a[1]), num(2), num(3))
	case "poll":
		p := make([]string, 4)
		for i := range p {
			p[i] = fmt.Sprintf("{%s, %#x}", fdInC(a[1+i]&0xffff), a[1+i]>>16)
		}
		return fmt.Sprintf("\t{\n\t\tstruct pollfd f[4] = {%s};\n\t\tR(%d, syscall(SYS_poll, %s, %d, %d));\n", strings.Join(p, ", "), n, ptrInC(a[6], "f"), a[0], a[5]) +
			"\t\tfor (int i = 0; i < 4; i++) printf(\"   revents %x\\n\", f[i].revents);\n\t}\n"
	case "select":
		return fmt.Sprintf("\tR(%d, selects(s, %#x, %#x, %#x, %d));\n", n, a[0], a[1], a[2], a[3])
	case "epoll_ctl":
		return call(fd, num(1), fdInC(a[2]), ptrInC(a[5], fmt.Sprintf("&(struct epoll_event){%#x, {.u64 = %d}}", uint32(a[3]), a[4])))
	case "epoll_wait":
		return call(fd, ptrInC(a[3], "ev"), fmt.Sprint(a[1]), fmt.Sprint(a[2])) + "\tfor (int i = 0; i < r; i++) printf(\"   %x:%lx\\n\", ev[i].events, (long)ev[i].data.u64);\n"
	case "other":
		return fmt.Sprintf("\tother(%s, %d);\n", fd, a[1])
	case "fork":
		return fmt.Sprintf("\tif (!fork()) actor%d(0), _exit(0);\n", a[0]%actors)
	case "thread":
		return fmt.Sprintf("\tpthread_create(&t, 0, actor%d, 0);\n", a[0]%actors)
	case "exec":
		return fmt.Sprintf("\tputs(\"exec: write this one by hand\"); /* exec, then go on as actor%d with the same s[] */\n", s.actor())
	case "exit":
		return "\tleave();\n"
	case "kill":
		return fmt.Sprintf("\tR(%d, syscall(SYS_tkill, T->tid[%d], %d));\n", n, a[0]%actors, a[1])
	case "state":
		return fmt.Sprintf("\tstate(s, %d);\n", a[0])
	}
	return "\t/* " + s.String() + " */\n"
}
