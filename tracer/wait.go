package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// wait4 of any child looks at every tracee until it finds one that has something to say: 25 ns for each that sleeps.
// That is nothing beside a few, and more than all the rest beside thousands. So in a crowd the tracer waits for one
// task alone, which costs the same however many there are: for the one that it continued last. Before that it looks
// whether one of those stopped that it continued earlier, and now and then whether anybody did.
//
// A task that does not stop within a tick computes or sleeps, and is not waited for any more.

type crowd struct {
	on     bool
	recent [4]int // who was continued and has not stopped since, the last one first; 0 for none
	asked  int64  // when everybody was asked
	cost   int64  // how long that took
	found  int    // who was found when everybody was asked, one after the other
}

const (
	crowdAt    = 96 // tracees from which on there is one
	crowdUntil = 48
	// askAfter bounds how long the stop of a task that nobody expected can go unnoticed.
	askAfter = 2 * tick
	// askShare bounds the time spent on asking everybody to one part in so many.
	askShare = 20
	// mostFound bounds how long everybody is asked again because somebody always has something to say.
	mostFound = 64
)

// expect remembers a task that goes on and is likely to stop soon.
func (c *crowd) expect(tid int) {
	if !c.on || c.recent[0] == tid {
		return
	}
	was := tid
	for i, other := range c.recent {
		c.recent[i] = was
		if was = other; was == tid || was == 0 {
			return
		}
	}
}

// forget takes a task out that has stopped, or that does not.
func (c *crowd) forget(tid int) {
	for i, other := range c.recent {
		if other == tid {
			copy(c.recent[i:], c.recent[i+1:])
			c.recent[len(c.recent)-1] = 0
			return
		}
	}
}

// sized enters or leaves the crowd's way by the number of tasks.
func (c *crowd) sized(tasks int) {
	switch {
	case !c.on && tasks >= crowdAt:
		*c = crowd{on: true}
	case c.on && tasks < crowdUntil:
		c.on = false
	}
}

// wait4 is the raw call, for a thread that is never told to yield.
func wait4(pid int, ws *uint32, options uintptr) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(ws)), unix.WALL|options, 0, 0, 0)
	return int(n), e
}

// next is wait4 of any child in a crowd. The ticker must be armed.
func (t *Tracer) next(ws *uint32) (int, unix.Errno) {
	c := &t.crowd
	for _, tid := range c.recent[1:] {
		if tid == 0 {
			break
		}
		if pid, e := wait4(tid, ws, unix.WNOHANG); e == 0 && pid > 0 {
			return pid, 0
		}
	}
	if now := t.now(); now-c.asked > max(askAfter, askShare*c.cost) {
		if c.found == 0 {
			c.cost = 0
		}
		pid, e := wait4(-1, ws, unix.WNOHANG)
		c.cost += t.now() - now
		if pid > 0 || e != 0 {
			if c.found++; c.found == mostFound {
				c.asked, c.found = now, 0
			}
			return pid, e
		}
		c.asked, c.found = now, 0
	}
	if c.recent[0] == 0 {
		return wait4(-1, ws, 0)
	}
	tid := c.recent[0]
	pid, e := wait4(tid, ws, 0)
	if e == unix.EINTR || e == unix.ECHILD { // a tick has passed, or it went with another thread's exec
		c.forget(tid)
		e = unix.EINTR
	}
	return pid, e
}
