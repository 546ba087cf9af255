package emulate

import (
	"fmt"
	"strings"
)

// A Limit is a use of an emulated object that the model does not serve.
type Limit struct {
	Calls string // the rows of Table that bring it about, by name; "" when it is none of them
	Use   string // what the program does
	Then  string // what happens
}

// What happens, in the words of the README.
const (
	givenBack = "given back"
	onlyEmpty = "unnoticed"
)

// Limits lists what is left unserved. The README has it as a table.
var Limits = []Limit{
	{"io_uring_setup io_setup", "asynchronous I/O on what the process holds", givenBack + ": all that it holds, and whatever it makes later is the kernel's"},
	{"bind", "a name for an end of a pair", givenBack + ": the pair"},
	{"connect", "another peer for an end of a datagram pair", givenBack + ": the pair"},
	{"sendto sendmsg sendmmsg", "a datagram to another address than the peer's", givenBack + ": the pair"},
	{"sendmsg sendmmsg", "a descriptor sent over a socket that is not emulated", givenBack + ": the object sent"},
	{"setsockopt", "`SO_TIMESTAMP*`, `SO_PASSSEC`, `SO_PASSPIDFD`, `SO_ATTACH_*`, `SO_INQ`", givenBack + ": the pair"},
	{"splice sendfile", "an emulated socket with a pipe that is not emulated; a pipe with `O_ASYNC` with anything real", givenBack + ": the emulated object"},
	{"splice vmsplice", "a later change of pages that were given or moved", onlyEmpty + ": the bytes are as they were at the call"},
	{"epoll_ctl", "an epoll that another process has had since before its first pipe", givenBack + ": what is put into it"},
	{"clone clone3", "`CLONE_FILES` without `CLONE_THREAD` before the first pipe: a table shared with a process that no filter covers", givenBack + ": what the table holds"},
	{"open openat openat2 creat", "`/dev/kvm`, `/dev/vhost-*`, `/dev/vfio/*`, whose drivers signal eventfds", givenBack + ": the process's eventfds"},
	{"open openat openat2", "`/proc/PID/fd/N` of an emulated pipe, by a process that never touched a pipe or is not of the tree", onlyEmpty + ": it reaches the empty pipe behind"},
	{"open openat openat2", "`/proc/PID/fdinfo/N`", onlyEmpty + ": it tells of the object behind, with an `eventfd-count` of 0"},
	{"sendmsg sendmmsg", "an end of a pair in a message that waits at that end, which nobody else holds", onlyEmpty + ": the kernel would throw it away with its message; here it stays"},
	{"", "a call of another architecture (32-bit, x32)", givenBack + ": all that the process holds"},
	{"", "a seccomp filter of the program's own with a listener, or one that forbids `seccomp`", givenBack + ": all that the process holds"},
	{"", "`ptrace` inside the tree", "fails with `EPERM`: the kernel allows one tracer"},
}

// LimitsTable is Limits in Markdown, a row for each use, in the order of the list.
func LimitsTable() string {
	var b strings.Builder
	b.WriteString("| call | what is not served | what happens |\n|---|---|---|\n")
	for _, l := range Limits {
		calls := "any"
		if l.Calls != "" {
			calls = "`" + strings.ReplaceAll(l.Calls, " ", "` `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", calls, l.Use, l.Then)
	}
	return b.String()
}
