package emulate_test

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Two pipes, and an epoll that watches their ends.
const (
	pipeA = first
	pipeB = first + 2
	epoll = first + 4
)

var pipeEnds = []int{pipeA, pipeA + 1, pipeB, pipeB + 1}

func FuzzPipe(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) { pipes(t, &feed{b}) })
}

// A few thousand random operations, the same at every run.
func TestPipesAsTheKernel(t *testing.T) {
	for seed := range uint64(rounds(t)) {
		pipes(t, random(seed, 12000))
	}
}

func pipes(t testing.TB, f *feed) {
	d := newDuet(t)
	defer d.close()
	d.openPipe(f, pipeA)
	d.openPipe(f, pipeB)
	d.openEpoll(epoll)
	polls := f.chance(128) // a pipe that was polled once announces every write from then on
	for len(f.b) > 0 {
		d.pipeOp(f)
		for _, fd := range pipeEnds {
			d.count(fd, unix.TIOCINQ)
		}
		if polls {
			d.poll(pipeEnds)
		}
	}
}

func (d *duet) openPipe(f *feed, fd int) {
	d.open(unix.SYS_PIPE2, fd, here, uint64(pick(f, 0, 0, 0, unix.O_DIRECT)|unix.O_NONBLOCK))
}

func (d *duet) pipeOp(f *feed) {
	p := pick(f, pipeA, pipeA, pipeA, pipeB)
	r, w := uint64(p), uint64(p+1)
	n := f.size()
	switch op := f.byte() % 64; {
	case op < 14:
		d.call("write", unix.SYS_WRITE, w, d.span(f, n, true), uint64(n))
	case op < 26:
		d.call("read", unix.SYS_READ, r, d.span(f, n, false), uint64(n))
	case op < 29:
		at, count := d.iovecs(f, true)
		d.call("writev", unix.SYS_WRITEV, w, at, count)
	case op < 32:
		at, count := d.iovecs(f, false)
		d.call("readv", unix.SYS_READV, r, at, count)
	case op < 34:
		at, count := d.iovecs(f, true)
		d.call("pwritev2", unix.SYS_PWRITEV2, w, at, count, pick(f, ^uint64(0), ^uint64(0), 0), 0, pick[uint64](f, 0, 1, 4, 8, 16, 32, 48, 0x40))
	case op < 36:
		at, count := d.iovecs(f, false)
		d.call("preadv2", unix.SYS_PREADV2, r, at, count, pick(f, ^uint64(0), ^uint64(0), 0), 0, pick[uint64](f, 0, 1, 4, 8, 2, 0x40))
	case op < 39:
		d.refill(f)
	case op < 42:
		d.call("F_SETPIPE_SZ", unix.SYS_FCNTL, pick(f, r, w), unix.F_SETPIPE_SZ, pick[uint64](f, 0, 1, 4096, 4097, 8192, 16384, 30000, 65536, 131072, 1<<32, 1<<31+1))
	case op < 44:
		flags := pick[uint64](f, unix.O_NONBLOCK, unix.O_NONBLOCK|unix.O_DIRECT, unix.O_NONBLOCK|unix.O_APPEND)
		d.call("F_SETFL", unix.SYS_FCNTL, pick(f, r, w, w), unix.F_SETFL, flags)
	case op < 48:
		d.moves(f, r, w)
	case op < 50:
		d.call("wrong end", pick(f, unix.SYS_READ, unix.SYS_WRITE), pick(f, r, w), d.span(f, n, true), uint64(n))
	case op < 51:
		d.call("ioctl", unix.SYS_IOCTL, pick(f, r, w), pick[uint64](f, unix.TIOCINQ, unix.TIOCOUTQ, 0x8905), d.base+uint64(pick(f, locked, constant-2, structs+64)))
	case op < 53:
		d.selecting(f, pipeEnds)
	case op < 62:
		d.epollOp(f, pipeEnds)
	case f.chance(100):
		d.ending(f, p)
	}
}

// moves is a splice, a tee or a vmsplice. What vmsplice takes lies where nothing is written later: the kernel does
// not copy it.
func (d *duet) moves(f *feed, r, w uint64) {
	n := uint64(f.size())
	other := uint64(pipeB + 1)
	if r == pipeB {
		other = pipeA + 1
	}
	flags := pick[uint64](f, 0, 1, 2, 4, 16)
	switch f.byte() % 4 {
	case 0:
		d.call("splice", unix.SYS_SPLICE, r, 0, pick(f, other, other, other, w), 0, n, flags)
	case 1:
		d.call("tee", unix.SYS_TEE, r, pick(f, other, other, other, w), n, flags)
	case 2:
		n = min(n, 4000)
		at := d.lay(d.base+constant+uint64(f.byte()%90), n)
		d.call("vmsplice", unix.SYS_VMSPLICE, w, at, 1, flags|2)
	case 3:
		at, count := d.iovecs(f, false)
		d.call("vmsplice", unix.SYS_VMSPLICE, r, at, count, flags|2)
	}
}

// ending closes an end, or makes a new pipe of one that lost an end.
func (d *duet) ending(f *feed, p int) {
	if d.isOpen(p) && d.isOpen(p+1) {
		d.closing(p + int(f.byte()%2))
		return
	}
	d.closing(p)
	d.closing(p + 1)
	d.openPipe(f, p)
}

func (d *duet) isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// epollOp adds, changes and removes interests, or waits for nothing.
func (d *duet) epollOp(f *feed, fds []int) {
	const et = 1 << 31
	if f.chance(140) {
		room := pick[uint64](f, 1, 2, 3, 8)
		at := d.span(f, int(12*room), false)
		if off := at - d.base; off < locked && off+12*room > locked {
			at = d.base + locked - 12*(room-1) // the kernel stores an event in two parts, each wholly or not at all
		}
		switch f.byte() % 4 {
		case 0:
			d.call("epoll_pwait2", unix.SYS_EPOLL_PWAIT2, epoll, at, room, d.lay(uint64(0), uint64(0)), 0)
		default:
			d.call("epoll_wait", unix.SYS_EPOLL_WAIT, epoll, at, room, 0)
		}
		return
	}
	fd := uint64(pick(f, fds...))
	events := pick[uint32](f, unix.EPOLLIN, unix.EPOLLOUT, unix.EPOLLIN|unix.EPOLLOUT, 0, unix.EPOLLIN|unix.EPOLLRDHUP, unix.EPOLLPRI)
	events |= pick[uint32](f, 0, 0, et, et, unix.EPOLLONESHOT, et|unix.EPOLLONESHOT, unix.EPOLLEXCLUSIVE, unix.EPOLLEXCLUSIVE|et)
	at := d.lay(events, uint64(f.byte()))
	if f.chance(3) {
		at = d.base + locked
	}
	op := pick[uint64](f, unix.EPOLL_CTL_ADD, unix.EPOLL_CTL_ADD, unix.EPOLL_CTL_MOD, unix.EPOLL_CTL_MOD, unix.EPOLL_CTL_DEL, 9)
	d.call("epoll_ctl", unix.SYS_EPOLL_CTL, epoll, op, fd, at)
}
