package fault

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What the kernel may do to one call, which depends on its descriptor and its process. Each question is answered
// with why not, "" for yes. What sluice cannot see it takes for possible: whether a handler was set with SA_RESTART.

// pipeBuf is PIPE_BUF: what is no larger goes into a pipe whole or not at all (pipe(7)).
const pipeBuf = 4096

// Flags of preadv2 and splice.
const (
	rwfNowait      = 0x8
	spliceNonblock = 0x2
)

// nonblocking tells whether the call is not to wait.
func (l *Layer) nonblocking(c *emulate.Call, e *end) bool {
	switch {
	case flags(c)&unix.MSG_DONTWAIT != 0,
		(c.Sys.Nr == unix.SYS_PREADV2 || c.Sys.Nr == unix.SYS_PWRITEV2) && c.Args[5]&rwfNowait != 0,
		has(c.Sys, emulate.SpliceFlags) && c.Args[index(c.Sys, emulate.SpliceFlags)]&spliceNonblock != 0:
		return true
	case e.file != nil:
		return e.file.Flags&unix.O_NONBLOCK != 0
	case l.Proc != nil:
		fl, ok := l.Proc.Flags(c.Task.TID, e.fd)
		return ok && fl&unix.O_NONBLOCK != 0
	}
	return false
}

// regular tells whether a descriptor that is not emulated leads to a file on a disk, which never makes anybody wait.
func (l *Layer) regular(c *emulate.Call, e *end) bool {
	return e.arg >= 0 && e.file == nil && l.Proc != nil && l.Proc.Regular(c.Task.TID, e.fd)
}

func (l *Layer) handled(c *emulate.Call) bool { return l.Proc == nil || l.Proc.Handles(c.Task.TID) }

// mayInterrupt tells whether EINTR could be the call's answer: it must be able to sleep, and a handler must be set.
func (l *Layer) mayInterrupt(c *emulate.Call, e *end) string {
	switch {
	case e.dir != NoDir && l.regular(c, e):
		return "a file on a disk does not make anybody wait"
	case e.dir != NoDir && l.nonblocking(c, e):
		return "a call that does not wait is not interrupted"
	case e.dir == NoDir && waits(c.Sys) && !patient(c):
		return "a call that does not wait is not interrupted"
	case !l.handled(c):
		return "no signal interrupts who has no handler"
	}
	return ""
}

// patient tells whether poll and its like may wait at all: not with a timeout of zero.
func patient(c *emulate.Call) bool {
	for i, a := range c.Sys.Args {
		switch {
		case a.Name == "timeout" && a.Kind == emulate.Int:
			return int32(c.Args[i]) != 0
		case a.Name == "timeout" && c.Args[i] != 0:
			var raw [16]byte
			_, e := c.Mem.ReadMem(raw[:], c.Args[i])
			return e == 0 && raw != [16]byte{}
		}
	}
	return true
}

// mayRefuse tells whether EAGAIN could be the answer of a call that moves bytes.
func (l *Layer) mayRefuse(c *emulate.Call, e *end) string {
	switch {
	case e.dir == NoDir:
		return ""
	case l.regular(c, e):
		return "a file on a disk is always ready"
	case !l.nonblocking(c, e):
		return "a call on a blocking descriptor waits instead of EAGAIN"
	case e.file != nil && e.file.Edge():
		return "a descriptor that is watched with EPOLLET does not say EAGAIN before it is exhausted (epoll(7))"
	}
	return ""
}

// mayShorten tells whether a transfer could end early.
func (l *Layer) mayShorten(c *emulate.Call, e *end) string {
	switch {
	case e.file != nil && e.file.Packets():
		return "a message is not cut: what does not fit is lost"
	case e.file != nil && e.file.Edge():
		return "on a descriptor that is watched with EPOLLET less than was asked for means that it is exhausted (epoll(7))"
	case e.dir == Read && l.regular(c, e):
		return "a file on a disk gives less only at its end"
	case e.dir == Read && flags(c)&unix.MSG_WAITALL != 0:
		return "MSG_WAITALL waits for all"
	case e.dir == Read:
		return ""
	case l.piped(c, e) && wanted(c) <= pipeBuf:
		return fmt.Sprintf("a write of no more than %d bytes to a pipe is not divided (PIPE_BUF, pipe(7))", pipeBuf)
	case !l.regular(c, e) && !l.nonblocking(c, e) && !l.handled(c):
		return "a blocking write ends early only when a handler interrupts it, and there is none"
	}
	return ""
}

// piped tells whether the end is a pipe, of whomever.
func (l *Layer) piped(c *emulate.Call, e *end) bool {
	if e.file != nil {
		return e.file.Object().Kind() == "pipe"
	}
	link, _ := l.Kernel.Host.Target(c.Task, e.fd)
	return strings.HasPrefix(link, "pipe:")
}

// may says why the kernel would not do to this call what the rule asks for.
func (l *Layer) may(r *Rule, c *emulate.Call, e *end) string {
	switch {
	case r.errno == unix.EINTR:
		return l.mayInterrupt(c, e)
	case r.eagain > 0, r.errno == unix.EAGAIN && e.dir != NoDir:
		return l.mayRefuse(c, e)
	case r.shortens():
		return l.mayShorten(c, e)
	case r.coalesce > 0 && e.file != nil && e.file.Packets():
		return "messages are not put together"
	}
	return ""
}

// can says why sluice cannot do to this call what the rule asks for.
func (l *Layer) can(r *Rule, c *emulate.Call, e *end) string {
	switch {
	case r.breaks() && e.file == nil:
		return "only a pipe or a socketpair that is emulated can be broken"
	case r.corrupt >= 0 && e.file == nil && e.dir == Write:
		return "what goes to the kernel cannot be changed on its way"
	case r.shortens() && e.file == nil && sizeArg(c.Sys) < 0:
		return "a vector or a message that the kernel serves cannot be made short"
	case r.astray() && (e.file == nil || e.file.Object().Kind() != "pair" || !e.file.Packets()):
		return "only datagrams and packets of an emulated socketpair can go astray"
	}
	if r.breaks() {
		kind := e.file.Object().Kind()
		if kind != "pipe" && kind != "pair" || r.reset && kind == "pipe" || kind == "pair" && e.file.Object().(*emulate.Socket).Type() == unix.SOCK_DGRAM {
			return e.file.Name() + " has no connection that could be " + map[bool]string{true: "reset", false: "closed"}[r.reset]
		}
	}
	return ""
}

func who(c *emulate.Call) string { return fmt.Sprintf("%s[%d]", c.Task.Name, c.Task.TGID) }
