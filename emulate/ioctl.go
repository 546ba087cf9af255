package emulate

import "golang.org/x/sys/unix"

// The ioctls that a pipe and a socket know; any other is the placeholder's to refuse.
const (
	fionread   = unix.TIOCINQ // also SIOCINQ
	fionbio    = 0x5421
	fioasync   = 0x5452
	fioclex    = 0x5451
	fionclex   = 0x5450
	siocoutq   = unix.TIOCOUTQ
	siocatmark = 0x8905
)

var ioctlCmds = []uint32{fionread, fionbio, fioasync, fioclex, fionclex, siocoutq, siocatmark}

// A counter is an object that FIONREAD and SIOCOUTQ can ask: -1 is "no such ioctl here".
type counter interface {
	inq() int
	outq() int
	atMark() int
}

func (k *Kernel) ioctl(c *Call) Outcome {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil {
		return Pass()
	}
	count := func(n int) Outcome {
		if n < 0 {
			return Pass()
		}
		if e := c.put32(c.Args[2], n); e != 0 {
			return Fail(e)
		}
		return Done(0)
	}
	obj, counts := f.ops.(counter)
	switch uint32(c.Args[1]) {
	case fionread:
		if counts {
			return count(obj.inq())
		}
	case siocoutq:
		if counts {
			return count(obj.outq())
		}
	case siocatmark:
		if counts {
			return count(obj.atMark())
		}
	case fioclex, fionclex:
		s := c.Task.Files.slots[c.Arg(0)]
		s.cloexec = uint32(c.Args[1]) == fioclex
		c.Task.Files.slots[c.Arg(0)] = s
	case fionbio, fioasync:
		return Hear()
	}
	return Pass()
}

func (k *Kernel) sawIoctl(c *Call, ret int64) {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil || ret < 0 {
		return
	}
	bit := unix.O_NONBLOCK
	if uint32(c.Args[1]) == fioasync {
		bit = unix.O_ASYNC
	}
	if on, e := c.get32(c.Args[2]); e == 0 {
		flags := f.Flags &^ bit
		if on != 0 {
			flags |= bit
		}
		f.setFlags(flags, c.Arg(0))
	}
}
