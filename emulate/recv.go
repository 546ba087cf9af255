package emulate

import "golang.org/x/sys/unix"

// An incoming is one message to receive, and what came of it so far.
type incoming struct {
	flags   int
	moved   int    // bytes of a stream that are in the program's memory
	out     int    // msg_flags to be
	room    int    // bytes of control data that the program takes
	name    []byte // whom the message is from, by address
	cred    cred   // whom the message is from
	told    bool   // cred is set
	bare    bool   // no control data goes with it
	control []byte

	// The kernel's half of a message with descriptors.
	asked        *skb // whose twin is fetched,
	rode         *skb // or was
	again        bool
	hdr, id, ctl *Scratch
}

func (s *Socket) read(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	if v.Len() == 0 {
		return Done(0) // sock_read_iter: before anything is looked at
	}
	m := c.in
	if m == nil {
		m = &k.in
		*m = incoming{moved: c.Moved}
		if nonblock {
			m.flags = unix.MSG_DONTWAIT
		}
	}
	return s.plain(k, c, f, v, m)
}

// plain receives without a header.
func (s *Socket) plain(k *Kernel, c *Call, f *File, v *Vec, m *incoming) Outcome {
	o := s.recv(k, c, f, v, m)
	switch o.Kind {
	case KindBlock:
		c.Moved = m.moved
	case KindAsk:
		if c.in == nil {
			keep := *m
			c.in = &keep
		}
	}
	return o
}

// recv takes a receive a step further.
func (s *Socket) recv(k *Kernel, c *Call, f *File, v *Vec, m *incoming) Outcome {
	c.wakeUp()
	if s.in.call != nil && s.in.call != c {
		o, _ := k.board(c, f, &s.in) // another reader is in the middle of a message with descriptors
		return o
	}
	if s.stream() {
		return s.recvStream(k, c, f, v, m)
	}
	return s.recvPacket(k, c, f, v, m)
}

// recvStream is unix_stream_read_generic.
func (s *Socket) recvStream(k *Kernel, c *Call, f *File, v *Vec, m *incoming) Outcome {
	if m.flags&unix.MSG_OOB != 0 {
		return s.recvUrgent(k, v, m)
	}
	size := v.Len()
	target := size
	if m.flags&unix.MSG_WAITALL == 0 {
		target = min(s.lowat, size)
	}
	target = max(target, 1)
	peek, began := m.flags&unix.MSG_PEEK != 0, s.peekOff
	skip := 0
	if peek {
		m.moved, m.told = 0, false // nothing was taken: an attempt begins anew
		skip = max(s.peekOff, 0)
	}
	v.Skip(m.moved)
	size -= m.moved
	b, e := s.queue.first, unix.Errno(0)
	for {
		if b != nil {
			if b = s.manageOOB(k, b, peek, m.moved > 0); b == nil && m.moved > 0 {
				break
			}
		}
		for b != nil && skip >= b.len() {
			skip -= b.len()
			b = b.next
		}
		if b == nil {
			if m.moved >= target {
				break
			}
			if !s.asleep(c) {
				if e = s.takeError(); e != 0 || s.shut&rcvShutdown != 0 {
					break
				}
			}
			if m.flags&unix.MSG_DONTWAIT != 0 || s.rcvtimeo < 0 && !c.Blocked() || c.Expired {
				e = unix.EAGAIN
				break
			}
			k.pin(c, f)
			s.waitdata++
			c.dozing = s
			return Block(s.waits(k, c, In|Pri|RdNorm|RdBand, s.rcvtimeo, c.Blocked()))
		}
		if m.told {
			if b.cred != m.cred { // messages of different senders are not mixed
				break
			}
		} else if s.passcred {
			m.cred, m.told = b.cred, true
		}
		n := min(b.len()-skip, size)
		if got, _ := v.Out(b.data[b.off+skip:][:n]); got < n {
			if m.moved == 0 {
				e = efault
			}
			break
		}
		if o, ok := s.collect(k, c, f, m, b); !ok { // not before the bytes are through
			s.peekOff = began
			return o
		}
		m.moved += n
		size -= n
		if peek {
			if s.peekOff >= 0 {
				s.peekOff += n
			}
			if m.rode == b {
				break
			}
			skip = 0
			if b = b.next; b == nil { // a peek goes on though there is no room left, and meets marks and descriptors
				break
			}
			continue
		}
		b.off += n
		s.inql -= n
		s.rewindPeek(n)
		if b.len() > 0 {
			break
		}
		s.queue.unlink(b)
		k.free(b)
		if m.rode == b || size == 0 {
			break
		}
		b = s.queue.first
	}
	if m.moved > 0 {
		return Done(m.moved)
	}
	if e != 0 {
		return Fail(e)
	}
	return Done(0)
}

// rewindPeek is sk_peek_offset_bwd.
func (s *Socket) rewindPeek(n int) {
	if s.peekOff > 0 {
		s.peekOff = max(0, s.peekOff-n)
	}
}

// manageOOB passes over the byte of MSG_OOB and over the marks where one was (manage_oob).
func (s *Socket) manageOOB(k *Kernel, b *skb, peek, copied bool) *skb {
	if b.len() > 0 && b != s.oob {
		return b
	}
	if b.len() == 0 {
		switch {
		case copied && (s.oob == nil || b == s.oob):
			return nil
		case peek:
			b = b.next
		default:
			mark := b
			b = b.next
			s.queue.unlink(mark)
			k.free(mark)
		}
		if b == nil {
			return nil
		}
	}
	if b != s.oob {
		return b
	}
	switch {
	case copied:
		return nil
	case !peek:
		s.oob = nil
		if !s.inline {
			s.queue.unlink(b)
			k.free(b)
			b = s.queue.first
		}
	case !s.inline:
		b = b.next
	}
	return b
}

// recvUrgent is unix_stream_recv_urg.
func (s *Socket) recvUrgent(k *Kernel, v *Vec, m *incoming) Outcome {
	b := s.oob
	if s.inline || b == nil {
		return Fail(unix.EINVAL)
	}
	peek := m.flags&unix.MSG_PEEK != 0
	if !peek {
		s.oob = nil
		s.inql--
		if p := b.prev; p != nil && p.len() == 0 {
			s.queue.unlink(p)
			k.free(p)
		}
	}
	n := min(1, v.Len())
	got, _ := v.Out(b.data[b.off:][:n])
	if !peek {
		b.off++ // it stays in the queue as a mark
	}
	if got < n {
		return Fail(efault)
	}
	m.out |= unix.MSG_OOB
	return Done(1)
}

// recvPacket is __unix_dgram_recvmsg.
func (s *Socket) recvPacket(k *Kernel, c *Call, f *File, v *Vec, m *incoming) Outcome {
	if m.flags&unix.MSG_OOB != 0 {
		return Fail(unix.EOPNOTSUPP)
	}
	if m.asked == nil && m.rode == nil && !s.asleep(c) { // an error that its own descriptors made, when they were closed, is for the next call
		if e := s.takeError(); e != 0 {
			return Fail(e)
		}
	}
	peek := m.flags&unix.MSG_PEEK != 0
	b, skip := s.queue.first, 0
	if peek && s.peekOff >= 0 {
		for skip = s.peekOff; b != nil && skip >= b.len() && (skip > 0 || b.peeked); b = b.next {
			skip -= b.len()
		}
	}
	if b == nil {
		gone := s.shut&rcvShutdown != 0
		if m.flags&unix.MSG_DONTWAIT != 0 || s.rcvtimeo < 0 && !c.Blocked() || c.Expired {
			if gone && s.typ == unix.SOCK_SEQPACKET {
				return Done(0)
			}
			return Fail(unix.EAGAIN)
		}
		if gone {
			return Done(0)
		}
		k.pin(c, f)
		w := s.waits(k, c, In|RdNorm, s.rcvtimeo, c.Blocked())
		w.Exclusive = true
		return Block(w)
	}
	b.peeked = b.peeked || peek && b.len() == 0
	m.name = b.from.bound
	n := min(b.len()-skip, v.Len())
	if n < b.len()-skip {
		m.out |= unix.MSG_TRUNC
	}
	got, _ := v.Out(b.data[skip:][:n])
	if got < n {
		m.room = 0 // its descriptors are lost with it
	}
	if got == n || !peek {
		if o, ok := s.collect(k, c, f, m, b); !ok {
			return o
		}
	}
	if !peek { // also when it could not be stored: the message is lost then
		s.queue.unlink(b)
		k.free(b)
	}
	switch {
	case got < n:
		return Fail(efault)
	case !peek:
		s.rewindPeek(len(b.data))
	case s.peekOff >= 0:
		s.peekOff += n
	}
	m.cred, m.told = b.cred, true
	if m.flags&unix.MSG_TRUNC != 0 {
		return Done(b.len() - skip)
	}
	return Done(n)
}

// peeks tells whether a sleeping call looks for a message without taking it.
func (c *Call) peeks() bool {
	switch c.Sys.Nr {
	case unix.SYS_RECVMSG:
		return c.Args[2]&unix.MSG_PEEK != 0
	case unix.SYS_RECVFROM, unix.SYS_RECVMMSG:
		return c.Args[3]&unix.MSG_PEEK != 0
	}
	return false
}
