// Package tracer is the mechanism: it starts a program, stops it at the calls that the model serves, moves
// results into its registers and memory, and parks what blocks. It is the only place with ptrace, wait4,
// process_vm_readv and clocks, and everything that touches the model or a tracee runs on one thread.
package tracer

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/choice"
)

// Stops counts what the tracer did. Total is every stop of every task.
type Stops struct {
	Total, Served, Passed, Injected, Parked, Kicked, Signals, Events uint64
}

// A Tracer drives one tree of processes.
type Tracer struct {
	opts     Options
	kernel   *emulate.Kernel
	layers   emulate.Stack
	reporter Reporter
	stops    Stops
	place    placement
	crowd    crowd

	tasks     map[int]*task
	orphans   map[int]orphan // first stops of tasks whose parent's event is still to come
	root      *process
	pid       int  // of the tracer
	started   bool // the program was executed
	exitLike  int  // what a parent reports of the program: its status, or 128 and its signal
	held      []heldTask
	late      deadlines
	delays    []delay
	busy      map[*emulate.FDTable]*task
	waiting   []*task // queued behind a busy table
	tick      *ticker
	quiet     bool // nothing to do for a while: wait without the ticker
	began     time.Time
	offset    int64 // of the monotonic clock at began
	clock     int64 // read once per turn of the loop
	info      syscallInfo
	failure   error
	ring      [64]trace // the last calls, for a panic
	ringAt    int
	idle      idling
	door      door
	chronicle Chronicle
	found     []byte // the deadlock that was reported, as JSON
	sinceGC   int
}

type heldTask struct {
	k  *task
	at int64
}

// parkAfter is how long a blocked task may stay in its stop before it is parked where signals reach it.
const parkAfter = int64(time.Millisecond)

func newTracer(o Options) *Tracer {
	t := &Tracer{opts: o, tasks: map[int]*task{}, orphans: map[int]orphan{}, busy: map[*emulate.FDTable]*task{}}
	var ts unix.Timespec
	t.began = time.Now()
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	t.offset = ts.Nano()
	t.kernel = emulate.New(newHost(t), choice.Plain{})
	t.tick = newTicker()
	t.place = placed()
	t.place.off = t.place.off || o.Apart
	return t
}

// now is the monotonic clock in ns.
func (t *Tracer) now() int64 { return t.offset + int64(time.Since(t.began)) }

// loop serves the tree until its last task is gone.
func (t *Tracer) loop() error {
	// The collector runs only when the loop asks for it: started elsewhere it would wait for this thread,
	// which may be in wait4, unknown to the scheduler.
	debug.SetGCPercent(-1)
	for t.failure == nil {
		tid, ws, e := t.wait()
		t.clock = t.now()
		t.kernel.Now = t.clock
		switch e {
		case 0:
			t.quiet = false
			t.stops.Total++
			if t.crowd.on {
				t.crowd.forget(tid)
			}
			t.event(tid, ws)
			t.settle()
		case unix.EINTR:
			t.ticked()
		case unix.ECHILD:
			return nil
		default:
			return e
		}
		t.overdue()
		if t.sinceGC++; t.sinceGC >= 1<<15 {
			t.collect()
		}
	}
	return t.failure
}

// wait takes the next event of any task. While something is due the ticker cuts the wait short.
func (t *Tracer) wait() (int, uint32, unix.Errno) {
	var ws uint32
	due := t.due()
	if t.crowd.on && t.crowd.recent[0] != 0 { // no longer than a tick for one task alone
		if soon := t.now() + tick; due == 0 || due > soon {
			due = soon
		}
	}
	switch {
	case due != 0:
		t.tick.arm(due)
	case t.quiet:
		t.tick.arm(t.idle.next)
		pid, _, e := syscall.Syscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&ws)), unix.WALL, 0, 0, 0)
		return int(pid), ws, e
	case t.tick.at == 0 && len(t.place.tasks) > 0:
		t.tick.arm(t.now() + tick)
	case t.tick.at == 0:
		t.tick.arm(t.now() + 20*tick)
	}
	if t.crowd.on {
		pid, e := t.next(&ws)
		return pid, ws, e
	}
	pid, e := wait4(-1, &ws, 0)
	return pid, ws, e
}

// due is when the next held task must be parked or the next deadline passes; 0 for never.
func (t *Tracer) due() int64 {
	at := t.late.next()
	if d := t.delayedUntil(); d != 0 && (at == 0 || d < at) {
		at = d
	}
	for len(t.held) > 0 {
		h := t.held[0]
		if h.k.state == held && h.k.heldAt == h.at {
			if at == 0 || h.at+parkAfter < at {
				at = h.at + parkAfter
			}
			break
		}
		t.held = t.held[1:]
	}
	return at
}

func (t *Tracer) ticked() {
	t.tick.at = 0
	t.answer()
	if len(t.place.tasks) > 0 {
		t.place.rest(t.clock)
	}
	if t.due() == 0 && len(t.place.tasks) == 0 {
		t.quiet = true
		t.flush()
		t.ponder()
	}
}

// overdue parks what was held long enough and ends the waits whose deadline has passed.
func (t *Tracer) overdue() {
	for {
		at := t.due()
		if at == 0 || at > t.clock {
			return
		}
		if k := t.late.pop(t.clock); k != nil {
			t.expire(k)
		} else if !t.elapsed() && len(t.held) > 0 {
			h := t.held[0]
			t.held = t.held[1:]
			t.park(h.k)
		}
		t.settle()
	}
}

// settle lets everything go on that the last event made ready.
func (t *Tracer) settle() {
	t.kernel.Settle(t.woken, t.reach)
}

func (t *Tracer) collect() {
	t.sinceGC = 0
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 8<<20 && m.HeapAlloc > m.NextGC || m.HeapAlloc > 24<<20 {
		runtime.GC()
	}
}

// event handles one report of wait4.
func (t *Tracer) event(tid int, ws uint32) {
	if ws&0xff != 0x7f { // exited, or killed
		t.gone(tid, ws)
		return
	}
	k := t.tasks[tid]
	if k == nil {
		t.strange(tid, ws)
		return
	}
	k.seen = t.clock
	sig := unix.Signal(ws >> 8 & 0xff)
	switch ws >> 16 {
	case unix.PTRACE_EVENT_SECCOMP:
		t.trapped(k)
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
		t.stops.Events++
		t.cloned(k)
	case unix.PTRACE_EVENT_EXEC:
		t.stops.Events++
		t.execed(k)
	case unix.PTRACE_EVENT_EXIT:
		t.stops.Events++
		t.leaving(k)
	case eventStop:
		t.stops.Events++
		t.eventStop(k, sig)
	case 0:
		if sig == unix.SIGTRAP|0x80 {
			t.syscallStop(k)
		} else {
			t.stops.Signals++
			t.signal(k, sig)
		}
	default:
		t.cont(k, 0)
	}
}

// cont lets a stopped task go on. A task that was killed meanwhile is not there any more; its end is
// reported by wait4 like any other.
func (t *Tracer) cont(k *task, sig unix.Signal) {
	req := unix.PTRACE_CONT
	if k.state.watched() {
		req = unix.PTRACE_SYSCALL
	}
	if k.state != away && k.state != parked || k.plan.starts {
		t.crowd.expect(k.tid)
	}
	ptrace(req, k.tid, 0, uintptr(sig))
}

// kick asks a task that is not stopped to stop.
func (t *Tracer) kick(k *task) {
	t.crowd.expect(k.tid)
	ptrace(ptraceInterrupt, k.tid, 0, 0)
}

// flush writes what the layers have collected.
func (t *Tracer) flush() {
	if t.reporter != nil {
		if err := t.reporter.Flush(); err != nil && t.failure == nil {
			t.failure = err
		}
	}
}
