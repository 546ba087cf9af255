package emulate_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// The model's world.
type modelWorld struct {
	sim  *emutest.Sim
	cast map[string]*emutest.Task
}

func newModelWorld() *modelWorld {
	sim, a := emutest.New()
	return &modelWorld{sim, map[string]*emutest.Task{"A": a}}
}

func (w *modelWorld) task(who string) *emutest.Task {
	if w.cast[who] == nil {
		w.cast[who] = w.cast["A"].Clone(unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_THREAD)
	}
	return w.cast[who]
}

func (w *modelWorld) lay(b []byte) uint64             { return w.cast["A"].Mem.Lay(b) }
func (w *modelWorld) bytes(addr uint64, n int) []byte { return w.cast["A"].Mem.Bytes(addr, n) }
func (w *modelWorld) interrupt(who string, re bool)   { w.task(who).Interrupt(re) }
func (w *modelWorld) sleep(ms int)                    { w.sim.Sleep(int64(ms) * 1e6) }
func (w *modelWorld) log() string                     { return w.sim.Log() }

func (w *modelWorld) begin(who string, nr int, args ...uint64) act {
	return modelAct{w.task(who).Call(nr, args...)}
}

type modelAct struct{ *emutest.Trap }

func (a modelAct) nr() int          { return a.Sys.Nr }
func (a modelAct) arg(i int) uint64 { return a.Args[i] }
func (a modelAct) result(string) (int64, unix.Signal, bool) {
	return a.Ret, a.Signal, !a.Blocked()
}

// The real one: a thread for each player. That a call blocks shows only in that it has not ended after a while.
type realWorld struct {
	t      *testing.T
	memory [][]byte
	cast   map[string]*player
	open   map[int]bool
}

const (
	while   = 25 * time.Millisecond
	forever = 10 * time.Second
)

type player struct {
	tid   int
	calls chan *realAct
}

type realAct struct {
	number int
	args   [6]uint64
	ret    int64
	done   chan struct{}
}

func newRealWorld(t *testing.T) *realWorld {
	signals.Do(prepareSignals)
	return &realWorld{t: t, cast: map[string]*player{}, open: map[int]bool{}}
}

// end closes everything, so that whoever still sleeps wakes up, or is made to.
func (w *realWorld) end() {
	for _, p := range w.cast {
		close(p.calls)
		for range 3 {
			unix.Tgkill(unix.Getpid(), p.tid, unix.SIGUSR2)
		}
	}
	for fd := range w.open {
		unix.Close(fd)
	}
	runtime.KeepAlive(w.memory)
}

func (w *realWorld) player(who string) *player {
	p := w.cast[who]
	if p == nil {
		p = &player{calls: make(chan *realAct)}
		w.cast[who] = p
		ready := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			p.tid = unix.Gettid()
			close(ready)
			for a := range p.calls {
				r, _, e := unix.Syscall6(uintptr(a.number), uintptr(a.args[0]), uintptr(a.args[1]), uintptr(a.args[2]),
					uintptr(a.args[3]), uintptr(a.args[4]), uintptr(a.args[5]))
				if a.ret = int64(r); e != 0 {
					a.ret = -int64(e)
				}
				close(a.done)
			}
		}()
		<-ready
	}
	return p
}

func (w *realWorld) lay(b []byte) uint64 {
	b = append(make([]byte, 0, len(b)+1), b...)
	w.memory = append(w.memory, b)
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

func (w *realWorld) bytes(addr uint64, n int) []byte {
	for _, b := range w.memory {
		if at := addr - uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))); at <= uint64(len(b)) && int(at)+n <= len(b) {
			return b[at:][:n:n]
		}
	}
	w.t.Fatalf("nothing lies at %#x", addr)
	return nil
}

func (w *realWorld) begin(who string, nr int, args ...uint64) act {
	a := &realAct{number: nr, done: make(chan struct{})}
	copy(a.args[:], args)
	w.player(who).calls <- a
	if who == "A" {
		<-a.done // A's own calls end
		w.keep(a)
		time.Sleep(while / 10)
	} else {
		a.enters(w.cast[who].tid)
	}
	return a
}

// enters waits until the call sleeps in the kernel: the order in which calls come to a queue is that of the play.
func (a *realAct) enters(tid int) {
	for range 1000 {
		select {
		case <-a.done:
			return
		case <-time.After(time.Millisecond):
		}
		raw, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		if nr, _, _ := strings.Cut(string(raw), " "); err != nil || nr == strconv.Itoa(a.number) {
			return
		}
	}
}

// keep remembers which descriptors are open: other plays run beside this one in the same table.
func (w *realWorld) keep(a *realAct) {
	if a.ret < 0 {
		return
	}
	switch a.number {
	case unix.SYS_PIPE2, unix.SYS_SOCKETPAIR:
		at := a.args[0]
		if a.number == unix.SYS_SOCKETPAIR {
			at = a.args[3]
		}
		b := w.bytes(at, 8)
		w.open[int(b[0])|int(b[1])<<8], w.open[int(b[4])|int(b[5])<<8] = true, true
	case unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2, unix.SYS_DUP:
		w.open[int(a.ret)] = true
	case unix.SYS_CLOSE:
		delete(w.open, int(a.args[0]))
	}
}

func (a *realAct) nr() int          { return a.number }
func (a *realAct) arg(i int) uint64 { return a.args[i] }
func (a *realAct) result(want string) (int64, unix.Signal, bool) {
	limit := forever
	if want == "blocked" {
		limit = while
	}
	select {
	case <-a.done:
		return a.ret, 0, true
	case <-time.After(limit):
		return 0, 0, false
	}
}

func (w *realWorld) interrupt(who string, restart bool) {
	sig := unix.SIGUSR2
	if restart {
		sig = unix.SIGUSR1
	}
	unix.Tgkill(unix.Getpid(), w.player(who).tid, sig)
}

func (w *realWorld) sleep(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) }
func (w *realWorld) log() string  { return "" }

var signals sync.Once

// prepareSignals gives SIGUSR1 and SIGUSR2 handlers, the second without SA_RESTART: the handler stays Go's own.
func prepareSignals() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGUSR1, unix.SIGUSR2)
	var action struct {
		handler  uintptr
		flags    uint64
		restorer uintptr
		mask     uint64
	}
	const saRestart = 0x10000000
	at := uintptr(unsafe.Pointer(&action))
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGUSR2), 0, at, 8, 0, 0)
	action.flags &^= saRestart
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGUSR2), at, 0, 8, 0, 0)
}
