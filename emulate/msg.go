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

// giveName is move_addr_to_user: the length is true even where the name is cut.
func (c *Call) giveName(addr, length uint64, name []byte) unix.Errno {
	n, e := c.get32(length)
	switch {
	case e != 0:
		return e
	case n < 0:
		return unix.EINVAL
	}
	if e := c.put32(length, len(name)); e != 0 {
		return e
	}
	return c.put(addr, name[:min(n, len(name))])
}

// A header is struct msghdr.
type header struct {
	at, name, iov, iovlen, control, controllen uint64
	namelen                                    int
}

// header reads and checks one (copy_msghdr_from_user). Who sends has the address read, too.
func (c *Call) header(at uint64, send bool) (h header, e unix.Errno) {
	var raw [msghdrSize]byte
	if e := c.get(raw[:], at); e != 0 {
		return h, e
	}
	h = header{at: at, name: le64(raw[:]), iov: le64(raw[msgIov:]), iovlen: le64(raw[msgIovlen:]),
		control: le64(raw[msgControl:]), controllen: le64(raw[msgControllen:]), namelen: int(int32(le32(raw[8:])))}
	if h.name == 0 {
		h.namelen = 0
	}
	if h.namelen < 0 {
		return h, unix.EINVAL
	}
	if send && h.namelen > 0 {
		if e := c.address(h.name, uint64(min(h.namelen, 128))); e != 0 {
			return h, e
		}
	}
	if h.iovlen > maxMsgs {
		return h, unix.EMSGSIZE
	}
	return h, 0
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

func (k *Kernel) sendmmsg(c *Call) Outcome {
	f, s := k.socket(c)
	count := min(uint64(uint32(c.Args[2])), maxMsgs)
	if s == nil {
		if f == nil && k.outside(c) {
			for i := range count {
				k.leaving(c, c.Args[1]+i*mmsghdrSize)
			}
		}
		return Pass()
	}
	for uint64(c.Step) < count {
		at := c.Args[1] + uint64(c.Step)*mmsghdrSize
		o := k.sendOne(c, f, s, at, c.msgFlags(f, c.Args[3]))
		switch {
		case o.Kind == KindBlock:
			if c.Moved = c.Step; c.out.moved > 0 {
				c.Moved++
			}
			return o
		case o.Kind != KindDone:
			return o
		case o.Ret < 0 && c.Step == 0:
			return o
		case o.Ret < 0:
			return Done(c.Step).Raising(o.Signal)
		}
		k.alight(c)
		c.out = nil
		if e := c.put32(at+msghdrSize, int(o.Ret)); e != 0 {
			if c.Step == 0 {
				return Fail(e)
			}
			break
		}
		c.Step++
		if k.vec.Len() > 0 { // __sys_sendmmsg: a short one is the last
			break
		}
	}
	return Done(c.Step)
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

// cutShort writes the headers of a message that a signal cut short: its bytes count, and nothing goes with them
// (unix_stream_read_generic: scm_destroy).
func (k *Kernel) cutShort(c *Call) unix.Errno {
	at := c.Args[1]
	switch c.Sys.Nr {
	case unix.SYS_RECVFROM:
		if c.Args[4] != 0 {
			return c.giveName(c.Args[4], c.Args[5], nil)
		}
		return 0
	case unix.SYS_SENDMMSG, unix.SYS_RECVMMSG:
		at += uint64(c.Step) * mmsghdrSize
	case unix.SYS_RECVMSG:
	default:
		return 0
	}
	if m := c.out; m != nil && m.moved > 0 {
		c.put32(at+msghdrSize, m.moved)
	}
	m := c.in
	if m == nil || m.moved == 0 {
		return 0
	}
	h, e := c.header(at, false)
	if e == 0 {
		m.bare = true
		e = c.file.ops.(*Socket).answer(c, &h, m)
	}
	if c.Sys.Nr == unix.SYS_RECVMMSG {
		c.put32(at+msghdrSize, m.moved)
		return 0
	}
	return e
}

// answer writes what a message says about itself into its header.
func (s *Socket) answer(c *Call, h *header, m *incoming) unix.Errno {
	used := 0
	switch {
	case m.bare:
	case m.rode != nil:
		used = len(m.control)
		if used > 0 {
			if e := c.put(h.control, m.control); e != 0 {
				used = 0
			}
		}
	case s.passcred && m.flags&unix.MSG_OOB == 0 && (m.told || s.stream()): // the end of packets is no message
		used = s.name4(c, h, m)
	}
	if h.name != 0 {
		if e := c.giveName(h.name, h.at+8, m.name); e != 0 {
			return e
		}
	}
	if e := c.put32(h.at+msgFlagsAt, m.out); e != 0 {
		return e
	}
	var n [8]byte
	put64(n[:], uint64(used))
	return c.put(h.at+msgControllen, n[:])
}

// name4 writes SCM_CREDENTIALS as far as it fits (put_cmsg) and tells how much room it took.
func (s *Socket) name4(c *Call, h *header, m *incoming) int {
	const size = cmsgHeader + 12
	if h.control == 0 || m.room < cmsgHeader {
		m.out |= unix.MSG_CTRUNC
		return 0
	}
	var b [size]byte
	n := size
	if m.room < size {
		m.out |= unix.MSG_CTRUNC
		n = m.room
	}
	put64(b[:], uint64(n))
	put32(b[8:], unix.SOL_SOCKET)
	put32(b[12:], unix.SCM_CREDENTIALS)
	put32(b[16:], uint32(m.cred.pid))
	put32(b[20:], m.cred.uid)
	put32(b[24:], m.cred.gid)
	if c.put(h.control, b[:n]) != 0 {
		return 0
	}
	return min(cmsgAlign(size), m.room)
}

func (k *Kernel) recvmmsg(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	t, first := &timeout{}, c.State == nil
	if first {
		got, ok := k.timespec(c, c.Args[4])
		if !ok {
			return Pass() // EFAULT or EINVAL, says the kernel
		}
		t = &got
		c.State = t
		if e := s.takeError(); e != 0 {
			return Fail(e)
		}
	} else {
		t = c.State.(*timeout)
	}
	count, began := min(uint64(uint32(c.Args[2])), maxMsgs), c.Step
	for uint64(c.Step) < count {
		flags := c.msgFlags(f, c.Args[3]) &^ unix.MSG_WAITFORONE
		if c.Args[3]&unix.MSG_WAITFORONE != 0 && c.Step > 0 {
			flags |= unix.MSG_DONTWAIT
		}
		at := c.Args[1] + uint64(c.Step)*mmsghdrSize
		o := k.recvOne(c, f, s, at, flags)
		switch {
		case o.Kind == KindBlock:
			if c.Moved = c.Step; c.in.moved > 0 {
				c.Moved++
			}
			if c.Step > began {
				k.Requeue(c) // each message is a wait of its own
			}
			return o
		case o.Kind != KindDone:
			return o
		case o.Ret < 0 && c.Step == 0:
			return o
		case o.Ret < 0:
			if e := unix.Errno(-o.Ret); e != unix.EAGAIN {
				s.keep(e)
			}
			count = 0
			continue
		}
		urgent := c.in.out&unix.MSG_OOB != 0
		k.alight(c)
		c.in = nil
		if e := c.put32(at+msghdrSize, int(o.Ret)); e != 0 {
			if c.Step == 0 {
				return Fail(e)
			}
			break
		}
		c.Step++
		if over := t.addr != 0 && k.Now-t.start >= t.sec*second+t.nsec; over || urgent {
			break
		}
	}
	if t.addr != 0 && c.Step > 0 {
		if e := c.put(t.addr, t.bytes(k.Now, false)); e != 0 {
			return Fail(e)
		}
	}
	return Done(c.Step)
}
