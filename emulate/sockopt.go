package emulate

import (
	"math"

	"golang.org/x/sys/unix"
)

// Options of sockets. Each is set on the placeholder too, which judges values and tells them again; the model
// keeps those that change what it does. What changes it in ways that are not modelled gives the pair back.

// Options that x/sys does not name, or names by another value (include/uapi/asm-generic/socket.h).
const (
	soRcvtimeoNew = 66
	soSndtimeoNew = 67
	soInq         = 84
)

// exotic are options that add something to every message or take messages away.
var exotic = map[int]string{
	unix.SO_PASSSEC:          "SO_PASSSEC",
	unix.SO_PASSPIDFD:        "SO_PASSPIDFD",
	unix.SO_TIMESTAMP:        "SO_TIMESTAMP",
	unix.SO_TIMESTAMPNS:      "SO_TIMESTAMPNS",
	unix.SO_TIMESTAMPING:     "SO_TIMESTAMPING",
	unix.SO_TIMESTAMP_NEW:    "SO_TIMESTAMP",
	unix.SO_TIMESTAMPNS_NEW:  "SO_TIMESTAMPNS",
	unix.SO_TIMESTAMPING_NEW: "SO_TIMESTAMPING",
	unix.SO_ATTACH_FILTER:    "SO_ATTACH_FILTER",
	unix.SO_ATTACH_BPF:       "SO_ATTACH_BPF",
	soInq:                    "SO_INQ",
}

func (k *Kernel) setsockopt(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil || c.Arg(1) != unix.SOL_SOCKET {
		return Pass()
	}
	name := c.Arg(2)
	if what, ok := exotic[name]; ok {
		if on, e := c.get32(c.Args[3]); e == 0 && on != 0 {
			k.Host.Demote(f, what)
		}
		return Pass()
	}
	if name == unix.SO_PEEK_OFF {
		// The placeholder's own is for the twins of messages (rights.go: fetch).
		n, e := c.get32(c.Args[3])
		switch {
		case c.Arg(4) < 4:
			return Fail(unix.EINVAL)
		case e != 0:
			return Fail(e)
		}
		s.peekOff = n
		return Done(0)
	}
	switch name {
	case unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO, soRcvtimeoNew, soSndtimeoNew,
		unix.SO_RCVLOWAT, unix.SO_PASSCRED, unix.SO_OOBINLINE:
		return Hear()
	}
	return Pass()
}

// sawSetsockopt is sk_setsockopt for the options that matter.
func (k *Kernel) sawSetsockopt(c *Call, ret int64) {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil || ret != 0 {
		return
	}
	s, ok := f.ops.(*Socket)
	if !ok {
		return
	}
	n, e := c.get32(c.Args[3])
	if e != 0 {
		return
	}
	switch c.Arg(2) {
	case unix.SO_SNDBUF:
		s.setSndbuf(k, int(min(uint32(n), uint32(k.Host.Sysctl("net/core/wmem_max", 212992)))))
	case unix.SO_SNDBUFFORCE:
		s.setSndbuf(k, max(n, 0))
	case unix.SO_RCVTIMEO, soRcvtimeoNew:
		s.rcvtimeo = c.sockTimeout()
	case unix.SO_SNDTIMEO, soSndtimeoNew:
		s.sndtimeo = c.sockTimeout()
	case unix.SO_RCVLOWAT:
		if s.lowat = n; n < 0 {
			s.lowat = math.MaxInt32
		} else if n == 0 {
			s.lowat = 1
		}
	case unix.SO_PASSCRED:
		s.passcred = n != 0
	case unix.SO_OOBINLINE:
		s.inline = n != 0
	}
}

func (s *Socket) setSndbuf(k *Kernel, n int) {
	const least = 4608 // SOCK_MIN_SNDBUF
	s.sndbuf = max(min(n, math.MaxInt32/2)*2, least)
	if s.writable() {
		k.wake(&s.wq, Out|WrNorm|WrBand)
	}
}

// sockTimeout is sock_set_timeout: nothing means for ever, a negative time not at all.
func (c *Call) sockTimeout() int64 {
	var raw [16]byte
	if c.get(raw[:], c.Args[3]) != 0 {
		return 0
	}
	sec, usec := int64(le64(raw[:])), int64(le64(raw[8:]))
	switch {
	case sec < 0:
		return -1
	case sec > 1<<32:
		return 0
	}
	return sec*second + usec*1e3
}

// getsockopt: the model knows the pending error, and how far SO_PEEK_OFF came; all else is as it was set on the placeholder.
func (k *Kernel) getsockopt(c *Call) Outcome {
	_, s := k.socket(c)
	if s == nil || c.Arg(1) != unix.SOL_SOCKET || c.Arg(2) != unix.SO_ERROR && c.Arg(2) != unix.SO_PEEK_OFF {
		return Pass()
	}
	n, e := c.get32(c.Args[4])
	if e != 0 {
		return Fail(e)
	}
	if n < 0 {
		return Fail(unix.EINVAL)
	}
	n = min(n, 4)
	var raw [4]byte
	if c.Arg(2) == unix.SO_PEEK_OFF {
		put32(raw[:], uint32(int32(s.peekOff)))
	} else {
		put32(raw[:], uint32(s.takeError()))
	}
	if e := c.put(c.Args[3], raw[:n]); e != 0 {
		return Fail(e)
	}
	if e := c.put32(c.Args[4], n); e != 0 {
		return Fail(e)
	}
	return Done(0)
}
