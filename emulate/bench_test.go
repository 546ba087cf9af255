package emulate_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// What the model itself costs, without a tracer: each call as the tracer makes it, in a Call that is used again.

// A bench is a task that makes the same calls over and over.
type bench struct {
	k    *emulate.Kernel
	task *emutest.Task
	call emulate.Call
}

func newBench() *bench {
	s, a := emutest.New()
	s.Quiet = true
	return &bench{k: s.K, task: a}
}

func (b *bench) do(nr int, args ...uint64) int64 {
	b.call = emulate.Call{Task: b.task.Task, Sys: emulate.ByNr(uint64(nr)), Mem: b.task.Mem}
	copy(b.call.Args[:], args)
	o := b.k.Do(&b.call)
	b.k.Settle(nil, nil)
	if o.Kind != emulate.KindDone {
		panic("not done")
	}
	return o.Ret
}

func BenchmarkPipe(b *testing.B) { benchmarkPipe(b, 1) }

func BenchmarkPipe64K(b *testing.B) { benchmarkPipe(b, 65536) }

// benchmarkPipe is a write and a read of n bytes.
func benchmarkPipe(b *testing.B, n int) {
	x := newBench()
	r, w := x.task.Pipe(0)
	at := x.task.Mem.Room(n)
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		x.do(unix.SYS_WRITE, uint64(w), at, uint64(n))
		x.do(unix.SYS_READ, uint64(r), at, uint64(n))
	}
}

// A write with a reader asleep: the waiting, the waking, the result.
func BenchmarkPipeWake(b *testing.B) {
	x := newBench()
	r, w := x.task.Pipe(0)
	at := x.task.Mem.Room(8)
	var reader emulate.Call
	ended := func(*emulate.Call, emulate.Outcome) {}
	b.ReportAllocs()
	for b.Loop() {
		reader = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_READ), Mem: x.task.Mem, Args: [6]uint64{uint64(r), at, 8}}
		x.k.Do(&reader)
		x.call = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_WRITE), Mem: x.task.Mem, Args: [6]uint64{uint64(w), at, 8}}
		x.k.Do(&x.call)
		x.k.Settle(ended, nil)
	}
}

func BenchmarkStream(b *testing.B) { benchmarkPair(b, unix.SOCK_STREAM) }
func BenchmarkDgram(b *testing.B)  { benchmarkPair(b, unix.SOCK_DGRAM) }

func benchmarkPair(b *testing.B, typ int) {
	x := newBench()
	c, d := x.task.Pair(typ)
	at := x.task.Mem.Room(64)
	b.ReportAllocs()
	for b.Loop() {
		x.do(unix.SYS_SENDTO, uint64(c), at, 64, 0, 0, 0)
		x.do(unix.SYS_RECVFROM, uint64(d), at, 64, 0, 0, 0)
	}
}

// A poll on two descriptors, one of them ready.
func BenchmarkPoll(b *testing.B) {
	x := newBench()
	r, w := x.task.Pipe(0)
	at := x.task.Mem.Lay(uint32(r), uint16(unix.POLLIN), uint16(0), uint32(w), uint16(unix.POLLOUT), uint16(0))
	b.ReportAllocs()
	for b.Loop() {
		x.do(unix.SYS_POLL, at, 2, ^uint64(0))
	}
}

// A poll on two descriptors that has to wait, and the write that ends it.
func BenchmarkPollWake(b *testing.B) {
	x := newBench()
	r, w := x.task.Pipe(0)
	s, _ := x.task.Pipe(0)
	at := x.task.Mem.Lay(uint32(r), uint16(unix.POLLIN), uint16(0), uint32(s), uint16(unix.POLLIN), uint16(0))
	buf := x.task.Mem.Room(8)
	var poller emulate.Call
	ended := func(*emulate.Call, emulate.Outcome) {}
	b.ReportAllocs()
	for b.Loop() {
		poller = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_POLL), Mem: x.task.Mem, Args: [6]uint64{at, 2, ^uint64(0)}}
		x.k.Do(&poller)
		x.call = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_WRITE), Mem: x.task.Mem, Args: [6]uint64{uint64(w), buf, 8}}
		x.k.Do(&x.call)
		x.k.Settle(ended, nil)
		x.do(unix.SYS_READ, uint64(r), buf, 8)
	}
}

// An epoll_wait with one event, level-triggered.
func BenchmarkEpollWait(b *testing.B) {
	x := newBench()
	r, w := x.task.Pipe(0)
	e := x.task.EpollCreate()
	x.task.EpollCtl(e, unix.EPOLL_CTL_ADD, r, emulate.In, 1)
	x.task.Write(w, "x")
	at := x.task.Mem.Room(12 * 8)
	b.ReportAllocs()
	for b.Loop() {
		x.do(unix.SYS_EPOLL_WAIT, uint64(e), at, 8, ^uint64(0))
	}
}

// A sleeper in epoll_wait, and the write that wakes it.
func BenchmarkEpollWake(b *testing.B) {
	x := newBench()
	r, w := x.task.Pipe(0)
	e := x.task.EpollCreate()
	x.task.EpollCtl(e, unix.EPOLL_CTL_ADD, r, emulate.In, 1)
	at, buf := x.task.Mem.Room(12*8), x.task.Mem.Room(8)
	var sleeper emulate.Call
	ended := func(*emulate.Call, emulate.Outcome) {}
	b.ReportAllocs()
	for b.Loop() {
		sleeper = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_EPOLL_WAIT), Mem: x.task.Mem, Args: [6]uint64{uint64(e), at, 8, ^uint64(0)}}
		x.k.Do(&sleeper)
		x.call = emulate.Call{Task: x.task.Task, Sys: emulate.ByNr(unix.SYS_WRITE), Mem: x.task.Mem, Args: [6]uint64{uint64(w), buf, 8}}
		x.k.Do(&x.call)
		x.k.Settle(ended, nil)
		x.do(unix.SYS_READ, uint64(r), buf, 8)
	}
}
