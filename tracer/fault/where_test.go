package fault

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

func TestWhere(t *testing.T) {
	for rule, want := range map[string]string{
		"%read:dir=read:error=EIO:chan=pipe:1": "EIO 1 1 1",
		"read:error=EIO:chan=pipe:2":           "1 EIO 1 1",
		"read:error=EIO:chan=pair:1.b":         "1 1 EIO 1",
		"read:error=EIO:chan=pair":             "1 1 EIO 1",
		"read:error=EIO:exe=prog":              "EIO EIO EIO EIO",
		"read:error=EIO:exe=/bin/other":        "EIO EIO EIO EIO",
		"read:error=EIO:exe=other":             "EIO EIO EIO EIO",
		"read:error=EIO:exe=nobody":            "1 1 1 1",
		"read:error=EIO:pid=100":               "EIO EIO EIO EIO",
		"read:error=EIO:pid=101":               "1 1 1 1",
		"read:error=EIO:nth-process=1":         "EIO EIO EIO EIO",
		"read:error=EIO:nth-process=2":         "1 1 1 1",
		"read:error=EIO:match=^b$":             "1 EIO 1 1",
		"read:error=EIO:op=2":                  "1 1 1 1",
		"read:error=EIO:when=2":                "1 EIO 1 1",
		"read:error=EIO:bytes=1":               "1 1 1 1",
		"read:error=EIO:bytes=0":               "EIO EIO EIO EIO",
		"read:error=EIO:after=1s":              "1 1 1 1",
		"read:error=EIO:chan=eventfd":          "1 1 1 1",
	} {
		b, a := set(t, rule)
		b.proc.exe = "/bin/other"
		r1, w1 := a.Pipe(0)
		r2, w2 := a.Pipe(0)
		x, y := a.Pair(unix.SOCK_STREAM)
		fd := a.Open("dddd", emulate.In)
		for fd, s := range map[int]string{w1: "a", w2: "b", x: "c"} {
			a.Call(unix.SYS_WRITEV, uint64(fd), a.Mem.Lay(a.Mem.Lay(s), uint64(1)), 1)
		}
		got := fmt.Sprint(a.Read(r1, 1).Result(), " ", a.Read(r2, 1).Result(), " ", a.Read(y, 1).Result(), " ", a.Read(fd, 1).Result())
		if got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

func TestAfter(t *testing.T) {
	b, a := set(t, "write:error=EIO:after=1s")
	_, w := a.Pipe(0)
	expect(t, a.Write(w, "x").Result(), "1")
	b.Sleep(1e9)
	expect(t, a.Write(w, "x").Result(), "EIO")
}

// The same seed makes the same choices, another one others.
func TestSeed(t *testing.T) {
	run := func(seed uint64) string {
		b, a := set(t, "write:error=EIO:prob=0.3", "read:short=random")
		b.Seed = seed
		b.Layer = New(b.Config)
		b.Sim.Layers = emulate.Stack{b.Layer}
		r, w := a.Pipe(0)
		out := ""
		for range 40 {
			out += a.Write(w, "abcdefgh").Result() + " "
			if a.State(r) == "IN" {
				out += a.Read(r, 5).Result() + " "
			}
		}
		return out
	}
	if first, again := run(1), run(1); first != again {
		t.Error("the same seed makes another run")
	}
	if run(1) == run(2) {
		t.Error("another seed makes the same run")
	}
	if got := run(1); !strings.Contains(got, "EIO") || !strings.Contains(got, " 8 ") || !strings.Contains(got, " 1 ") {
		t.Errorf("chance does nothing: %s", got)
	}
}

func TestNeverFired(t *testing.T) {
	b, a := set(t, "write:error=EIO:when=9", "splice:error=EIO", "read:eagain", "write:eintr:when=1")
	r, w := a.Pipe(0)
	a.Write(w, "x")
	a.Read(r, 1)
	b.said = nil
	b.Finish()
	expect(t, strings.Join(b.said, "\n"), `the rule "write:error=EIO:when=9" never fired: the calls that it is about (1) gave no occasion
the rule "splice:error=EIO" never fired: it met no call that it is about
the rule "read:eagain" never fired: of the calls that it is about (1) it could be carried out on none whose turn it was`)
}
