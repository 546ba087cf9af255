package emutest

import (
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Pipes between tasks.

func pipeEnds(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	b := a.Clone(0)
	a.Close(w)
	b.Close(r)
	a.Read(r, 10)
	b.Write(w, "hello")
	b.Write(w, "world")
	a.Read(r, 3)
	a.Read(r, 10)
	a.Read(r, 10)
	b.Exit()
	a.Read(r, 10)
	r2, w2 := a.Pipe(0)
	a.Close(r2)
	a.Write(w2, "")
	a.Write(w2, "x")
}

// Readers are served in the order in which they came, one for each write; who leaves bytes behind passes the
// question on (fs/pipe.c: wake_next_reader).
func pipeFIFO(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	var readers []*Task
	for range 4 {
		b := a.Clone(thread)
		b.Read(r, 2)
		readers = append(readers, b)
	}
	a.Write(w, "1")
	a.Write(w, "2233")
	readers[0].Read(r, 2)
	a.Close(w)
	readers[2].Exit()
}

// A write of many pages waits for room again and again; others come between its pages.
func pipeBigWrite(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	a.Fcntl(w, unix.F_SETPIPE_SZ, 2*PageSize)
	b, c := a.Clone(thread), a.Clone(thread)
	b.Write(w, strings.Repeat("b", 3*PageSize+5))
	c.Write(w, "c")
	a.Read(r, PageSize)
	a.Read(r, 100)
	a.Read(r, PageSize)
	a.Read(r, 2*PageSize)
	a.Read(r, 2*PageSize)
	b.Write(w, strings.Repeat("B", 4*PageSize))
	a.Close(r)
}

func pipeSignals(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	b, c := a.Clone(thread), a.Clone(thread)
	b.Read(r, 1)
	b.Interrupt(false)
	b.Read(r, 1)
	c.Read(r, 1)
	b.Interrupt(true) // begins anew, behind c
	a.Write(w, "1")
	a.Write(w, "2")
	a.Fcntl(w, unix.F_SETPIPE_SZ, PageSize)
	b.Write(w, strings.Repeat("b", 2*PageSize))
	b.Interrupt(true) // bytes moved: a short count, never again
	b.Poll(1000, Poll{w, emulate.Out})
	b.Interrupt(true) // never restarted (signal(7))
	ep := a.EpollCreate()
	b.EpollWait(ep, 1, -1)
	b.Interrupt(true)
	a.Read(r, PageSize)
	b.Read(r, 1)
	b.Park()
	c.Read(r, 1)
	c.Park()
	b.Interrupt(true)
	a.Write(w, "3")
	a.Write(w, "4")
}

// Bytes are not given to a task that was killed: the next in the queue gets them.
func pipeDying(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	b, c := a.Clone(thread), a.Clone(thread)
	b.Read(r, 8)
	c.Read(r, 8)
	b.Dying = true
	a.Write(w, "kept")
	b.Exit()
}
