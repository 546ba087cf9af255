package emulate

import (
	"math"

	"golang.org/x/sys/unix"
)

// A Standing is where one task of a tree stands, as a driver found it: what a picture of the whole is drawn from.
type Standing struct {
	Task     *Task
	Call     *Call     // the call of the model's that it is blocked in, or nil
	Nr       uint64    // without such a call: the one that it sleeps in in the kernel,
	Args     [6]uint64 // and its arguments
	Sleeps   bool      // Nr and Args are known
	State    string    // in a word: blocked, asleep, running, stopped, ended
	Why      string    // what could make it go on beside the tree itself; "" when nothing could
	Command  []string
	Parent   int
	Children []int // processes of the tree that are its own
	IP, SP   uint64
	BP       uint64 // 0 when it is not known
	Mem      Memory
}

// Elsewhere says what beside the tasks of the tree could end a blocked call; "" when nothing could.
func (c *Call) Elsewhere() string {
	switch {
	case c.last.Deadline != 0:
		return "its time runs out"
	case c.xfer != nil:
		return "it waits for the kernel's half of a transfer"
	case c.riding != nil:
		return "descriptors are on their way"
	}
	switch s := c.State.(type) {
	case request:
		if w := s.common(); w.mixed() {
			return "it watches descriptors of the kernel's"
		} else if w.masked {
			return "it waits for signals, too"
		}
	case *fishing:
		if s.ep.real() {
			return "it watches descriptors of the kernel's"
		} else if (c.Sys.Nr == unix.SYS_EPOLL_PWAIT || c.Sys.Nr == unix.SYS_EPOLL_PWAIT2) && c.Args[4] != 0 {
			return "it waits for signals, too"
		}
	}
	if len(c.wait) == 0 {
		return "it waits for nothing of the model's"
	}
	return ""
}

// An Awaited is a file that a blocked call waits for, and the events of it that it wants.
type Awaited struct {
	File *File
	Want Events
}

// Awaits lists what a blocked call waits for: its own file, those of a poll or select, or the members of an epoll.
func (c *Call) Awaits() []Awaited {
	var out []Awaited
	add := func(f *File, want Events) {
		if ep, ok := f.ops.(*Epoll); ok {
			out = ep.awaited(out, 0)
			return
		}
		out = append(out, Awaited{f, want})
	}
	switch s := c.State.(type) {
	case request:
		for _, in := range s.common().ours {
			if in.file != nil {
				add(in.file, in.want)
			}
		}
		return out
	case *fishing:
		add(s.file, epWant)
		return out
	}
	if c.file == nil {
		return nil
	}
	var want Events
	for _, on := range c.last.On {
		want |= on.Want
	}
	add(c.file, want)
	return out
}

// awaited appends the members of an epoll and of those in it.
func (ep *Epoll) awaited(out []Awaited, depth int) []Awaited {
	const deepest = 5 // EP_MAX_NESTS, fs/eventpoll.c
	for _, f := range ep.Members() {
		if inner, ok := f.ops.(*Epoll); ok {
			if depth < deepest {
				out = inner.awaited(out, depth+1)
			}
			continue
		}
		for _, it := range f.items {
			if it.ep == ep && it.events&^epPrivate != 0 {
				out = append(out, Awaited{f, it.events &^ epPrivate})
			}
		}
	}
	return out
}

// Rights lists the emulated files in messages that lie unread at s.
func (s *Socket) Rights() []*File {
	var out []*File
	for b := s.queue.first; b != nil; b = b.next {
		for _, f := range b.rights {
			if f != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

// alarm and setitimer belong to the kernel; the model notes until when the process may be woken by one, which the
// kernel does not tell anybody.
func (k *Kernel) alarm(c *Call) Outcome {
	k.rings(c, uint64(uint32(c.Args[0]))*1e9, 0)
	return Pass()
}

func (k *Kernel) setitimer(c *Call) Outcome {
	var v [32]byte // struct itimerval: it_interval, it_value
	switch {
	case c.Args[0] != unix.ITIMER_REAL: // the others count the processor's time
	case c.Args[1] == 0: // disarms, on Linux (setitimer(2))
		k.rings(c, 0, 0)
	case c.get(v[:], c.Args[1]) == 0:
		k.rings(c, le64(v[16:])*1e9+le64(v[24:])*1e3, le64(v[0:])|le64(v[8:]))
	}
	return Pass()
}

func (k *Kernel) rings(c *Call, ns, again uint64) {
	switch {
	case ns == 0:
		delete(k.alarms, c.Task.TGID)
	case again != 0 || ns > math.MaxInt64/2:
		k.alarms[c.Task.TGID] = math.MaxInt64
	default:
		k.alarms[c.Task.TGID] = k.Now + int64(ns)
	}
}

// Alarm is until when an interval timer of the process may go off, on Now's clock; 0 when none is set.
func (k *Kernel) Alarm(tgid int) int64 { return k.alarms[tgid] }
