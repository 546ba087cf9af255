package emutest

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A splice from a socket that fetches descriptors must not keep the socket's other readers waiting because the pipe
// was filled meanwhile.
func TestSpliceIsOvertaken(t *testing.T) {
	s, a := New()
	s.Pipes = 1
	b, c := a.Clone(thread), a.Clone(thread)
	x, y := a.Pair(unix.SOCK_STREAM)
	r, w := a.Pipe(0)
	a.Sendmsg(x, Msg{Data: "with", FDs: []int{1}}, 0)
	a.Write(x, "without")
	a.Write(w, strings.Repeat("-", 4096))
	moved := b.Call(unix.SYS_SPLICE, uint64(y), 0, uint64(w), 0, 100, 0)
	full := c.Write(w, strings.Repeat("+", 4096))
	if !moved.Blocked() || !full.Blocked() {
		t.Fatalf("they do not wait: %s, %s", moved.Result(), full.Result())
	}
	a.Read(r, 4096)
	if moved.Result() != "4" || full.Result() != "4096" {
		t.Errorf("splice %s, write %s", moved.Result(), full.Result())
	}
	if got := a.Recv(y, 10, unix.MSG_DONTWAIT).Text(); got != "without" {
		t.Errorf("another reader gets %q", got)
	}
}
