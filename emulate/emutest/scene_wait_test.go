package emutest

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// poll and epoll, in the model's half and in the kernel's.

func pollMixed(s *Sim, a *Task) {
	r, w := a.Pipe(0)
	real := a.Open("", 0)
	b := a.Clone(thread)
	both := []Poll{{r, emulate.In}, {real, emulate.In}, {-1, emulate.In}, {77, emulate.In}}
	b.Poll(-1, both...)
	b.Poll(-1, both[:3]...)
	a.Write(w, "x") // kicked out of the kernel's half
	b.Poll(-1, both[:3]...)
	a.Read(r, 1)
	b.Poll(100, both[:3]...)
	a.Ready(real, emulate.In)
	a.Write(w, "x")
	b.Poll(100, both[:3]...)
	a.Read(r, 1)
	a.Ready(real, 0)
	b.Poll(100, both[:3]...)
	s.Sleep(1e9)
	b.Poll(100, both[1])
	s.Sleep(1e9)
	b.Poll(-1, both[0])
	b.Park()
	a.Close(w)
}

// A descriptor that is closed while others wait on it: a poll finds its number gone, a read goes on (fdget).
func pollClosed(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	b, c := a.Clone(thread), a.Clone(thread)
	b.Poll(-1, Poll{r, emulate.In})
	c.Read(r, 5)
	a.Close(r)
	a.Write(w, "x")
	a.Write(w, "y")
}

// A process that is stopped and continued: its waits begin anew, and end when they would have ended.
func waitsStopped(s *Sim, a *Task) {
	r, _ := a.Pipe(0)
	x, _ := a.Pair(unix.SOCK_STREAM)
	a.OptionTime(x, unix.SO_RCVTIMEO, 1, 0)
	b, c, d := a.Clone(thread), a.Clone(thread), a.Clone(thread)
	b.Poll(1000, Poll{r, emulate.In})
	c.Call(unix.SYS_PPOLL, a.Mem.Lay(uint32(r), uint16(unix.POLLIN), uint16(0)), 1, a.Mem.Lay(uint64(0), uint64(800e6)), 0, 0)
	c.Park()
	d.Read(x, 1)
	s.Sleep(300e6)
	for _, t := range []*Task{b, c, d} {
		t.Stop()
	}
	d.Read(r, 1)
	d.Stop()
	s.Sleep(1e9)
	d.Interrupt(false)
}

// Sleepers in one epoll: level-triggered events wake them all in turn, edges one alone, the last to come first.
func epollSleepers(s *Sim, a *Task) {
	r, w := a.Pipe(0)
	ep := a.EpollCreate()
	b, c, d := a.Clone(thread), a.Clone(thread), a.Clone(thread)
	all := []*Task{b, c, d}
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, emulate.In, 1)
	for _, x := range all {
		x.EpollWait(ep, 4, -1)
	}
	a.Write(w, "level")
	a.Read(r, 10)
	s.Note("edges")
	a.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, emulate.In|1<<31, 2)
	for _, x := range all {
		x.EpollWait(ep, 4, -1)
	}
	a.Write(w, "edge")
	a.Write(w, "edge")
	s.Note("once")
	a.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, emulate.In|unix.EPOLLONESHOT, 3)
	c.EpollWait(ep, 4, 100)
	s.Sleep(200e6)
	s.Note("a file of the kernel's")
	real := a.Open("", 0)
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, real, emulate.In, 4)
	c.EpollWait(ep, 4, 100)
	a.Ready(real, emulate.In)
	a.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, emulate.In, 5)
	c.EpollWait(ep, 1, 100)
	c.EpollWait(ep, 1, 100)
	c.EpollWait(ep, 4, 0)
	for _, x := range all {
		if x.trap.Blocked() {
			x.Interrupt(true)
		}
	}
	s.Note("its end")
	a.Close(r)
	a.EpollWait(ep, 4, 0)
}

// An epoll that was made behind the model's back, with a sleeper in it.
func epollAdopted(_ *Sim, a *Task) {
	ep := a.Epoll()
	real := a.Open("", 0)
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, real, emulate.In, 1)
	b := a.Clone(thread)
	b.EpollWait(ep, 4, -1)
	r, w := a.Pipe(0)
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, emulate.In, 2)
	a.Write(w, "x")
	b.EpollWait(ep, 4, -1)
	a.Read(r, 1)
	b.EpollWait(ep, 4, -1)
	a.Ready(real, emulate.In)
}

// Eventfds in a table that threads share, with readers that all wake, a writer without room, and a signal.
func eventfds(s *Sim, a *Task) {
	b, c, d := a.Clone(thread), a.Clone(thread), a.Clone(thread)
	sem := a.Eventfd(0, unix.EFD_SEMAPHORE)
	e := a.Eventfd(7, unix.EFD_CLOEXEC)
	for _, t := range []*Task{b, c, d} {
		t.Read(sem, 8)
	}
	a.Add(sem, 2)
	d.Interrupt(true)
	a.Add(sem, 1)
	a.Add(e, 1<<64-2-7)
	ep := a.EpollCreate()
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, e, emulate.Out|1<<31, 1)
	b.Add(e, 5)
	b.Park()
	c.EpollWait(ep, 1, -1)
	a.Read(e, 8)
	f := a.Clone(0)
	a.Close(e)
	f.Add(e, 1)
	f.Exec()
	s.Note("its end")
	f.Add(e, 1)
	a.EpollWait(ep, 1, 0)
}
