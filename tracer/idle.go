package tracer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A tree is dead when none of its tasks can ever run again: each sleeps on something that only another of them could
// end. Nobody is told of that, so while no task stops the tracer looks from time to time. It takes two looks that
// show the same, with no stop between them, and only what is proved counts: a call that is not known here, a
// terminal, a socket, a timer, a signal that is waited for, somebody outside with a descriptor, all speak for a
// tree that is merely slow.

// What follows a deadlock.
const (
	DeadlockReport = "report"
	DeadlockKill   = "kill"
	DeadlockWait   = "wait"
)

// Deadlocked is the exit status of a tree that was ended because of a deadlock.
const Deadlocked = 120

const (
	lookAgain = 10 * tick // between the two looks that prove it
	lookLater = 40 * tick // while somebody sleeps in the kernel, who can wake without a stop
	lookSlow  = 1000 * tick
)

// An idling is what the tracer knows while nothing happens.
type idling struct {
	next    int64  // when to look again; 0 for not before something happens
	total   uint64 // stops at the last look
	print   string // what the last look showed, if everybody seemed dead
	witness *task  // who was alive then
	done    bool   // a deadlock was reported
}

// ponder looks whether anything can still happen. It runs when nothing has for some milliseconds.
func (t *Tracer) ponder() {
	s := &t.idle
	s.next = 0
	if s.done || !t.started || t.opts.OnDeadlock == DeadlockWait || t.opts.OnDeadlock == "" || len(t.tasks) == 0 {
		return
	}
	if s.total != t.stops.Total {
		s.total, s.print = t.stops.Total, ""
		s.next = t.clock + lookAgain
		return
	}
	if k, seen := t.alive(); k != nil {
		s.witness, s.print = k, ""
		if !seen { // by no stop of ours
			s.next = t.clock + lookLater
		}
		return
	}
	if len(t.orphans) > 0 {
		s.next = t.clock + lookAgain
		return
	}
	print := t.fingerprint()
	if print != s.print {
		s.print, s.next = print, t.clock+lookAgain
		return
	}
	s.print = ""
	if t.outsiders() != "" {
		s.next = t.clock + lookSlow
		return
	}
	all := t.standings()
	for i := range all { // the look outside took its time
		if all[i].Why != "" {
			s.next = t.clock + lookAgain
			return
		}
	}
	s.done = true
	t.deadlock(all)
}

// alive finds a task that may go on by itself. seen tells that the tracer will see it stop before anything else
// can change.
func (t *Tracer) alive() (who *task, seen bool) {
	if w := t.idle.witness; w != nil && t.tasks[w.tid] == w {
		if why, seen := t.stands(w); why != "" && seen {
			return w, true
		}
	} else {
		t.idle.witness = nil
	}
	for _, k := range t.tasks {
		if k.state != running {
			if why, seen := t.stands(k); why != "" && seen {
				return k, true
			}
		}
	}
	if w := t.idle.witness; w != nil {
		if why, _ := t.stands(w); why != "" {
			return w, false
		}
	}
	for _, k := range t.tasks {
		if why, _ := t.stands(k); why != "" {
			return k, false
		}
	}
	for _, k := range t.tasks {
		if t.timed(k) != "" {
			return k, false
		}
	}
	return nil, false
}

// stands tells why a task may go on without the others; "" when it cannot. seen tells that this ends with a stop.
func (t *Tracer) stands(k *task) (why string, seen bool) {
	if k.proc.foreign || k.model.Native {
		return "it is left to the kernel", false
	}
	switch k.state {
	case parked, away:
		if k.kicked || k.roused || k.broken {
			return "it is about to go on", true
		}
		return k.call.Elsewhere(), true
	case running:
		return t.asleep(k), false
	case stopped:
		return "it is stopped and may be continued", true
	case exiting:
		if procState(k.tid) == 'Z' {
			return "", false
		}
		return "it is ending", false
	}
	return "it is " + k.state.String(), false
}

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

// fingerprint is what a second look is held against: who is there, in which call, and how often each has run.
func (t *Tracer) fingerprint() string {
	var b strings.Builder
	for _, k := range t.byTID() {
		var buf [256]byte
		n, _ := readProc(k.tid, "syscall", buf[:])
		fmt.Fprintf(&b, "%d %v %s", k.tid, k.state, buf[:n])
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.tid))
		_, rest, _ := bytes.Cut(raw, []byte("voluntary_ctxt_switches"))
		b.Write(rest)
	}
	return b.String()
}

// outsiders names who outside the tree could wake it: a process with a descriptor of an emulated object, or a child
// that is not traced; "" when there is nobody.
func (t *Tracer) outsiders() string {
	inodes := map[string]bool{}
	seen := map[*emulate.FDTable]bool{}
	pids := map[int]bool{t.pid: true}
	for _, k := range t.tasks {
		pids[k.proc.tgid] = true
		if table := k.model.Files; table != nil && !seen[table] {
			seen[table] = true
			for _, fd := range table.FDs() {
				if link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", k.tid, fd)); err == nil && link != epollLink {
					inodes[link] = true
				}
			}
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return "/proc cannot be read"
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pids[pid] {
			continue
		}
		if st := readStatus(pid); st.state != 'Z' && pids[st.ppid] && st.ppid != t.pid {
			return fmt.Sprintf("%s[%d], a child that is not traced", comm(pid), pid)
		}
		dir := fmt.Sprintf("/proc/%d/fd/", pid)
		fds, _ := os.ReadDir(dir)
		for _, fd := range fds {
			if link, err := os.Readlink(dir + fd.Name()); err == nil && inodes[link] {
				return fmt.Sprintf("%s[%d], which has a descriptor", comm(pid), pid)
			}
		}
	}
	return ""
}
