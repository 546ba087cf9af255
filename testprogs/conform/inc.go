package main

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed runner/prelude.txt
var prelude string

// inC prints a finding as a program of its own. Instead of a conductor there is the clock: step k is made k times a
// tenth of a second after the start.
func inC(f *finding) string {
	var b strings.Builder
	b.WriteString("/* Found by scripts/conform. Each step with what the kernel answered; sluice differs where it says so.\n")
	b.WriteString("   cc -pthread -o it it.c; ./it; sluice run -- ./it */\n")
	b.WriteString(prelude)
	// Later actors first, since earlier ones start them.
	seen := map[int]bool{0: true}
	for i := range f.prog {
		seen[f.prog[i].actor()] = true
		if n := f.prog[i].op().name; n == "fork" || n == "thread" {
			seen[int(f.prog[i][1])%actors] = true
		}
	}
	for a := range actors {
		if seen[a] {
			fmt.Fprintf(&b, "static void *actor%d(void *_);\n", a)
		}
	}
	for a := range actors {
		if seen[a] {
			fmt.Fprintf(&b, "\nstatic void *actor%d(void *_) {\n\tT->tid[%d] = gettid();\n", a, a)
			for i := range f.prog {
				if s := &f.prog[i]; s.actor() == a && !f.idle(i) {
					f.note(&b, i)
					fmt.Fprintf(&b, "\tat(%d);\n%s", i, s.inC(i))
				}
			}
			fmt.Fprintf(&b, "\tat(%d);\n\treturn _;\n}\n", len(f.prog)+5)
		}
	}
	b.WriteString("\nint main(void) {\n\tbegin();\n\tactor0(0);\n\t_exit(0);\n}\n")
	return b.String()
}

// idle is a step that was not made either way.
func (f *finding) idle(i int) bool {
	idle := func(a answer) bool {
		return i >= len(a) || strings.HasSuffix(a[i], ": busy") || strings.HasSuffix(a[i], ": skipped")
	}
	return idle(f.native) && idle(f.got)
}

func (f *finding) note(b *strings.Builder, i int) {
	line := func(a answer) string {
		if i < len(a) {
			if _, rest, ok := strings.Cut(a[i], ": "); ok {
				return rest
			}
		}
		return "nothing"
	}
	native, got := line(f.native), line(f.got)
	fmt.Fprintf(b, "\t/* %s */\n", native)
	if native != got {
		fmt.Fprintf(b, "\t/* but under sluice: %s */\n", got)
	}
}

func fdInC(v int64) string {
	switch {
	case v == 100:
		return "-1"
	case v == 101:
		return "9999"
	case v == 102:
		return "0"
	}
	return fmt.Sprintf("s[%d]", uint64(v)%slots)
}

func targetInC(v int64) string {
	if v >= 200 {
		return fmt.Sprint(v - 200)
	}
	return fdInC(v)
}

func bufInC(v int64, room int) string {
	return fmt.Sprintf("buf(%d, %d, %d)", room, v>>32&255, v>>40&0xfffff)
}

var hugeInC = []string{"", "1ul << 63", "~0ul >> 1", "1ul << 31", "~0ul", "0x7ffff001ul", "1ul << 32"}

func lenInC(v int64) string {
	if n := v >> 60 & 15; n != 0 {
		return hugeInC[n%7]
	}
	return fmt.Sprint(uint32(v))
}

func ptrInC(v int64, good string) string {
	if v == 0 {
		return good
	}
	return fmt.Sprintf("bad(%d)", v)
}

// iovInC makes iov[] of four packed words.
func iovInC(w []int64) string {
	var b strings.Builder
	b.WriteString("\t\tstruct iovec iov[1100] = {")
	for i, v := range w[:4] {
		fmt.Fprintf(&b, "{%s, %s}, ", bufInC(v, i), lenInC(v))
	}
	return b.String() + "};\n"
}

// inC is one step.
func (s *step) inC(n int) string {
	name, a := s.op().name, s[1:]
	call := func(args ...string) string {
		return fmt.Sprintf("\tR(%d, syscall(SYS_%s, %s));\n", n, name, strings.Join(args, ", "))
	}
	num := func(i int) string { return fmt.Sprintf("%#xl", a[i]) }
	into := func(slot int64, text string) string {
		return text + fmt.Sprintf("\tif (r >= 0) s[%d] = r;\n", uint64(slot)%slots)
	}
	pair := func(slot int64, text string) string {
		return text + fmt.Sprintf("\tif (r >= 0) s[%d] = p[0], s[%d] = p[1];\n", uint64(slot)%slots, uint64(slot+1)%slots)
	}
	fd := fdInC(a[0])
	switch name {
	case "pipe2":
		return pair(a[0], call(ptrInC(a[2], "p"), num(1)))
	case "socketpair":
		return pair(a[0], call(num(3), num(1), num(2), ptrInC(a[4], "p")))
	case "eventfd2":
		return into(a[0], call(num(1), num(2)))
	case "epoll_create1":
		return into(a[0], call(num(1)))
	case "read", "write":
		return call(fd, bufInC(a[1], 0), lenInC(a[1])) + shown(name, "buf(0, 0, 0)")
	case "pread64", "pwrite64":
		return call(fd, bufInC(a[1], 0), lenInC(a[1]), num(2)) + shown(name, "buf(0, 0, 0)")
	case "readv", "writev":
		return block(iovInC(a[2:]), call(fd, ptrInC(a[6], "iov"), num(1)))
	case "preadv2", "pwritev2":
		return block(iovInC(a[2:]), call(fd, ptrInC(a[6], "iov"), num(1), num(7), "0", num(8)))
	case "vmsplice":
		return block(iovInC(a[2:]), call(fd, "iov", num(1), num(6)))
	case "sendto":
		addr, length := "0", "0"
		if a[3] != 0 {
			addr, length = "&nobody", []string{"0", "10", "1", "sizeof nobody + 10"}[a[3]&3]
		}
		return call(fd, bufInC(a[1], 0), lenInC(a[1]), num(2), addr, length)
	case "recvfrom":
		from, length := "0", "0"
		if a[3] != 0 {
			from, length = ptrInC(a[3]-1, "&from"), "&fromlen"
		}
		return call(fd, bufInC(a[1], 0), lenInC(a[1]), num(2), from, length) + shown(name, "buf(0, 0, 0)")
	case "sendmsg", "recvmsg", "sendmmsg", "recvmmsg":
		return s.messageInC(n)
	}
	return s.otherInC(n, call, into)
}

func block(inner, call string) string {
	return "\t{\n" + inner + "\t" + call + "\t}\n"
}

func shown(name, at string) string {
	if strings.HasPrefix(name, "r") || strings.HasPrefix(name, "p") {
		return fmt.Sprintf("\thead(%s, r);\n", at)
	}
	return ""
}
