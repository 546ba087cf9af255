package emutest

import (
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Socketpairs between tasks, and descriptors in messages.

func pairTimeouts(s *Sim, a *Task) {
	x, y := a.Pair(unix.SOCK_STREAM)
	b := a.Clone(thread)
	a.OptionTime(x, unix.SO_RCVTIMEO, 0, 500000)
	a.OptionTime(y, unix.SO_SNDTIMEO, 2, 0)
	a.OptionTime(y, unix.SO_SNDTIMEO, 2, 1000000)
	b.Read(x, 4)
	b.Park()
	s.Sleep(200e6)
	a.Write(y, "ab")
	b.Recv(x, 4, unix.MSG_WAITALL)
	s.Sleep(300e6)
	a.Write(y, "cd")
	s.Sleep(300e6) // what came is not lost at the deadline
	b.Read(x, 4)
	s.Sleep(600e6)
	b.Read(x, 4)
	b.Interrupt(true) // EINTR even so: the socket has a timeout (signal(7))
	b.Write(y, strings.Repeat("z", 300000))
	s.Sleep(3e9)
	b.Write(y, "z")
	s.Sleep(3e9)
	b.Poll(250, Poll{y, emulate.Out}, Poll{x, emulate.Pri})
	b.Park()
	s.Sleep(1e9)
	a.OptionTime(y, unix.SO_RCVTIMEO, -1, 0)
	a.Read(y, 1)
}

// Of a stream all sleeping readers wake and the first takes all; of packets each takes one (net/unix/af_unix.c).
func pairReaders(s *Sim, a *Task) {
	for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
		x, y := a.Pair(typ)
		s.Note([]string{"", "SOCK_STREAM", "SOCK_DGRAM", "", "", "SOCK_SEQPACKET"}[typ])
		b, c := a.Clone(thread), a.Clone(thread)
		b.Read(x, 10)
		c.Read(x, 10)
		a.Write(y, "one")
		a.Write(y, "")
		a.Write(y, "two")
		b.Recv(x, 10, unix.MSG_DONTWAIT)
		a.Close(y)
		b.Exit()
		c.Exit()
	}
}

// A descriptor in a message keeps its pipe open; whoever reads the bytes gets it at the lowest number that is free.
func pairRights(s *Sim, a *Task) {
	x, y := a.Pair(unix.SOCK_STREAM)
	r, w := a.Pipe(unix.O_CLOEXEC)
	b := a.Clone(0)
	for _, fd := range []int{y, r, w} {
		b.Close(fd)
	}
	a.Sendmsg(y, Msg{Data: "first"}, 0)
	a.Sendmsg(y, Msg{Data: "with", FDs: []int{w, 1, r}}, 0)
	a.Sendmsg(y, Msg{Data: "last"}, 0)
	a.Close(w)
	a.Read(r, 10)
	tr := b.Recvmsg(x, 100, 64, unix.MSG_CMSG_CLOEXEC)
	got := tr.Msg()
	b.Recvmsg(x, 100, 64, 0)
	b.Write(got.FDs[0], "through it")
	b.Exit()
	a.Read(r, 10)
	s.Note("a message that nobody reads")
	r, w = a.Pipe(0)
	a.Sendmsg(y, Msg{Data: "lost", FDs: []int{w}}, 0)
	a.Close(w)
	a.Recv(x, 3, 0)
	a.Read(r, 10)
}

// Peeking duplicates, too little room or too low a limit cuts, and two readers of descriptors take turns.
func pairRightsFull(s *Sim, a *Task) {
	x, y := a.Pair(unix.SOCK_SEQPACKET)
	r, w := a.Pipe(0)
	a.Sendmsg(y, Msg{Data: "m", FDs: []int{r, w}}, 0)
	a.Recvmsg(x, 10, 64, unix.MSG_PEEK)
	a.Recvmsg(x, 10, 20, 0)
	a.Sendmsg(y, Msg{Data: "n", FDs: []int{r, w}}, 0)
	a.Limit(11)
	a.Recvmsg(x, 10, 64, 0)
	a.Limit(1024)
	a.Sendmsg(y, Msg{Data: "o", FDs: []int{99}}, 0)
	a.Sendmsg(y, Msg{FDs: []int{w}}, 0)
	a.Read(x, 10)
	s.Note("with a name too")
	a.Option(x, unix.SO_PASSCRED, 1)
	a.Sendmsg(y, Msg{Data: "p", FDs: []int{r}, Creds: &unix.Ucred{Pid: 100, Uid: 1000, Gid: 1000}}, 0)
	a.Sendmsg(y, Msg{Data: "q", Creds: &unix.Ucred{Pid: 1, Uid: 0, Gid: 0}}, 0)
	a.Recvmsg(x, 10, 64, 0)
}
