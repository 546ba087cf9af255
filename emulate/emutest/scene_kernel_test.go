package emutest

import (
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Descriptor tables, splices with files of the kernel's, and the way back to the kernel.

// In a table that several tasks share the numbers reach the program last.
func threadsShare(_ *Sim, a *Task) {
	b := a.Clone(thread)
	r, w := a.Pipe(unix.O_NONBLOCK)
	b.Call(unix.SYS_DUP2, u(w), 9)
	a.Close(w)
	b.Write(9, "x")
	a.Read(r, 5)
	a.Call(unix.SYS_PIPE2, 8, 0) // nowhere to tell: closed again
	b.Call(unix.SYS_UNSHARE, unix.CLONE_FILES)
	b.Close(9)
	a.Read(r, 5)
	a.Close(9)
	a.Read(r, 5)
	a.Limit(5)
	a.Call(unix.SYS_PIPE2, a.Mem.Room(8), 0)
}

func forkAndExec(_ *Sim, a *Task) {
	r, w := a.Pipe(unix.O_CLOEXEC)
	a.Call(unix.SYS_DUP3, u(w), 10, unix.O_CLOEXEC)
	a.Fcntl(w, unix.F_DUPFD, 20)
	b := a.Clone(0)
	a.Fcntl(w, unix.F_SETFL, unix.O_NONBLOCK) // the description is shared
	b.Write(w, strings.Repeat("x", 70000))
	b.Exec()
	a.Close(w)
	a.Close(10)
	a.Close(20)
	a.Read(r, 65536)
	a.Read(r, 10)
	b.Write(20, "still")
	b.Call(unix.SYS_CLOSE_RANGE, 3, 100, 0)
	a.Read(r, 10)
}

// Between a pipe and a file of the kernel's the placeholder is lent.
func spliceFile(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	f := a.Open("from the file", emulate.In|emulate.Out)
	a.Write(w, "piped")
	a.Call(unix.SYS_SPLICE, u(r), 0, u(f), 0, 3, 0)
	a.Call(unix.SYS_SPLICE, u(f), 0, u(w), 0, 8, 0)
	a.Read(r, 100)
	a.Call(unix.SYS_SPLICE, u(r), 0, u(f), 0, 3, 2)
	b := a.Clone(thread)
	b.Call(unix.SYS_SPLICE, u(r), 0, u(f), 0, 100, 0)
	a.Write(w, "later")
	a.Call(unix.SYS_SENDFILE, u(w), u(f), 0, 1000)
	a.Read(r, 100)
	x, y := a.Pair(unix.SOCK_STREAM)
	g := a.Open("sent", emulate.In)
	a.Call(unix.SYS_SENDFILE, u(x), u(g), 0, 1000)
	a.Read(y, 100)
}

// While the kernel waits for the file, who would take from the pipe's front waits too.
func spliceWaits(_ *Sim, a *Task) {
	r, w := a.Pipe(0)
	tty := a.Open("", 0)
	b, c := a.Clone(thread), a.Clone(thread)
	a.Write(w, "abc")
	b.Call(unix.SYS_SPLICE, u(r), 0, u(tty), 0, 2, 0)
	c.Read(r, 10)
	a.Write(w, "def")
	a.Ready(tty, emulate.Out)
	a.Ready(tty, 0)
	a.Write(w, "ghi")
	b.Call(unix.SYS_SPLICE, u(r), 0, u(tty), 0, 2, 0)
	b.Interrupt(false) // nothing is lost
	a.Read(r, 10)
	input := a.Open("", 0)
	b.Call(unix.SYS_SPLICE, u(input), 0, u(w), 0, 100, 0)
	c.Read(r, 10)
	a.Write(w, "jkl") // its other end is free
	a.Write(input, "mno")
	a.Read(r, 10)
}

// Whatever the model cannot serve goes back to the kernel, with what lies in it.
func demoted(s *Sim, a *Task) {
	x, y := a.Pair(unix.SOCK_DGRAM)
	_, w := a.Pipe(0)
	a.Write(x, "one")
	a.Sendmsg(x, Msg{Data: "two", FDs: []int{w}}, 0)
	b, c, d := a.Clone(thread), a.Clone(thread), a.Clone(thread)
	b.Poll(-1, Poll{y, emulate.Pri})
	a.Call(unix.SYS_CONNECT, u(x), a.Mem.Lay(uint16(unix.AF_UNIX)), 2)
	a.Read(y, 10)
	a.Recvmsg(y, 10, 64, 0)
	s.Note("a pipe on which tasks wait")
	b.Interrupt(false)
	r, w := a.Pipe(0)
	b.Write(w, strings.Repeat("x", 70000))
	c.Poll(-1, Poll{w, emulate.Out})
	d.Poll(-1, Poll{r, emulate.Pri})
	a.Call(unix.SYS_IO_URING_SETUP, 1, 0)
	a.Pipe(0)
}

// A pipe goes back to the kernel while its end is in a message that stays: whoever receives it has one of the
// kernel's.
func demotedInFlight(_ *Sim, a *Task) {
	x, y := a.Pair(unix.SOCK_STREAM)
	r, w := a.Pipe(0)
	b := a.Clone(0)
	b.Close(x)
	b.Close(y)
	a.Sendmsg(y, Msg{Data: "m", FDs: []int{w}}, 0)
	b.Call(unix.SYS_IO_URING_SETUP, 1, 0)
	got := a.Recvmsg(x, 10, 64, 0).Msg()
	a.Write(got.FDs[0], "x")
	a.Read(r, 10)
}
