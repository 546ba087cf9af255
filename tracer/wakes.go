package tracer

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What may wake a task beside the others of its tree. Each function tells it in words, and "" when there is nothing.

// timed tells of a timer or a signal of the task's process that is to come.
func (t *Tracer) timed(k *task) string {
	const late = 200 * tick
	if at := t.kernel.Alarm(k.proc.tgid); at != 0 && (at > t.clock-late) {
		return "its interval timer is set"
	}
	var buf [64]byte
	n, ok := readProc(k.tid, "timers", buf[:])
	if !ok && procState(k.tid) != 'Z' {
		return "the kernel does not tell its timers"
	}
	if n > 0 {
		return "it has a timer"
	}
	switch st := readStatus(k.tid); {
	case st.sigPnd&^st.sigBlk != 0:
		return "a signal is on its way to it"
	case st.sigCgt>>(unix.SIGIO-1)&1 != 0:
		return "it may be told of something by SIGIO"
	default:
		return t.bySignal(k, st.sigCgt)
	}
}

// bySignal tells of a task that a signal handler of its own process may wake: one that waits for what such a handler
// writes into a pipe, which turns signals into something that a poll can see, for a semaphore that it posts, or for
// children until it is told to stop. A handler for SIGINT alone is no sign of that, since every Python has one, unless
// there is a write end that does not block, as such pipes need.
func (t *Tracer) bySignal(k *task, caught uint64) string {
	bit := func(sig unix.Signal) uint64 { return 1 << (sig - 1) }
	const threads = 3 << 31 // signals 32 and 33 are the C library's own
	caught &^= threads | bit(unix.SIGSEGV) | bit(unix.SIGBUS) | bit(unix.SIGFPE) | bit(unix.SIGILL) | bit(unix.SIGTRAP) |
		bit(unix.SIGABRT) | bit(unix.SIGSYS) | bit(unix.SIGPIPE)
	switch {
	case k.state == running && caught&^(bit(unix.SIGINT)|bit(unix.SIGCHLD)) != 0:
		// A handler may post a semaphore, and a supervisor that waits for its children is told to stop by a signal.
		return "it handles signals, which may wake it"
	case caught == 0 || k.state != parked && k.state != away:
		return ""
	}
	for _, a := range k.call.Awaits() {
		o := a.File.Object()
		if s, ok := o.(*emulate.Socket); ok {
			if o = s.Peer(); s.Peer() == nil {
				continue
			}
		}
		for _, fd := range k.model.Files.FDs() {
			f := k.model.Files.Get(fd)
			if f.Object() != o || f.End() == "read" || a.File.End() == "write" {
				continue
			}
			if caught != bit(unix.SIGINT) || f.Flags&unix.O_NONBLOCK != 0 {
				return "a signal handler of its own may write to " + o.Name()
			}
		}
	}
	return ""
}

// asleep tells why a task that sleeps in the kernel without us, or does not sleep, may go on without the others.
func (t *Tracer) asleep(k *task) string {
	state := procState(k.tid)
	switch state {
	case 'Z':
		return ""
	case 'S', 'D':
	default:
		return "it is running"
	}
	nr, args, _, _, ok := sleeping(k.tid)
	if !ok {
		return "it is running"
	}
	if state == 'D' && !vforked(k, nr, args) {
		return "it is busy in the kernel"
	}
	switch nr {
	case unix.SYS_FUTEX:
		return futexed(k.tid, args)
	case unix.SYS_WAIT4, unix.SYS_WAITID: // for children, who are looked at like everybody; see outsiders
		return ""
	}
	if vforked(k, nr, args) {
		return ""
	}
	return "it sleeps in the kernel"
}

// vforked tells whether a call is one that lasts until the child that it made executes a program or ends.
func vforked(k *task, nr uint64, args [6]uint64) bool {
	switch nr {
	case unix.SYS_VFORK:
		return true
	case unix.SYS_CLONE:
		return args[0]&unix.CLONE_VFORK != 0
	case unix.SYS_CLONE3:
		var b [8]byte
		_, e := k.mem.ReadMem(b[:], args[0])
		return e == 0 && b[1]&(unix.CLONE_VFORK>>8) != 0
	}
	return false
}

// futexed tells why a wait for a futex may end without the tree's doing: its time, or memory that others share
// (futex(2)). A futex that is not marked as private is so all the same in a private mapping.
func futexed(tid int, args [6]uint64) string {
	const (
		wait, lockPI, waitBitset, waitRequeue, lockPI2 = 0, 6, 9, 11, 13
		private, realtime                              = 128, 256
	)
	switch args[1] &^ (private | realtime) {
	case wait, lockPI, waitBitset, waitRequeue, lockPI2:
	default:
		return "it sleeps in the kernel"
	}
	if args[3] != 0 {
		return "its time runs out"
	}
	if args[1]&private != 0 || ownMemory(tid, args[0]) {
		return ""
	}
	return "its futex lies in memory that others may share"
}

// ownMemory tells whether an address lies where no process outside the tree can write: in a private mapping, or in
// one that is shared with descendants only.
func ownMemory(tid int, addr uint64) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", tid))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(raw) {
		var from, to uint64
		var perm string
		if n, _ := fmt.Sscanf(string(line), "%x-%x %s", &from, &to, &perm); n != 3 || addr < from || addr >= to {
			continue
		}
		return len(perm) == 4 && perm[3] == 'p' || bytes.HasSuffix(bytes.TrimSpace(line), []byte(" /dev/zero (deleted)"))
	}
	return false
}
