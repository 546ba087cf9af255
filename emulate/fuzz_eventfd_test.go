package emulate_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// An eventfd and a semaphore, a pipe to splice them with, and an epoll that watches.
const (
	evA = first + 6
	evB = first + 7
)

var eventfds = []int{evA, evB}

func FuzzEventfd(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) { counters(t, &feed{b}) })
}

func TestEventfdsAsTheKernel(t *testing.T) {
	for seed := range uint64(rounds(t)) {
		counters(t, random(seed, 9000))
	}
}

func counters(t testing.TB, f *feed) {
	d := newDuet(t)
	defer d.close()
	d.openEventfd(evA, pick[uint32](f, 0, 0, 1, 7, 1<<32-1), 0)
	d.openEventfd(evB, pick[uint32](f, 0, 3), unix.EFD_SEMAPHORE)
	d.openPipe(f, pipeB)
	d.openEpoll(epoll)
	for len(f.b) > 0 {
		d.eventfdOp(f)
		d.poll(eventfds)
	}
}

// openEventfd makes an eventfd at fd.
func (d *duet) openEventfd(fd int, count uint32, flags int) {
	n, err := unix.Eventfd(uint(count), flags|unix.EFD_NONBLOCK)
	must(d.t, err)
	must(d.t, unix.Dup3(n, fd, 0))
	unix.Close(n)
	m := d.task.Eventfd(count, flags|unix.EFD_NONBLOCK)
	d.task.Call(unix.SYS_DUP3, uint64(m), uint64(fd), 0)
	d.task.Close(m)
	d.fds = append(d.fds, fd)
}

func (d *duet) eventfdOp(f *feed) {
	fd := uint64(pick(f, evA, evA, evB))
	const most = ^uint64(0)
	n := pick[uint64](f, 0, 1, 1, 2, 3, uint64(f.word()), most-1, most-2, most, 1<<63, 1<<32)
	size := pick[uint64](f, 8, 8, 8, 8, 8, 7, 9, 16, 0, 1000)
	switch op := f.byte() % 48; {
	case op < 12:
		d.call("write", unix.SYS_WRITE, fd, d.lay(n, n), size)
	case op < 22:
		d.call("read", unix.SYS_READ, fd, d.span(f, 8, false), size)
	case op < 24:
		at := pick[uint64](f, 0, d.base+locked, d.base+constant, d.base+locked-3)
		d.call("at a bad place", pick(f, unix.SYS_READ, unix.SYS_WRITE), fd, at, size)
	case op < 28:
		at, count := d.eights(f, n)
		d.call("writev", unix.SYS_WRITEV, fd, at, count)
	case op < 30:
		at, count := d.iovecs(f, op == 28)
		d.call("vector", pick(f, unix.SYS_READV, unix.SYS_WRITEV), fd, at, count)
	case op < 31:
		at, count := d.eights(f, n)
		d.call("pwritev2", unix.SYS_PWRITEV2, fd, at, count, pick(f, most, most, 0), 0, pick[uint64](f, 0, 1, 4, 8, 16, 48, 0x40))
	case op < 33:
		at, count := d.iovecs(f, false)
		d.call("preadv2", unix.SYS_PREADV2, fd, at, count, pick(f, most, most, 0), 0, pick[uint64](f, 0, 1, 4, 8, 16, 48, 0x40, 0x100))
	case op < 34:
		flags := pick[uint64](f, unix.O_NONBLOCK, unix.O_NONBLOCK|unix.O_DIRECT, unix.O_NONBLOCK|unix.O_APPEND)
		d.call("F_SETFL", unix.SYS_FCNTL, fd, unix.F_SETFL, flags)
		d.call("F_SETPIPE_SZ", unix.SYS_FCNTL, fd, unix.F_SETPIPE_SZ, 4096)
		d.call("ioctl", unix.SYS_IOCTL, fd, pick[uint64](f, unix.TIOCINQ, unix.TIOCOUTQ, siocatmark), d.base)
	case op < 36:
		d.crossing(f, fd)
	case op < 38:
		d.selecting(f, eventfds)
	default:
		d.epollOp(f, eventfds)
	}
}

// eights lays out a few buffers with numbers, one of them not always of the right size.
func (d *duet) eights(f *feed, n uint64) (addr, count uint64) {
	numbers := d.lay(n, uint64(1), n)
	var v []any
	for i := range uint64(f.byte()) % 5 {
		v = append(v, numbers+i%3*8, pick[uint64](f, 8, 8, 8, 8, 0, 4, 9))
	}
	return d.lay(v...), uint64(len(v) / 2)
}

// crossing splices with a pipe, which is refused.
func (d *duet) crossing(f *feed, fd uint64) {
	const r, w = pipeB, pipeB + 1
	switch f.byte() % 8 {
	case 0:
		d.call("write", unix.SYS_WRITE, w, d.span(f, 9, true), 9)
	case 1:
		d.call("splice out", unix.SYS_SPLICE, fd, 0, w, 0, 8, 0)
	case 2:
		d.call("splice in", unix.SYS_SPLICE, r, 0, fd, 0, 8, 0)
	case 3:
		d.call("tee", unix.SYS_TEE, r, fd, 8, 0)
	case 4:
		d.call("tee out", unix.SYS_TEE, fd, w, 8, 0)
	case 5:
		d.call("sendfile out", unix.SYS_SENDFILE, w, fd, 0, uint64(f.byte()%2))
	case 6:
		d.call("read", unix.SYS_READ, r, d.span(f, 5, false), 5)
	case 7:
		n := 8 * emutest.PageSize
		d.call("write", unix.SYS_WRITE, w, d.span(f, n, true), uint64(n))
	}
}
