package emulate

import "golang.org/x/sys/unix"

// What struct msghdr says of a message, and what a receipt writes into it.

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
