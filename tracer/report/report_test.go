package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/choice"
)

// A bench is a model with layers on it, driven by hand: memory is one page at 0x1000, every look at the
// clock takes a microsecond.
type bench struct {
	*emulate.Kernel
	t      *testing.T
	layers emulate.Stack
	mem    [4096]byte
	clock  int64
}

// A machine is a host of which the model learns what is usual.
type machine struct{ emulate.Host }

func (machine) PipeSize(*emulate.Task, int) int              { return 0 }
func (machine) Sysctl(_ string, otherwise int) int           { return otherwise }
func (machine) Capable(*emulate.Task, int) bool              { return false }
func (machine) Limit(*emulate.Task) uint64                   { return 1024 }
func (machine) Creds(t *emulate.Task) (cr unix.Ucred)        { cr.Pid = int32(t.TGID); return cr }
func (machine) Allowed(*emulate.Task, unix.Ucred) unix.Errno { return 0 }

func newBench(t *testing.T) *bench {
	return &bench{Kernel: emulate.New(machine{}, choice.Plain{}), t: t}
}

func (b *bench) now() int64 { b.clock += 1000; return b.clock }

func (b *bench) ReadMem(p []byte, addr uint64) (int, unix.Errno) {
	if addr < 0x1000 || addr >= 0x2000 {
		return 0, unix.EFAULT
	}
	if n := copy(p, b.mem[addr-0x1000:]); n < len(p) {
		return n, unix.EFAULT
	}
	return len(p), 0
}

func (b *bench) WriteMem(addr uint64, p []byte) (int, unix.Errno) {
	if addr < 0x1000 || addr >= 0x2000 {
		return 0, unix.EFAULT
	}
	if n := copy(b.mem[addr-0x1000:], p); n < len(p) {
		return n, unix.EFAULT
	}
	return len(p), 0
}

// call makes a call; nil is returned for one that blocks, else it is over.
func (b *bench) call(task *emulate.Task, nr uint64, args ...uint64) *emulate.Call {
	c := &emulate.Call{Task: task, Sys: emulate.ByNr(nr), Mem: b}
	copy(c.Args[:], args)
	b.layers.Enter(c)
	switch o := b.Do(c); {
	case o.Kind == emulate.KindBlock:
		return c
	case o.Kind == emulate.KindDone:
		b.layers.Leave(c, o.Ret)
	case o.Hear:
		b.heard(c)
	default:
		b.layers.Leave(c, emulate.Unknown)
	}
	return c
}

// heard plays the kernel for calls that make descriptors: the lowest free numbers from 3.
func (b *bench) heard(c *emulate.Call) {
	next := func(from int) int {
		for c.Task.Files.Get(from) != nil {
			from++
		}
		return from
	}
	ret := int64(0)
	switch c.Sys.Nr {
	case unix.SYS_PIPE2:
		r := next(3)
		w := next(r + 1)
		b.mem[c.Args[0]-0x1000], b.mem[c.Args[0]-0x1000+4] = byte(r), byte(w)
	case unix.SYS_DUP:
		ret = int64(next(3))
	case unix.SYS_DUP2:
		ret = int64(c.Args[1])
	}
	b.Saw(c, ret)
	b.layers.Leave(c, ret)
}

func (b *bench) settle() {
	b.Settle(func(c *emulate.Call, o emulate.Outcome) { b.layers.Leave(c, o.Ret) }, nil)
}

// session is a small run: one process makes a pipe, its child reads and waits, the parent writes and closes.
func (b *bench) session() {
	parent := b.Root(100)
	parent.Name = "writer"
	b.call(parent, unix.SYS_PIPE2, 0x1000, unix.O_CLOEXEC)
	child := b.Clone(parent, 101, 0)
	child.Name = "reader"
	b.call(child, unix.SYS_CLOSE, 4)
	b.call(child, unix.SYS_READ, 3, 0x1100, 64)
	copy(b.mem[0x200:], "hello\n\x01")
	b.call(parent, unix.SYS_WRITE, 4, 0x1200, 7)
	b.settle()
	b.call(parent, unix.SYS_WRITE, 99, 0x1200, 7) // not ours
	b.call(parent, unix.SYS_WRITE, 4, 0x1, 7)
	b.call(parent, unix.SYS_DUP, 4)
}

func TestTextLog(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l := NewLog(&out, b.now)
	b.layers = emulate.Stack{l}
	b.session()
	if out.Len() > 0 {
		t.Error("lines were written before Flush")
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`writer[100] pipe2([3<pipe:1>, 4<pipe:1>], O_CLOEXEC) = 0`,
		`reader[101] close(4<pipe:1>) = ?`,
		`writer[100] write(4<pipe:1>, "hello\n\x01", 7) = 7`,
		`reader[101] read(3<pipe:1>, "hello\n\x01", 64) = 7 <blocked 4.000µs>`,
		`writer[100] write(4<pipe:1>, 0x1, 7) = -1 EFAULT (bad address)`,
		`writer[100] dup(4<pipe:1>) = 5<pipe:1>`,
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		time, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if len(time) != len("0.000001") {
			t.Errorf("time %q", time)
		}
		got = append(got, rest)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLogAll(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l := NewLog(&out, b.now)
	l.All, l.Live, l.Prefix = true, true, "sluice: "
	b.layers = emulate.Stack{l}
	b.call(b.Root(7), unix.SYS_WRITE, 1, 0x1000, 0)
	if got, want := out.String(), "sluice: 0.000002 [7] write(1, \"\", 0) = ?\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColor(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l := NewLog(&out, b.now)
	l.Live, l.Color = true, true
	b.layers = emulate.Stack{l}
	b.session()
	for _, s := range []string{dim, red, yellow, plain} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("no %q in the coloured log", s)
		}
	}
}

func TestJSONLog(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l := NewLog(&out, b.now)
	l.JSON, l.Live = true, true
	b.layers = emulate.Stack{l}
	b.session()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		`{"time_ns":2000,"pid":100,"tid":100,"comm":"writer","call":"pipe2","args":{"pipefd":[3,4],"flags":"O_CLOEXEC"},` +
			`"objects":[{"object":"pipe:1","fd":3,"arg":"pipefd"},{"object":"pipe:1","fd":4,"arg":"pipefd"}],"end":"returned","result":0,"errno":null,"blocked_ns":0}`,
		`{"time_ns":4000,"pid":101,"tid":101,"comm":"reader","call":"close","args":{"fd":4},` +
			`"objects":[{"object":"pipe:1","fd":4,"arg":"fd"}],"end":"passed","result":null,"errno":null,"blocked_ns":0}`,
		`{"time_ns":7000,"pid":100,"tid":100,"comm":"writer","call":"write","args":{"fd":4,"buf":{"length":7,"data":"hello\\n\\x01"},"count":7},` +
			`"objects":[{"object":"pipe:1","fd":4,"arg":"fd"}],"end":"returned","result":7,"errno":null,"blocked_ns":0}`,
		`{"time_ns":8000,"pid":101,"tid":101,"comm":"reader","call":"read","args":{"fd":3,"buf":{"length":7,"data":"hello\\n\\x01"},"count":64},` +
			`"objects":[{"object":"pipe:1","fd":3,"arg":"fd"}],"end":"returned","result":7,"errno":null,"blocked_ns":4000}`,
		`{"time_ns":12000,"pid":100,"tid":100,"comm":"writer","call":"write","args":{"fd":4,"buf":"0x1","count":7},` +
			`"objects":[{"object":"pipe:1","fd":4,"arg":"fd"}],"end":"returned","result":-1,"errno":"EFAULT","blocked_ns":0}`,
	} {
		if !json.Valid([]byte(lines[i])) {
			t.Errorf("not JSON: %s", lines[i])
		}
		if d := cmp.Diff(want, lines[i]); d != "" {
			t.Error(d)
		}
	}
}

func TestJSONString(t *testing.T) {
	for _, s := range []string{"", "plain", "\"quoted\\\"", "tab\tnul\x00esc\x1b", "ümlaut ✓", "bad \xff\xfe"} {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); got != want && s != "bad \xff\xfe" {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}

// A call that a signal cut short, and one whose task dies in it.
func TestEndings(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l := NewLog(&out, b.now)
	l.Live = true
	b.layers = emulate.Stack{l}
	task := b.Root(100)
	b.call(task, unix.SYS_PIPE2, 0x1000, 0)
	c := b.call(task, unix.SYS_READ, 3, 0x1100, 64)
	b.layers.Leave(c, b.Interrupt(c).Ret)
	c = b.call(task, unix.SYS_READ, 3, 0x1100, 64)
	b.layers.Leave(c, emulate.Unknown)
	for _, want := range []string{
		"read(3<pipe:1>, 0x1100, 64) = ? ERESTARTSYS (interrupted by a signal) <blocked",
		"read(3<pipe:1>, 0x1100, 64) = ? <unfinished> <blocked",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestStats(t *testing.T) {
	b := newBench(t)
	s := NewStats(b.Kernel, b.now)
	b.layers = emulate.Stack{s}
	b.session()
	var out bytes.Buffer
	s.Render(&out, Stops{Total: 9, Served: 3, Passed: 2, Injected: 1}, []string{"reader[101]"})
	for _, want := range []string{
		"object   bytes in  bytes out  calls",
		"pipe:1*  7         7          5",
		"7 in 1/16",
		"write: writer[100] 4, ",
		"; read: reader[101] 3, writer[100] 3",
		"* is still open in what the program leaves behind\n",
		"still running: reader[101]\n",
		"stops: 9; calls served 3, passed 2; calls injected 1, parked 0, kicked 0; signals 0, events 0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestStatsOfNothing(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	NewStats(b.Kernel, b.now).Render(&out, Stops{}, nil)
	if !strings.HasPrefix(out.String(), "no pipe, socketpair or eventfd was made\nstops: 0;") {
		t.Errorf("got %s", out.String())
	}
}

func TestStatsOfMany(t *testing.T) {
	b := newBench(t)
	s := NewStats(b.Kernel, b.now)
	b.layers = emulate.Stack{s}
	task := b.Root(100)
	for range maxRows + 20 {
		b.call(task, unix.SYS_PIPE2, 0x1000, 0)
	}
	var out bytes.Buffer
	s.Render(&out, Stops{}, nil)
	if got := strings.Count(out.String(), "\n"); got != maxRows+3 {
		t.Errorf("%d lines", got)
	}
	if !strings.Contains(out.String(), "20 others") {
		t.Errorf("the rest is missing in\n%s", out.String())
	}
}

func TestOpen(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "log")
	var stderr bytes.Buffer
	layers, r, err := Open(Config{Log: file, Verbose: true, Stats: true, Now: b.now, Kernel: b.Kernel, Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	b.layers = layers
	b.session()
	if err := r.Finish(Stops{}, nil); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(raw, []byte("\n")); n != 6 || bytes.Contains(raw, []byte("sluice: ")) {
		t.Errorf("%d lines in the file:\n%s", n, raw)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "sluice: ") {
			t.Errorf("a line of stderr without a name: %q", line)
		}
	}
	if n := strings.Count(stderr.String(), "\n"); n != 6+3 {
		t.Errorf("%d lines on stderr:\n%s", n, stderr.String())
	}
}

func TestOpenNothing(t *testing.T) {
	layers, r, err := Open(Config{})
	if err != nil || len(layers) != 0 || r.Flush() != nil {
		t.Errorf("%v, %v", layers, err)
	}
}

func TestOpenFails(t *testing.T) {
	if _, _, err := Open(Config{Log: t.TempDir(), Now: func() int64 { return 0 }}); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory as log: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, unix.ENOSPC }

// A log that does not reach its file is an error; one on a stderr that is gone is not.
func TestWriteFails(t *testing.T) {
	for _, live := range []bool{false, true} {
		t.Run(fmt.Sprint("live ", live), func(t *testing.T) {
			b := newBench(t)
			l := NewLog(full{}, b.now)
			l.Live = live
			b.layers = emulate.Stack{l}
			b.session()
			if err := l.Flush(); errors.Is(err, unix.ENOSPC) == live {
				t.Errorf("Flush said %v", err)
			}
		})
	}
}
