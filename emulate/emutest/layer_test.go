package emutest

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A witness writes down what a layer hears, and makes reads short or decides them when it is told to.
type witness struct {
	heard  []string
	most   uint64
	decide map[int]emulate.Outcome
}

func (w *witness) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	w.heard = append(w.heard, "+"+c.Sys.Name)
	if c.Sys.Nr == unix.SYS_READ && w.most > 0 {
		c.Args[2] = min(c.Args[2], w.most)
	}
	o, ok := w.decide[c.Sys.Nr]
	return o, ok
}

func (w *witness) Leave(c *emulate.Call, ret int64) {
	result := resultText(ret)
	if ret == emulate.Unknown {
		result = "?"
	}
	w.heard = append(w.heard, "-"+c.Sys.Name+" "+result)
}

// Layers run on a Sim as they do in the tracer: each call enters once and leaves once, with its result, or without
// one where the kernel ran it and nobody waited to hear, or where its task ended.
func TestLayers(t *testing.T) {
	s, a := New()
	w := &witness{decide: map[int]emulate.Outcome{}}
	s.Layers = emulate.Stack{w}
	r, wr := a.Pipe(0)
	b := a.Clone(thread)
	b.Read(r, 4)
	a.Write(wr, "abcdef")
	w.most = 1
	if got := a.Read(r, 10).Text(); got != "e" {
		t.Errorf("a read that a layer made short brought %q", got)
	}
	w.decide[unix.SYS_WRITE] = emulate.Fail(unix.EINTR)
	if got := a.Write(wr, "x").Errno(); got != unix.EINTR {
		t.Errorf("a write that a layer decided: %v", got)
	}
	a.Read(r, 1)
	b.Read(r, 1)
	b.Interrupt(true)
	a.Call(unix.SYS_DUP, 1)
	b.Exit()
	want := "+pipe2 -pipe2 0 +read +write -read 4 -write 6 +read -read 1 +write -write EINTR +read -read 1 " +
		"+read -read ERESTARTSYS +read +dup -dup ? -read ?"
	got := strings.Join(w.heard, " ")
	// The model may serve a woken reader before or after the writer's own result stands.
	got = strings.Replace(got, "-write 6 -read 4", "-read 4 -write 6", 1)
	if got != want {
		t.Errorf("heard %s\nwant  %s", got, want)
	}
}

// Errors in a test that uses Sim are not to be taken for results.
func TestSimRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(a *Task, r, w int)
	}{
		{"a second call of a task that is in one", func(a *Task, r, _ int) { a.Read(r, 1); a.Read(r, 1) }},
		{"a signal to a task that does not sleep", func(a *Task, _, _ int) { a.Interrupt(false) }},
		{"parking a task that is in no call", func(a *Task, _, _ int) { a.Park() }},
		{"half a page", func(a *Task, _, _ int) { a.Mem.Map(0x1000, 100, Both) }},
		{"bytes put into a hole", func(a *Task, _, _ int) { a.Mem.Put(8, "x") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_, a := New()
			r, w := a.Pipe(0)
			c.run(a, r, w)
		})
	}
}
