package emulate

import "golang.org/x/sys/unix"

// An outgoing is one message to send, and how far it is.
type outgoing struct {
	flags   int
	moved   int // bytes that are on their way
	named   bool
	cred    *cred  // as SCM_CREDENTIALS has it
	control []byte // with SCM_RIGHTS in it: for the placeholder
	rights  []*File
	many    int    // how many descriptors there are
	rode    bool   // they are through, or belong to bytes that are
	fresh   bool   // the skb to come is another than the one that the call slept for
	rider   uint64 // the number of their twin
}

func (s *Socket) write(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	m := outgoing{moved: c.Moved}
	if nonblock {
		m.flags = unix.MSG_DONTWAIT
	}
	o := s.send(k, c, f, v, &m)
	if o.Kind == KindBlock {
		c.Moved = m.moved
	}
	return o
}

// send takes a message a step further: it may block, or ask the kernel to carry the descriptors.
func (s *Socket) send(k *Kernel, c *Call, f *File, v *Vec, m *outgoing) Outcome {
	if s.stream() {
		return s.sendStream(k, c, f, v, m)
	}
	return s.sendPacket(k, c, f, v, m)
}

// sendStream is unix_stream_sendmsg.
func (s *Socket) sendStream(k *Kernel, c *Call, f *File, v *Vec, m *outgoing) Outcome {
	n := v.Len()
	v.Skip(m.moved)
	urgent := m.flags&unix.MSG_OOB != 0
	if urgent {
		if n == 0 {
			return Fail(unix.EOPNOTSUPP)
		}
		n--
	}
	if m.named {
		return Fail(unix.EISCONN)
	}
	if s.shut&sendShutdown != 0 && !c.Blocked() && !m.rode {
		return s.broken(m)
	}
	for m.moved < n || urgent {
		size, truth := s.streamPiece(n - m.moved)
		if m.moved == n {
			size, truth = 1, truesize(1, 0)
		}
		if o, ok := s.admit(k, c, f, m); !ok {
			return o
		}
		b := &skb{data: make([]byte, size), truesize: truth, from: s}
		if got, e := v.In(b.data); got < size {
			k.room(s)
			return m.so(Fail(e))
		}
		p := s.peer
		if p == nil || p.dead || p.shut&rcvShutdown != 0 {
			k.room(s)
			if m.moved == n && urgent {
				return m.so(Fail(unix.EPIPE))
			}
			return s.broken(m)
		}
		if o, ok := s.carry(k, c, f, m); !ok { // last, when nothing else can fail: a twin cannot be taken back
			return o
		}
		b.cred = k.maybeCred(c, s, m.cred)
		m.load(b)
		if m.moved == n {
			urgent = false
			p.oob = b
			k.Host.Raise(p.file, Pri) // sk_send_sigurg, which needs no O_ASYNC
		}
		k.deliver(p, b)
		m.moved += size
		m.fresh = true
	}
	return Done(m.moved)
}

// sendPacket is unix_dgram_sendmsg, and unix_seqpacket_sendmsg before it.
func (s *Socket) sendPacket(k *Kernel, c *Call, f *File, v *Vec, m *outgoing) Outcome {
	n := v.Len()
	if s.typ == unix.SOCK_SEQPACKET {
		if e := s.takeError(); e != 0 {
			return Fail(e)
		}
	}
	if m.flags&unix.MSG_OOB != 0 {
		return Fail(unix.EOPNOTSUPP)
	}
	if s.passcred && s.bound == nil {
		s.bound = k.Host.Autobind(f)
	}
	if n > s.sndbuf-32 {
		return Fail(unix.EMSGSIZE)
	}
	if o, ok := s.admit(k, c, f, m); !ok {
		return o
	}
	b := &skb{data: make([]byte, n), truesize: packetSize(n), from: s}
	p := s.peer
	got, e := v.In(b.data)
	switch {
	case got < n:
	case p == nil:
		e = unix.ENOTCONN
	case p.dead && s.typ == unix.SOCK_SEQPACKET, !p.dead && p.shut&rcvShutdown != 0:
		e = unix.EPIPE
	case p.dead:
		s.disconnect(k)
		e = unix.ECONNREFUSED
	}
	if e != 0 {
		k.room(s)
		return Fail(e)
	}
	if o, ok := s.carry(k, c, f, m); !ok {
		return o
	}
	b.cred = k.maybeCred(c, s, m.cred)
	m.load(b)
	k.deliver(p, b)
	m.moved = n
	return Done(n)
}

// disconnect is what a datagram socket does that finds its peer gone: it loses what it had not read, too
// (unix_dgram_disconnected).
func (s *Socket) disconnect(k *Kernel) {
	s.peer = nil
	k.Host.Disconnect(s.file)
	for s.queue.first != nil {
		b := s.queue.first
		s.queue.unlink(b)
		k.free(b)
	}
}

// broken is the end of a stream that nobody reads: SIGPIPE only when nothing went out.
func (s *Socket) broken(m *outgoing) Outcome {
	o := m.so(Fail(unix.EPIPE))
	if m.moved == 0 && m.flags&unix.MSG_NOSIGNAL == 0 {
		o = o.Raising(unix.SIGPIPE)
	}
	return o
}

// so is the result of a transfer that ends with o, unless bytes moved before.
func (m *outgoing) so(o Outcome) Outcome {
	if m.moved > 0 {
		return Done(m.moved)
	}
	return o
}

// admit waits for room as sock_alloc_send_pskb does. It reports false with the outcome when the call ends or
// blocks here.
func (s *Socket) admit(k *Kernel, c *Call, f *File, m *outgoing) (Outcome, bool) {
	if m.rider != 0 {
		return Outcome{}, true // the kernel carries its descriptors already: it was admitted before
	}
	if e := s.takeError(); e != 0 {
		return m.so(Fail(e)), false
	}
	if s.shut&sendShutdown != 0 {
		return m.so(Fail(unix.EPIPE)), false
	}
	if s.wmem < s.sndbuf {
		return Outcome{}, true
	}
	s.nospace = true
	sleeping := c.Blocked() && !m.fresh
	if m.flags&unix.MSG_DONTWAIT != 0 || s.sndtimeo < 0 && !sleeping || c.Expired && sleeping {
		return m.so(Fail(unix.EAGAIN)), false
	}
	k.pin(c, f)
	m.fresh, c.Expired = false, false
	return Block(s.waits(k, c, Out|WrNorm|WrBand, s.sndtimeo, sleeping)), false
}

// waits is a wait on the socket that ends after ns, unless it is one that goes on: SO_RCVTIMEO and SO_SNDTIMEO are
// read when it begins. With a timeout a signal is EINTR for good (sock_intr_errno).
func (s *Socket) waits(k *Kernel, c *Call, want Events, ns int64, goesOn bool) Wait {
	w := Wait{On: c.on(&s.wq, want), Restart: ERESTARTSYS}
	switch {
	case goesOn:
		w.Deadline, w.Restart = c.last.Deadline, c.last.Restart
	case ns > 0:
		w.Deadline, w.Restart = k.Now+ns, unix.EINTR
	}
	return w
}

// roomFor tells whether a sleeping sender finds room when a signal wakes it: it looks once more before it gives up, and less
// room will do than is needed to be woken for it (net/core/sock.c: sock_alloc_send_pskb, unix_write_space).
func (s *Socket) roomFor(c *Call) bool {
	return len(c.wait) == 1 && c.wait[0].q == &s.wq && c.wait[0].want&Out != 0 && s.wmem < s.sndbuf && len(c.holds) == 0
}

// takeError is sock_error: the pending error, which is gone then.
func (s *Socket) takeError() unix.Errno {
	e := s.err
	s.err, s.kept = 0, false
	return e
}

// keep is what do_recvmmsg does with an error after its first message: the next call gets it, even ERESTARTSYS, as
// 512. Nobody is woken for it.
func (s *Socket) keep(e unix.Errno) { s.err, s.kept = e, true }

// asleep tells whether c sleeps on though an error is pending: it was there when the error was kept, and has nothing
// to wake it.
func (s *Socket) asleep(c *Call) bool {
	return s.kept && c.Blocked() && !c.Expired && s.queue.first == nil && s.shut&rcvShutdown == 0
}

// interrupted is what a signal does to the socket beside ending a receive.
func (s *Socket) interrupted(c *Call) {
	m, got := c.in, c.Step
	switch c.Sys.Nr {
	case unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PWRITEV2:
		return
	case unix.SYS_RECVMMSG:
		if m != nil && m.moved > 0 { // a short message; the attempt at the next one meets the signal, if it waits
			got++
			if uint64(got) >= min(uint64(uint32(c.Args[2])), maxMsgs) || c.Args[3]&unix.MSG_WAITFORONE != 0 {
				return
			}
		}
		if got > 0 {
			s.keep(c.last.Restart)
			return
		}
	}
	if s.kept && !s.stream() { // __skb_try_recv_datagram looks at the error before at the signal
		s.takeError()
	}
}
