package check

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// thread is how pthread_create makes one.
const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD

// A bench is a simulated program with a checker.
type bench struct {
	*emutest.Sim
	check  *Checker
	found  string // the difference
	said   bytes.Buffer
	closed bool
}

func newBench(t testing.TB) (*bench, *emutest.Task) {
	t.Helper()
	b := &bench{}
	s, a := emutest.New()
	s.Quiet = true
	a.Root = true
	b.Sim = s
	var err error
	if b.check, err = New(Config{Kernel: s.K, Stderr: &b.said, Fail: func(msg string) { b.found = msg }}); err != nil {
		t.Fatal(err)
	}
	s.Layers = emulate.Stack{b.check}
	t.Cleanup(b.close)
	return b, a
}

// close gives the twins' descriptors back.
func (b *bench) close() {
	if b.closed {
		return
	}
	b.closed = true
	for _, t := range b.check.twins {
		b.check.drop(t, "the end")
	}
	unix.Close(b.check.null)
	unix.Close(b.check.helper[0])
	unix.Close(b.check.helper[1])
	unix.Munmap(b.check.hole)
}

// lie has the model answer otherwise for the rest of the test.
func lie(t *testing.T, nr int, change func(c *emulate.Call, o *emulate.Outcome)) {
	row := emulate.ByNr(uint64(nr))
	do := row.Do
	row.Do = func(k *emulate.Kernel, c *emulate.Call) emulate.Outcome {
		o := do(k, c)
		change(c, &o)
		return o
	}
	t.Cleanup(func() { row.Do = do })
}

// Each answer of the model that is not the kernel's is found, and told with both answers.
func TestLiesAreFound(t *testing.T) {
	less := func(_ *emulate.Call, o *emulate.Outcome) {
		if o.Kind == emulate.KindDone && o.Ret > 1 {
			o.Ret--
		}
	}
	fails := func(_ *emulate.Call, o *emulate.Outcome) { *o = emulate.Fail(unix.EIO) }
	poke := func(at func(c *emulate.Call) uint64, value byte) func(*emulate.Call, *emulate.Outcome) {
		return func(c *emulate.Call, o *emulate.Outcome) {
			if o.Kind == emulate.KindDone && o.Ret >= 0 {
				c.Mem.WriteMem(at(c), []byte{value})
			}
		}
	}
	for _, x := range []struct {
		name   string
		nr     int
		change func(*emulate.Call, *emulate.Outcome)
		run    func(a *emutest.Task)
		want   []string
	}{
		{"a read one short", unix.SYS_READ, less, func(a *emutest.Task) {
			r, w := a.Pipe(0)
			a.Write(w, "hello")
			a.Read(r, 10)
		}, []string{"read(3<pipe:1>, ", "model:   4", "kernel:  5", "the last calls on pipe:1 before it:", `write(4<pipe:1>, "hello", 5) = 5`}},
		{"a byte of a read", unix.SYS_READ, poke(func(c *emulate.Call) uint64 { return c.Args[1] + 2 }, 'X'), func(a *emutest.Task) {
			r, w := a.Pipe(0)
			a.Write(w, "hello")
			a.Read(r, 10)
		}, []string{`model:   byte 2 is 0x58 ("X")`, `kernel:  byte 2 is 0x6c ("l")`}},
		{"an error", unix.SYS_WRITE, fails, func(a *emutest.Task) {
			_, w := a.Pipe(0)
			a.Write(w, "x")
		}, []string{"model:   -1 EIO (input/output error)", "kernel:  1"}},
		{"a wait for what is there", unix.SYS_READ, func(c *emulate.Call, o *emulate.Outcome) {
			if o.Kind == emulate.KindDone {
				*o = emulate.Block(emulate.Wait{})
			}
		}, func(a *emutest.Task) {
			r, w := a.Pipe(0)
			a.Write(w, "x")
			a.Read(r, 1)
		}, []string{"model:   it waits", "kernel:  1"}},
		{"no wait for what is not there", unix.SYS_READ, func(c *emulate.Call, o *emulate.Outcome) { *o = emulate.Done(0) }, func(a *emutest.Task) {
			r, _ := a.Pipe(0)
			a.Read(r, 1)
		}, []string{"model:   0", "kernel:  -1 EAGAIN"}},
		{"revents", unix.SYS_POLL, poke(func(c *emulate.Call) uint64 { return c.Args[0] + 6 }, unix.POLLHUP), func(a *emutest.Task) {
			r, w := a.Pipe(0)
			a.Write(w, "x")
			a.Poll(0, emutest.Poll{FD: r, Events: emulate.In})
		}, []string{"model:   revents of 3<pipe:1> are HUP", "kernel:  revents of 3<pipe:1> are IN"}},
		{"FIONREAD", unix.SYS_IOCTL, poke(func(c *emulate.Call) uint64 { return c.Args[2] }, 7), func(a *emutest.Task) {
			r, w := a.Pipe(0)
			a.Write(w, "x")
			a.Ioctl(r, unix.TIOCINQ)
		}, []string{"model:   the number is 7", "kernel:  the number is 1"}},
		{"epoll passes over what is ready", unix.SYS_EPOLL_WAIT, func(c *emulate.Call, o *emulate.Outcome) { *o = emulate.Done(0) }, func(a *emutest.Task) {
			r, w := a.Pipe(0)
			ep := a.EpollCreate()
			a.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, emulate.In, 1)
			a.Write(w, "x")
			a.EpollWait(ep, 5, 0)
		}, []string{"model:   epoll tells nothing of 3<pipe:1>", "kernel:  it is ready for IN"}},
		{"the flags of a message", unix.SYS_RECVMSG, poke(func(c *emulate.Call) uint64 { return c.Args[1] + 48 }, 1), func(a *emutest.Task) {
			x, y := a.Pair(unix.SOCK_DGRAM)
			a.Write(x, "long")
			a.Recvmsg(y, 2, 0, 0)
		}, []string{"model:   msg_flags is 1", "kernel:  msg_flags is 32"}},
		{"a write that did not happen", unix.SYS_WRITE, func(c *emulate.Call, o *emulate.Outcome) {}, func(a *emutest.Task) {
			r, w := a.Pipe(unix.O_NONBLOCK)
			a.Write(w, "x")
			a.Files.Get(r).Object().(*emulate.Pipe).Drain()
			a.Write(w, "y")
		}, []string{"afterwards FIONREAD on pipe:1 (read end) is 1", "afterwards FIONREAD on pipe:1 (read end) is 2"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			b, a := newBench(t)
			lie(t, x.nr, x.change)
			x.run(a)
			for _, w := range x.want {
				if !strings.Contains(b.found, w) {
					t.Errorf("it does not say %q:\n%s", w, b.found)
				}
			}
			if !strings.HasPrefix(b.found, "check: the kernel answers otherwise than the model\n") {
				t.Errorf("it begins otherwise:\n%s", b.found)
			}
		})
	}
}

// What was compared is counted, and what was not.
func TestCounts(t *testing.T) {
	b, a := newBench(t)
	r, w := a.Pipe(0)
	f := a.Open("abc", emulate.In)
	a.Write(w, "hello")
	a.Read(r, 5)
	a.Call(unix.SYS_SPLICE, uint64(f), 0, uint64(w), 0, 3, 0)
	a.Read(r, 3)
	if b.found != "" {
		t.Fatal(b.found)
	}
	b.check.Finish()
	want := "sluice: check: 3 calls compared, 1 not (1 that splice with a real file)\n"
	if got := b.said.String(); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if got := thousands(1234567); got != "1,234,567" {
		t.Error(got)
	}
}
