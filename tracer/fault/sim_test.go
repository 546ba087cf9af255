package fault

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// A bench is a machine with rules, and what they say.
type bench struct {
	*emutest.Sim
	*Layer
	said []string
	proc *proc
}

// proc is what a test lets the rules know of tasks.
type proc struct {
	handles bool
	exe     string
	flags   int
	file    int // the descriptor of a file on a disk
}

func (p *proc) Exe(int) string             { return p.exe }
func (p *proc) Handles(int) bool           { return p.handles }
func (p *proc) Regular(_, fd int) bool     { return fd == p.file && fd != 0 }
func (p *proc) Flags(int, int) (int, bool) { return p.flags, true }

const thread = unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_THREAD | unix.CLONE_SIGHAND

func set(t *testing.T, rules ...string) (*bench, *emutest.Task) {
	t.Helper()
	s, a := emutest.New()
	b := &bench{Sim: s, proc: &proc{handles: true}}
	var list []*Rule
	for _, text := range rules {
		list = append(list, parse(t, text))
	}
	b.Layer = New(Config{Rules: list, Seed: 1, Now: func() int64 { return s.K.Now }, Kernel: s.K, Proc: b.proc,
		Say: func(what string) { b.said = append(b.said, what) }})
	s.Layers = emulate.Stack{b.Layer}
	a.Name = "prog"
	return b, a
}

// results makes calls and joins what they gave.
func results(n int, call func() *emutest.Trap) string {
	var out []string
	for range n {
		out = append(out, call().Result())
	}
	return strings.Join(out, " ")
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func (b *bench) hears(t *testing.T, part string) {
	t.Helper()
	if !strings.Contains(strings.Join(b.said, "\n"), part) {
		t.Errorf("nobody said %q, but %q", part, b.said)
	}
}

func TestErrorByCount(t *testing.T) {
	_, a := set(t, "write:error=EIO:when=2..4+2")
	_, w := a.Pipe(0)
	b := a.Clone(thread)
	expect(t, results(5, func() *emutest.Trap { return a.Write(w, "x") }), "1 EIO 1 EIO 1")
	expect(t, results(2, func() *emutest.Trap { return b.Write(w, "x") }), "1 EIO") // each thread counts for itself
}

func TestErrorPassed(t *testing.T) {
	_, a := set(t, "read:error=EIO:chan=stdin:when=2", "dup:error=EMFILE")
	fd := a.Open("abcdef", emulate.In)
	expect(t, results(3, func() *emutest.Trap { return a.Read(fd, 1) }), "1 1 1")
	expect(t, results(1, func() *emutest.Trap { return a.Call(unix.SYS_DUP, uint64(fd)) }), "EMFILE")
}

func TestBrokenPipeComesWithItsSignal(t *testing.T) {
	_, a := set(t, "write,sendto:error=EPIPE")
	_, w := a.Pipe(0)
	expect(t, a.Write(w, "x").Result(), "EPIPE SIGPIPE")
	x, _ := a.Pair(unix.SOCK_STREAM)
	expect(t, a.Call(unix.SYS_SENDTO, uint64(x), a.Mem.Lay("x"), 1, unix.MSG_NOSIGNAL, 0, 0).Result(), "EPIPE")
}

func TestRetvalSignalKill(t *testing.T) {
	_, a := set(t, "read:retval=3:unsound:when=1", "write:signal=USR1:when=1", "write:kill:when=2")
	r, w := a.Pipe(0)
	expect(t, a.Read(r, 10).Result(), "3")
	b := a.Clone(0)
	expect(t, b.Write(w, "x").Result(), "1")
	expect(t, fmt.Sprint(b.Sent), fmt.Sprint([]unix.Signal{unix.SIGUSR1}))
	b.Write(w, "y")
	expect(t, a.Read(r, 10).Text(), "x")
}

func TestDelays(t *testing.T) {
	b, a := set(t, "write:delay_enter=1ms:delay_exit=2ms")
	r, w := a.Pipe(0)
	c := a.Clone(thread)
	tr := c.Write(w, "x")
	expect(t, tr.Result()+a.State(r), "blocked0")
	b.Sleep(1e6)
	expect(t, tr.Result()+a.State(r), "blockedIN")
	b.Sleep(2e6)
	expect(t, tr.Result(), "1")
}

// stall keeps everybody from a channel, not only the call that it met.
func TestStall(t *testing.T) {
	b, a := set(t, "write:stall=5ms:when=2")
	r, w := a.Pipe(0)
	c := a.Clone(thread)
	a.Write(w, "a")
	c.Write(w, "b")
	c2 := c
	_ = c2
	d := a.Clone(thread)
	a.Write(w, "c")
	tr := d.Read(r, 10)
	expect(t, tr.Result(), "blocked")
	b.Sleep(5e6)
	expect(t, tr.Text(), "abc")
}

func TestShort(t *testing.T) {
	b, a := set(t, "%read:dir=read:short=2", "%write:short=5000:unsound")
	r, w := a.Pipe(0)
	a.Write(w, "abcde")
	expect(t, a.Read(r, 10).Text()+"|"+a.Read(r, 10).Text()+"|"+a.Read(r, 10).Text(), "ab|cd|e")
	expect(t, a.Write(w, strings.Repeat("x", 8000)).Result(), "5000")
	x, y := a.Pair(unix.SOCK_STREAM)
	a.Write(x, "abc")
	expect(t, a.Recvmsg(y, 10, 0, 0).Msg().Data, "ab")
	fd := a.Open("abcdef", emulate.In)
	expect(t, a.Read(fd, 5).Text(), "ab") // Sim's files are sockets
	p, q := a.Pair(unix.SOCK_SEQPACKET)
	a.Write(p, "abc")
	expect(t, a.Read(q, 10).Text(), "abc")
	b.hears(t, "a message is not cut")
}

// What ends before its bound was not made short.
func TestShortOnlyWhereItShows(t *testing.T) {
	b, a := set(t, "read:short=5")
	r, w := a.Pipe(0)
	a.Write(w, "abc")
	tr := a.Read(r, 10)
	if tr.Also.Injected {
		t.Error("a read of all that there was is said to be injected")
	}
	b.Finish()
	b.hears(t, "never fired")
}

func TestShortWritesStaySound(t *testing.T) {
	b, a := set(t, "write:short=1")
	_, w := a.Pipe(0)
	expect(t, a.Write(w, strings.Repeat("x", 4096)).Result(), "4096")
	b.hears(t, "PIPE_BUF")
	expect(t, a.Write(w, strings.Repeat("x", 5000)).Result(), "1")
	b.proc.handles = false
	expect(t, a.Write(w, strings.Repeat("x", 5000)).Result(), "5000")
	b.hears(t, "was not carried out on write by prog[100]: a blocking write ends early only when a handler interrupts it, and there is none (:unsound does it all the same)")
	if len(b.said) != 2 {
		t.Errorf("said: %q", b.said)
	}
	r2, w2 := a.Pipe(unix.O_NONBLOCK)
	expect(t, a.Write(w2, strings.Repeat("x", 5000)).Result(), "1")
	ep := a.EpollCreate()
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, r2, emulate.In|1<<31, 1)
	a.EpollCtl(ep, unix.EPOLL_CTL_ADD, w2, emulate.Out|1<<31, 1)
	expect(t, a.Write(w2, strings.Repeat("x", 5000)).Result(), "5000")
	b.hears(t, "EPOLLET")
}

func TestSplitAndCoalesce(t *testing.T) {
	b, a := set(t, "read:split:when=1", "read:coalesce=1ms:when=3")
	r, w := a.Pipe(0)
	a.Write(w, "abcde")
	expect(t, a.Read(r, 10).Text()+"|"+a.Read(r, 10).Text(), "abc|de")
	c := a.Clone(thread)
	a.Write(w, "1")
	tr := a.Read(r, 10)
	c.Write(w, "2")
	b.Sleep(1e6)
	expect(t, tr.Text(), "12")
}

func TestEagain(t *testing.T) {
	b, a := set(t, "read:eagain=3:when=2")
	r, w := a.Pipe(unix.O_NONBLOCK)
	a.Write(w, "abcdefgh")
	expect(t, results(6, func() *emutest.Trap { return a.Read(r, 1) }), "1 EAGAIN EAGAIN EAGAIN 1 1")
	_, e := set(t, "read:eagain=2") // storms with calls between them
	r, w = e.Pipe(unix.O_NONBLOCK)
	e.Write(w, "abcdefgh")
	expect(t, results(6, func() *emutest.Trap { return e.Read(r, 1) }), "EAGAIN EAGAIN 1 EAGAIN EAGAIN 1")
	r, w = a.Pipe(0)
	a.Write(w, "abc")
	c := a.Clone(0)
	expect(t, results(2, func() *emutest.Trap { return c.Read(r, 1) }), "1 1")
	b.hears(t, "a call on a blocking descriptor waits instead of EAGAIN")
}

func TestEintr(t *testing.T) {
	b, a := set(t, "read,poll:eintr")
	r, w := a.Pipe(0)
	a.Write(w, "abc")
	expect(t, a.Read(r, 1).Result(), "EINTR")
	expect(t, a.Poll(-1, emutest.Poll{FD: r, Events: emulate.In}).Result(), "EINTR")
	expect(t, a.Poll(0, emutest.Poll{FD: r, Events: emulate.In}).Result(), "1")
	a.Fcntl(r, unix.F_SETFL, unix.O_NONBLOCK)
	expect(t, a.Read(r, 1).Result(), "1")
	b.hears(t, "a call that does not wait is not interrupted")
	a.Fcntl(r, unix.F_SETFL, 0)
	b.proc.handles = false
	expect(t, a.Read(r, 1).Result(), "1")
	b.hears(t, "no signal interrupts who has no handler")
}

func TestFilesOnDisk(t *testing.T) {
	b, a := set(t, "read:short=1", "read:eintr", "read:eagain")
	b.proc.flags = unix.O_NONBLOCK
	b.proc.file = a.Open("abcdef", emulate.In)
	expect(t, a.Read(b.proc.file, 3).Text(), "abc")
	b.hears(t, "gives less only at its end")
	b.hears(t, "does not make anybody wait")
	b.hears(t, "is always ready")
}

func TestCapacity(t *testing.T) {
	b, a := set(t, "pipe2:capacity=1:when=2")
	_, w1 := a.Pipe(unix.O_NONBLOCK)
	_, w2 := a.Pipe(unix.O_NONBLOCK)
	big := strings.Repeat("x", 100000)
	expect(t, a.Write(w1, big).Result()+" "+a.Write(w2, big).Result(), "65536 4096")
	b.Finish()
	if len(b.said) != 0 {
		t.Errorf("said: %q", b.said)
	}
	_, c := set(t, "pipe2:capacity=2:chan=pipe:2")
	_, w1 = c.Pipe(unix.O_NONBLOCK)
	_, w2 = c.Pipe(unix.O_NONBLOCK)
	expect(t, c.Write(w1, big).Result()+" "+c.Write(w2, big).Result(), "65536 8192")
}

func TestCloseAtAByte(t *testing.T) {
	_, a := set(t, "read:bytes=4:close:chan=pipe")
	r, w := a.Pipe(0)
	a.Write(w, "abcdefgh")
	expect(t, a.Read(r, 3).Text()+"|"+a.Read(r, 9).Text()+"|"+a.Read(r, 9).Result()+"|"+a.State(r), "abc|d|0|HUP")
	expect(t, a.Write(w, "x").Result(), "EPIPE SIGPIPE")

	_, a = set(t, "write:bytes=6000:close")
	r, w = a.Pipe(0)
	expect(t, a.Write(w, strings.Repeat("x", 5000)).Result(), "5000")
	expect(t, a.Write(w, strings.Repeat("x", 5000)).Result(), "1000")
	expect(t, a.Write(w, "x").Result(), "EPIPE SIGPIPE")
	expect(t, a.Read(r, 9999).Result()+" "+a.Read(r, 9).Result(), "6000 0")

	// A write of no more than PIPE_BUF bytes is not divided, so the writer ends before it.
	_, a = set(t, "write:bytes=4:close")
	r, w = a.Pipe(0)
	expect(t, a.Write(w, "abc").Result()+" "+a.Write(w, "def").Result(), "3 EPIPE SIGPIPE")
	expect(t, a.Read(r, 9).Text()+a.Read(r, 9).Result(), "abc0")
}

func TestReset(t *testing.T) {
	b, a := set(t, "recvfrom:reset:when=2", "write:reset:when=1", "write:chan=pair:close:when=3")
	_, w := a.Pipe(0)
	expect(t, a.Write(w, "x").Result(), "1")
	b.hears(t, "pipe:1 has no connection that could be reset")
	x, y := a.Pair(unix.SOCK_STREAM)
	a.Write(x, "abcdef")
	expect(t, a.Recv(y, 2, 0).Text()+" "+a.Recv(y, 2, 0).Result()+" "+a.Recv(y, 2, 0).Result(), "ab ECONNRESET 0")
	expect(t, a.Write(x, "x").Result(), "EPIPE SIGPIPE")
}

func TestCorrupt(t *testing.T) {
	_, a := set(t, "write,writev:corrupt=0x20:bytes=2..4:unsound", "recvmsg:corrupt=1:unsound")
	r, w := a.Pipe(0)
	at := a.Mem.Lay("abc")
	a.Call(unix.SYS_WRITE, uint64(w), at, 3)
	expect(t, string(a.Mem.Bytes(at, 3)), "abc") // the writer's own memory stays
	iov := a.Mem.Lay(a.Mem.Lay("d"), uint64(1), a.Mem.Lay("efg"), uint64(3))
	a.Call(unix.SYS_WRITEV, uint64(w), iov, 2)
	expect(t, a.Read(r, 10).Text(), "abCDEfg")
	x, y := a.Pair(unix.SOCK_STREAM)
	a.Call(unix.SYS_SENDTO, uint64(x), a.Mem.Lay("abc"), 3, 0, 0, 0)
	expect(t, a.Recvmsg(y, 10, 0, 0).Msg().Data, "`cb")
	_, a = set(t, "read:corrupt=0x20:bytes=2..:unsound")
	fd := a.Open("abcdef", emulate.In)
	expect(t, a.Read(fd, 4).Text()+a.Read(fd, 4).Text(), "abCDEF")
}

func TestAstray(t *testing.T) {
	b, a := set(t, "write:drop:when=2:unsound", "write:dup:when=3:unsound", "write:reorder:when=4:unsound")
	x, y := a.Pair(unix.SOCK_DGRAM)
	for _, m := range []string{"1", "2", "3", "4"} {
		expect(t, a.Write(x, m).Result(), "1")
	}
	got := ""
	for range 4 {
		got += a.Read(y, 9).Text()
	}
	expect(t, got+a.State(y), "1343OUT")
	_, w := a.Pipe(0)
	c := a.Clone(0)
	results(4, func() *emutest.Trap { return c.Write(w, "x") })
	b.hears(t, "only datagrams")
}
