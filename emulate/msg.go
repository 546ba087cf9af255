package emulate

import (
	"math"

	"golang.org/x/sys/unix"
)

// The calls of net/socket.c that send and receive. What is not a socket of the model's, or not a socket at all,
// is the kernel's to serve or to refuse.

// maxMsgs is UIO_MAXIOV, the most messages of one call.
const maxMsgs = 1024

// socket is the emulated socket that the call's first argument names.
func (k *Kernel) socket(c *Call) (*File, *Socket) {
	f := k.file(c, 0)
	if f == nil {
		return nil, nil
	}
	s, _ := f.ops.(*Socket)
	return f, s
}

// msgFlags are the caller's, with what the descriptor's O_NONBLOCK adds.
func (c *Call) msgFlags(f *File, flags uint64) int {
	n := int(uint32(flags))
	if c.nonblock(f) {
		n |= unix.MSG_DONTWAIT
	}
	return n
}

func (k *Kernel) sendto(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	v, e := k.span(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	m := outgoing{flags: c.msgFlags(f, c.Args[3]), moved: c.Moved}
	if c.Args[4] != 0 && uint32(c.Args[5]) != 0 {
		if e := c.address(c.Args[4], c.Args[5]); e != 0 {
			return Fail(e)
		}
		if m.named = s.typ != unix.SOCK_SEQPACKET; s.typ == unix.SOCK_DGRAM {
			return Pass() // to somebody else, past this pair
		}
	}
	o := s.send(k, c, f, v, &m)
	if o.Kind == KindBlock {
		c.Moved = m.moved
	}
	return o
}

// span is import_ubuf: a buffer of the program, cut to what one call moves.
func (k *Kernel) span(c *Call, base, n uint64) (*Vec, unix.Errno) {
	n = min(n, maxRW)
	if base > taskMax || n > taskMax-base {
		return nil, efault
	}
	k.vec.reset(c.Mem, base, n)
	return &k.vec, 0
}

// address is move_addr_to_kernel, as far as it can fail.
func (c *Call) address(addr, n uint64) unix.Errno {
	var raw [128]byte // struct sockaddr_storage
	if size := int32(uint32(n)); size < 0 || int(size) > len(raw) {
		return unix.EINVAL
	}
	return c.get(raw[:uint32(n)], addr)
}

func (k *Kernel) recvfrom(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	v, e := k.span(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	m := c.in
	if m == nil {
		m = &k.in
		*m = incoming{flags: c.msgFlags(f, c.Args[3]), moved: c.Moved}
	}
	o := s.plain(k, c, f, v, m)
	if o.Kind == KindDone && o.Ret >= 0 && c.Args[4] != 0 {
		if e := c.giveName(c.Args[4], c.Args[5], m.name); e != 0 {
			return Fail(e)
		}
	}
	return o
}

func (k *Kernel) sendmsg(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		if f == nil && k.outside(c) {
			k.leaving(c, c.Args[1])
		}
		return Pass()
	}
	o := k.sendOne(c, f, s, c.Args[1], c.msgFlags(f, c.Args[2]))
	if o.Kind == KindBlock {
		c.Moved = c.out.moved
	}
	return o
}

// sendOne takes the message at an address a step further (___sys_sendmsg). Its state is in c.out.
func (k *Kernel) sendOne(c *Call, f *File, s *Socket, at uint64, flags int) Outcome {
	h, e := c.header(at, true)
	if e != 0 {
		return Fail(e)
	}
	v, e := k.iovec(c, h.iov, h.iovlen, unix.EMSGSIZE)
	if e != 0 {
		return Fail(e)
	}
	if c.out == nil {
		m := &outgoing{flags: flags, named: h.namelen > 0 && s.typ != unix.SOCK_SEQPACKET}
		c.out = m
		if h.controllen > 0 { // no address is a bad one (____sys_sendmsg)
			if h.controllen > math.MaxInt32 || int(h.controllen) > k.Host.Sysctl("net/core/optmem_max", 131072) {
				return Fail(unix.ENOBUFS)
			}
			m.control = make([]byte, h.controllen)
			if e := c.get(m.control, h.control); e != 0 {
				return Fail(e)
			}
			if s.typ == unix.SOCK_SEQPACKET { // unix_seqpacket_sendmsg looks at it before anything else
				if e := s.takeError(); e != 0 {
					return Fail(e)
				}
			}
			if e := k.scm(c, m); e != 0 {
				return Fail(e)
			}
		}
	}
	if c.out.named && s.typ == unix.SOCK_DGRAM {
		if c.Sys.Nr == unix.SYS_SENDMMSG {
			k.Host.Demote(f, "a datagram to another address")
		}
		k.leaving(c, at)
		return Pass()
	}
	return s.send(k, c, f, v, c.out)
}

func (k *Kernel) recvmsg(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	o := k.recvOne(c, f, s, c.Args[1], c.msgFlags(f, c.Args[2]))
	if o.Kind == KindBlock {
		c.Moved = c.in.moved
	}
	return o
}

// recvOne takes the receipt of the message at an address a step further (___sys_recvmsg). Its state is in c.in.
func (k *Kernel) recvOne(c *Call, f *File, s *Socket, at uint64, flags int) Outcome {
	h, e := c.header(at, false)
	if e != 0 {
		return Fail(e)
	}
	v, e := k.iovec(c, h.iov, h.iovlen, unix.EMSGSIZE)
	if e != 0 {
		return Fail(e)
	}
	if c.in == nil {
		c.in = &incoming{flags: flags, out: flags & unix.MSG_CMSG_CLOEXEC}
		if h.control != 0 {
			c.in.room = int(min(h.controllen, 1<<30))
		}
	}
	o := s.recv(k, c, f, v, c.in)
	if o.Kind == KindDone && o.Ret >= 0 {
		if e := s.answer(c, &h, c.in); e != 0 {
			return Fail(e)
		}
	}
	return o
}
