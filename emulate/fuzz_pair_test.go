package emulate_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// One socketpair, and an epoll that watches its ends.
const (
	pairX = first
	pairY = first + 1
)

var pairEnds = []int{pairX, pairY}

func FuzzStream(f *testing.F)    { fuzzPairs(f, unix.SOCK_STREAM) }
func FuzzSeqpacket(f *testing.F) { fuzzPairs(f, unix.SOCK_SEQPACKET) }
func FuzzDgram(f *testing.F)     { fuzzPairs(f, unix.SOCK_DGRAM) }

func fuzzPairs(f *testing.F, typ int) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) { pairs(t, &feed{b}, typ) })
}

func TestStreamsAsTheKernel(t *testing.T)    { testPairs(t, unix.SOCK_STREAM) }
func TestSeqpacketsAsTheKernel(t *testing.T) { testPairs(t, unix.SOCK_SEQPACKET) }
func TestDgramsAsTheKernel(t *testing.T)     { testPairs(t, unix.SOCK_DGRAM) }

func testPairs(t *testing.T, typ int) {
	for seed := range uint64(rounds(t)) {
		pairs(t, random(seed, 9000), typ)
	}
}

func pairs(t testing.TB, f *feed, typ int) {
	d := newDuet(t)
	defer d.close()
	d.openPair(typ)
	d.openPipe(f, pipeB)
	d.openEpoll(epoll)
	polls := f.chance(128)
	d.packets = typ != unix.SOCK_STREAM
	d.urgent, d.names = typ != unix.SOCK_STREAM || f.chance(128), typ == unix.SOCK_STREAM || f.chance(128)
	for len(f.b) > 0 {
		d.pairOp(f, typ)
		for _, fd := range pairEnds {
			if d.packets || !d.urgent {
				// Linux 6.18 counts an urgent byte that a read passed over for ever (manage_oob leaves inq_len alone).
				d.count(fd, unix.TIOCINQ)
			}
			d.count(fd, unix.TIOCOUTQ)
			d.count(fd, siocatmark)
		}
		if polls {
			d.poll(pairEnds)
		}
	}
}

const siocatmark = 0x8905

func (d *duet) openPair(typ int) {
	d.open(unix.SYS_SOCKETPAIR, pairX, unix.AF_UNIX, uint64(typ|unix.SOCK_NONBLOCK), 0, here)
}

func (d *duet) pairOp(f *feed, typ int) {
	fd := uint64(pick(f, pairX, pairX, pairX, pairY))
	other := uint64(pairX + pairY - int(fd))
	n := f.size()
	switch op := f.byte() % 88; {
	case op < 8:
		d.call("write", unix.SYS_WRITE, fd, d.span(f, n, true), uint64(n))
	case op < 16:
		d.call("read", unix.SYS_READ, other, d.span(f, n, false), uint64(n))
	case op < 24:
		d.call("send", unix.SYS_SENDTO, fd, d.span(f, n, true), uint64(n), d.sendFlags(f), 0, 0)
	case op < 34:
		from, length := uint64(0), uint64(0)
		if d.names && f.chance(40) {
			from, length = d.lay(make([]byte, 8)), d.lay(uint32(8))
		}
		d.call("recv", unix.SYS_RECVFROM, other, d.span(f, n, false), uint64(n), d.recvFlags(f), from, length)
	case op < 37:
		at, count := d.iovecs(f, true)
		d.call("writev", unix.SYS_WRITEV, fd, at, count)
	case op < 40:
		at, count := d.iovecs(f, false)
		d.call("readv", unix.SYS_READV, other, at, count)
	case op < 43:
		d.call("sendmsg", unix.SYS_SENDMSG, fd, d.message(f, true), d.sendFlags(f))
	case op < 47:
		d.call("recvmsg", unix.SYS_RECVMSG, other, d.message(f, false), d.recvFlags(f))
	case op < 50:
		at, count := d.messages(f, true)
		d.call("sendmmsg", unix.SYS_SENDMMSG, fd, at, count, d.sendFlags(f))
	case op < 53:
		at, count := d.messages(f, false)
		d.call("recvmmsg", unix.SYS_RECVMMSG, other, at, count, d.recvFlags(f)|pick[uint64](f, 0, unix.MSG_WAITFORONE), 0)
	case op < 56:
		d.refill(f)
	case op < 58:
		d.call("sendto an address", unix.SYS_SENDTO, fd, d.span(f, n, true), uint64(n), 0, d.lay(uint16(unix.AF_UNIX)), pick[uint64](f, 0, 1<<31, 200))
	case op < 63:
		d.option(f, pick(f, fd, other))
	case op < 65:
		at := d.lay(uint32(0), pick[uint32](f, 4, 2, 0, 1<<31))
		d.call("SO_ERROR", unix.SYS_GETSOCKOPT, pick(f, fd, other), unix.SOL_SOCKET, unix.SO_ERROR, at, at+4)
	case op < 67:
		d.selecting(f, pairEnds)
	case op < 77:
		d.epollOp(f, pairEnds)
	case op < 78:
		at, count := d.iovecs(f, op&1 != 0)
		d.call("preadv2", pick(f, unix.SYS_PREADV2, unix.SYS_PWRITEV2), fd, at, count, pick(f, ^uint64(0), 0), 0, pick[uint64](f, 0, 1, 8, 16, 0x40))
	case op < 79:
		if f.chance(60) {
			d.call("shutdown", unix.SYS_SHUTDOWN, fd, pick[uint64](f, 0, 1, 1, 2, 3))
		}
	case op < 82:
		d.splicing(f, fd)
	case op < 85:
		n = min(n, 8*emutest.PageSize)
		d.call("write", unix.SYS_WRITE, pipeB+1, d.span(f, n, true), uint64(n))
	case op < 87:
		d.call("read", unix.SYS_READ, pipeB, d.span(f, n, false), uint64(n))
	case f.chance(100):
		d.parting(f, typ)
	}
}

func (d *duet) sendFlags(f *feed) uint64 {
	flags := pick[uint64](f, 0, 0, 0, unix.MSG_DONTWAIT, unix.MSG_NOSIGNAL, unix.MSG_OOB, unix.MSG_OOB, unix.MSG_EOR, unix.MSG_MORE)
	if flags == unix.MSG_OOB && !d.urgent {
		return 0
	}
	return flags
}

func (d *duet) recvFlags(f *feed) uint64 {
	flags := pick[uint64](f, 0, 0, 0, unix.MSG_PEEK, unix.MSG_PEEK, unix.MSG_TRUNC, unix.MSG_WAITALL, unix.MSG_OOB)
	return flags | pick[uint64](f, 0, 0, unix.MSG_PEEK, unix.MSG_DONTWAIT, unix.MSG_TRUNC, unix.MSG_CMSG_CLOEXEC)
}

// header is a struct msghdr with a few buffers, and room for a name and for control messages at times.
func (d *duet) header(f *feed, in bool) []any {
	iov, count := d.iovecs(f, in)
	name, control := uint64(0), uint64(0)
	var namelen uint32
	room := 0
	switch f.byte() % 8 {
	case 0:
		if d.names {
			name, namelen = d.lay(make([]byte, 8)), 8
		}
	case 1:
		name, namelen = d.lay(make([]byte, 8)), 1<<31
	case 2:
		count = pick[uint64](f, 0, 1025)
	}
	if in && namelen == 8 {
		name = 0 // to nobody else
	}
	if f.chance(150) {
		room = int(pick(f, 0, 8, 16, 20, 28, 31, 32, 100))
		control = d.lay(make([]byte, room))
		if in {
			control, room = d.ownName(f)
		}
	}
	if !in {
		at := max(control, d.base) - d.base
		d.scribbles = append(d.scribbles, d.fake[at:at+uint64(room)], d.real[at:at+uint64(room)])
	}
	return []any{name, namelen, uint32(0), iov, count, control, uint64(room), uint32(0), uint32(0)}
}

// ownName is a control message with the name of this process, or with something that the kernel refuses.
func (d *duet) ownName(f *feed) (uint64, int) {
	t := d.task
	level, kind, size := uint32(unix.SOL_SOCKET), uint32(unix.SCM_CREDENTIALS), uint64(28)
	switch f.byte() % 8 {
	case 0:
		level = unix.SOL_UDP
	case 1:
		kind = 77
	case 2:
		size = pick[uint64](f, 0, 15, 27, 29, 64)
	}
	return d.lay(size, level, kind, uint32(t.Pid), t.Uid, t.Gid, uint32(0)), 32
}

func (d *duet) message(f *feed, in bool) uint64 {
	if f.chance(3) {
		return d.base + locked - 8
	}
	return d.lay(d.header(f, in)...)
}

func (d *duet) messages(f *feed, in bool) (at, count uint64) {
	count = uint64(f.byte() % 4)
	var v []any
	for range count {
		v = append(append(v, d.header(f, in)...), uint32(0xeeeeeeee), uint32(0))
	}
	return d.lay(v...), count
}

// option sets one of the options that matter.
func (d *duet) option(f *feed, fd uint64) {
	name := pick(f, unix.SO_SNDBUF, unix.SO_SNDBUF, unix.SO_RCVLOWAT, unix.SO_PASSCRED, unix.SO_PASSCRED, unix.SO_PEEK_OFF, unix.SO_OOBINLINE)
	value := pick[uint32](f, 0, 1, 1, 3, 5000)
	switch name {
	case unix.SO_SNDBUF:
		value = pick[uint32](f, 0, 1000, 4608, 5122, 5124, 10000, 106496, 1<<30, 1<<31)
	case unix.SO_PASSCRED:
		if d.packets && d.names {
			return // who sends packets with it gets a name (unix_autobind), which the model does not give
		}
	case unix.SO_PEEK_OFF:
		value = pick(f, 0, 1, 100, ^uint32(0))
	}
	d.call("setsockopt", unix.SYS_SETSOCKOPT, fd, unix.SOL_SOCKET, uint64(name), d.lay(value), 4)
}

// splicing moves bytes between a socket and the pipe. What came from a socket is read at once: how many slots it takes
// depends on where in the kernel's pages it lies (net/core/skbuff.c: linear_to_page).
func (d *duet) splicing(f *feed, fd uint64) {
	n := uint64(f.size())
	flags := 2 | pick[uint64](f, 0, 1, 4)
	if f.chance(128) {
		d.call("splice to", unix.SYS_SPLICE, pipeB, 0, fd, 0, n, flags)
		return
	}
	drain := func() { d.call("drain", unix.SYS_READ, pipeB, d.base+locked/2, 65536) }
	for drain(); d.inPipe() > 0; {
		drain()
	}
	d.call("splice from", unix.SYS_SPLICE, fd, 0, pipeB+1, 0, min(n, 3000), flags)
	for d.inPipe() > 0 {
		drain()
	}
}

// inPipe is how many bytes lie in the pipe.
func (d *duet) inPipe() int {
	n, err := unix.IoctlGetInt(pipeB, unix.TIOCINQ)
	must(d.t, err)
	return n
}

// parting closes an end, or makes a new pair of one that lost an end.
func (d *duet) parting(f *feed, typ int) {
	if d.isOpen(pairX) && d.isOpen(pairY) {
		d.closing(pick(f, pairX, pairY))
		return
	}
	d.closing(pairX)
	d.closing(pairY)
	d.openPair(typ)
}
