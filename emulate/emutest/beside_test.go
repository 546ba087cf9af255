package emutest

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// An asker asks for something beside the calls of one number.
type asker struct {
	nr   int
	also emulate.Also
	most uint64
	left []int64
}

func (a *asker) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	if c.Sys.Nr == a.nr {
		c.Also = a.also
		if a.most > 0 {
			c.Args[2] = a.most
		}
	}
	return emulate.Outcome{}, false
}

func (a *asker) Leave(c *emulate.Call, ret int64) {
	if c.Sys.Nr == a.nr {
		a.left = append(a.left, ret)
	}
}

// A layer's delay before a call lets others go first, and one after it keeps the caller from going on.
func TestDelays(t *testing.T) {
	s, a := New()
	r, w := a.Pipe(0)
	b := a.Clone(thread)
	s.Layers = emulate.Stack{&asker{nr: unix.SYS_READ, also: emulate.Also{Before: 1e6, After: 2e6}}}
	read := a.Read(r, 10)
	b.Write(w, "xy")
	if !read.Blocked() {
		t.Fatal("a read did not wait for its delay")
	}
	s.Sleep(1e6)
	if !read.Blocked() || strings.Contains(s.Log(), `"xy", 10) = 2`) {
		t.Fatal("a read did not wait for its second delay")
	}
	s.Sleep(2e6)
	if read.Result() != "2" {
		t.Errorf("a delayed read: %s", read.Result())
	}
}

// Signals are sent, and SIGKILL leaves the call undone.
func TestSent(t *testing.T) {
	s, a := New()
	r, w := a.Pipe(0)
	b := a.Clone(0)
	l := &asker{nr: unix.SYS_WRITE, also: emulate.Also{Signal: unix.SIGUSR1}}
	s.Layers = emulate.Stack{l}
	if got := b.Write(w, "x").Result(); got != "1" || len(b.Sent) != 1 || b.Sent[0] != unix.SIGUSR1 {
		t.Errorf("a write that comes with a signal: %s, %v", got, b.Sent)
	}
	l.also.Signal = unix.SIGKILL
	b.Write(w, "y")
	if got := a.Read(r, 10).Text(); got != "x" {
		t.Errorf("who was killed before its write wrote %q", got)
	}
	if len(l.left) != 2 || l.left[1] != emulate.Unknown {
		t.Errorf("the layer heard %v", l.left)
	}
}

// Most makes vectors shorter, whichever buffer it ends in.
func TestMost(t *testing.T) {
	for most, want := range map[int]string{1: "a", 3: "abc", 4: "abcd", 5: "abcde", 6: "abcdef", 9: "abcdef"} {
		s, a := New()
		r, w := a.Pipe(0)
		s.Layers = emulate.Stack{&asker{nr: unix.SYS_WRITEV, also: emulate.Also{Most: most}}}
		iov := a.Mem.Lay(a.Mem.Lay("abc"), uint64(3), uint64(0), uint64(0), a.Mem.Lay("def"), uint64(3))
		if got := a.Call(unix.SYS_WRITEV, u(w), iov, 3).Ret; got != int64(len(want)) {
			t.Errorf("writev of at most %d: %d", most, got)
		}
		if got := a.Read(r, 10).Text(); got != want {
			t.Errorf("writev of at most %d wrote %q", most, got)
		}
	}
}

// What the kernel runs takes the arguments that a layer changed, and its answer is told to who wants it.
func TestPassedAmended(t *testing.T) {
	s, a := New()
	fd := a.Open("abcdef", emulate.In)
	l := &asker{nr: unix.SYS_READ, also: emulate.Also{Hear: true, Injected: true}, most: 2}
	s.Layers = emulate.Stack{l}
	if got := a.Read(fd, 5).Text(); got != "ab" || len(l.left) != 1 || l.left[0] != 2 {
		t.Errorf("read %q; heard %v", got, l.left)
	}
}

// A severed connection is dead for both ends, each as the death of the other would leave it.
func TestSever(t *testing.T) {
	s, a := New()
	r, w := a.Pipe(0)
	a.Write(w, "left")
	b := a.Clone(thread)
	s.K.Sever(a.Files.Get(r), false)
	if got := a.State(r) + " " + a.State(w); got != "IN|HUP OUT|ERR" {
		t.Errorf("a severed pipe: %s", got)
	}
	if got := b.Write(w, "x").Result(); got != "EPIPE SIGPIPE" {
		t.Errorf("a write: %s", got)
	}
	if got := a.Read(r, 9).Text() + a.Read(r, 9).Result(); got != "left0" {
		t.Errorf("reads: %s", got)
	}
	a.Close(r)
	a.Close(w)
	if n := len(s.K.Objects()); n != 0 {
		t.Errorf("%d objects are left", n)
	}

	x, y := a.Pair(unix.SOCK_STREAM)
	waits := b.Read(x, 1)
	s.K.Sever(a.Files.Get(y), true)
	s.settle()
	if got := waits.Result() + " " + a.Read(y, 1).Result() + " " + a.Read(y, 1).Result() + " " + a.Write(x, "x").Result(); got != "ECONNRESET ECONNRESET 0 EPIPE SIGPIPE" {
		t.Errorf("a pair that is reset: %s", got)
	}
	d, _ := a.Pair(unix.SOCK_DGRAM)
	if s.K.Sever(a.Files.Get(d), false) {
		t.Error("datagram sockets know no end")
	}
}

// Messages that are lost, repeated, or late.
func TestMessagesAstray(t *testing.T) {
	s, a := New()
	x, y := a.Pair(unix.SOCK_DGRAM)
	f := a.Files.Get(x)
	a.Write(x, "1")
	a.Write(x, "2")
	if !s.K.Overtake(f) || !s.K.Repeat(f) {
		t.Fatal("refused")
	}
	a.Write(x, "3")
	if !s.K.Lose(f) {
		t.Fatal("refused")
	}
	got := ""
	for range 3 {
		got += a.Read(y, 9).Text()
	}
	if got != "211" || a.State(y) != "OUT" {
		t.Errorf("arrived: %s, then %s", got, a.State(y))
	}
	if s.K.Lose(f) || s.K.Overtake(f) || s.K.Repeat(f) {
		t.Error("a message that is gone was found")
	}
}
