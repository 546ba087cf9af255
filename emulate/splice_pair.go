package emulate

import "golang.org/x/sys/unix"

// Splice between a pipe and a socket of the model's.

// ownBytes are memory of the model's own that a transfer reads or fills in place of a program's.
type ownBytes []byte

// ReadMem copies out of the page.
func (b ownBytes) ReadMem(p []byte, addr uint64) (int, unix.Errno) { return copy(p, b[addr:]), 0 }

// WriteMem copies into it.
func (b ownBytes) WriteMem(addr uint64, p []byte) (int, unix.Errno) { return copy(b[addr:], p), 0 }

func (k *Kernel) inner(b []byte) *Vec {
	k.vec.reset(ownBytes(b), 0, uint64(len(b)))
	return &k.vec
}

// checkPair are the checks of __do_splice and do_splice where one end is a socket, which has no positions: pipe
// and pair are the two offsets.
func (x *transfer) checkPair(c *Call, pipe, pair uint64) unix.Errno {
	var off [8]byte
	switch {
	case pipe != 0:
		return unix.ESPIPE
	case pair != 0 && c.get(off[:], pair) != 0:
		return efault
	case x.refused():
		return unix.EBADF
	case pair != 0, int64(c.Args[4]) < 0: // rw_verify_area
		return unix.EINVAL
	}
	return 0
}

// toPair is splice_to_socket: up to 16 slots at a time go as one message.
func (k *Kernel) toPair(c *Call, x *transfer) Outcome {
	p := x.from
	s := x.out.ops.(*Socket)
	for x.moved < x.size {
		switch {
		case p.lent != nil:
			return k.sleep(c, x.in, &p.rd, In|RdNorm)
		case p.ring.used() > 0:
		case p.writers == 0 || x.moved > 0:
			return Done(x.moved)
		case x.nonblock:
			return Fail(unix.EAGAIN)
		default:
			return k.sleep(c, x.in, &p.rd, In|RdNorm)
		}
		var b []byte
		for i := 0; i < min(p.ring.used(), socketSlots) && len(b) < x.size-x.moved; i++ {
			b = append(b, p.ring.bytes(p.ring.at(i))...)
		}
		b = b[:min(len(b), x.size-x.moved)]
		o := s.feed(k, c, x, b)
		if o.Kind == KindDone && o.Ret > 0 {
			if x.moved += int(o.Ret); p.drop(int(o.Ret)) {
				k.emptied(p)
			}
			continue
		}
		return x.so(c, o)
	}
	return Done(x.moved)
}

// socketSlots is the length of splice_to_socket's bvec.
const socketSlots = 16

// so is what becomes of a transfer that one end stopped: bytes moved before are a short count.
func (x *transfer) so(c *Call, o Outcome) Outcome {
	c.Moved = x.moved
	if o.Kind == KindDone && x.moved > 0 {
		o.Ret = int64(x.moved)
	}
	return o
}

// feed sends b as sock_sendmsg with MSG_SPLICE_PAGES does. A stream makes one skb of all the pages, which counts
// no more than its bytes and an empty head (unix_stream_sendmsg); a packet is copied as ever.
func (s *Socket) feed(k *Kernel, c *Call, x *transfer, b []byte) Outcome {
	if !s.stream() {
		c.Moved = 0
		return s.write(k, c, x.out, k.inner(b), x.out.nonblock())
	}
	m := outgoing{}
	if x.out.nonblock() {
		m.flags = unix.MSG_DONTWAIT
	}
	if s.shut&sendShutdown != 0 && !c.Blocked() {
		return s.broken(&m)
	}
	if o, ok := s.admit(k, c, x.out, &m); !ok {
		return o
	}
	p := s.peer
	if p == nil || p.dead || p.shut&rcvShutdown != 0 {
		return s.broken(&m)
	}
	k.deliver(p, &skb{data: b, truesize: truesize(0, 0) + len(b), from: s, cred: k.maybeCred(c, s, nil)})
	return Done(len(b))
}

// fromPair is splice_file_to_pipe with a socket: unix_stream_splice_read, and copy_splice_read for packets.
func (k *Kernel) fromPair(c *Call, x *transfer) Outcome {
	p := x.to
	s := x.in.ops.(*Socket)
	// The kernel holds the pipe's mutex all the while. Here others may fill it while descriptors are fetched: what is
	// on its way then takes a slot more than there are, for the socket's other readers would have to wait for it.
	if x.moved == 0 && c.in == nil {
		if o, ok := k.space(c, x.out, p, x.nonblock); !ok {
			return o
		}
		if x.buf == nil {
			x.size = min(x.size, p.room()) // do_splice_read
		}
	}
	if !s.stream() {
		o := s.yield(k, c, x, x.size, x.in.nonblock())
		if o.Errno() == efault { // an error that waited for this call; copy_splice_read hides it
			o = Fail(unix.EAGAIN)
		}
		if o.Kind == KindDone && o.Ret > 0 {
			k.filled(p)
		}
		return o
	}
	for x.moved < x.size {
		b := s.queue.first
		if b != nil {
			if b = s.manageOOB(k, b, false, x.moved > 0); b == nil && x.moved > 0 {
				break
			}
		}
		n := x.size - x.moved
		switch {
		case c.in != nil:
		case b != nil && p.ring.full():
			n = 0
		case b != nil:
			n = min(n, b.len())
			x.last = x.last || b.rider != 0
		case x.moved >= min(s.lowat, x.size):
			n = 0
		}
		if n == 0 {
			break
		}
		o := s.yield(k, c, x, n, x.nonblock || x.in.nonblock())
		if o.Kind != KindDone {
			if x.moved > 0 {
				k.filled(p)
			}
			return x.so(c, o)
		}
		if o.Ret <= 0 {
			if x.moved > 0 {
				break
			}
			return o
		}
		if x.moved += int(o.Ret); x.last {
			break
		}
	}
	if x.moved > 0 {
		k.filled(p)
	}
	return Done(x.moved)
}

// room is how many bytes splice asks a file for at most: a page for each free slot (do_splice_read).
func (p *Pipe) room() int { return max(0, p.ring.slots-p.ring.used()) * pageSize }

// yield receives up to n bytes of a socket into the pipe. The pieces of an skb become slots: what lies in its data
// area, and what lies in pages, which are one piece up to 32 KiB (skb_splice_bits). Packets are copied to pages.
func (s *Socket) yield(k *Kernel, c *Call, x *transfer, n int, nonblock bool) Outcome {
	first, piece := pageSize, pageSize
	if b := s.queue.first; b != nil && s.stream() {
		first, piece = max(0, b.head()-b.off), streamFrag
		if first == 0 {
			first = piece - (b.off-b.head())%piece
		}
	}
	if s.stream() && s.queue.first != nil { // no more pieces than there are slots
		room := 0
		for i, size := x.to.ring.used(), first; i < x.to.ring.slots; i, size = i+1, piece {
			room += size
		}
		n = min(n, room)
	}
	if x.buf == nil {
		x.buf = make([]byte, n)
	}
	// The descriptors of a message are received through the socket, which is argument 0 of every other call.
	zero := c.Args[0]
	c.Args[0] = c.Args[x.inArg]
	c.Moved = 0
	o := s.read(k, c, x.in, k.inner(x.buf), nonblock)
	c.Args[0] = zero
	if o.Kind == KindAsk {
		return o
	}
	b := x.buf
	c.in, x.buf = nil, nil
	if o.Kind == KindDone && o.Ret > 0 {
		for b = b[:o.Ret]; len(b) > 0; first = piece {
			m := min(first, len(b))
			x.to.ring.pushOwn(b[:m:m], false)
			b = b[m:]
		}
	}
	return o
}

// head is how many bytes of a stream's skb lie in its data area (unix_stream_sendmsg).
func (b *skb) head() int {
	n := len(b.data)
	if b.truesize == truesize(0, 0)+n { // spliced: all in pages
		return 0
	}
	return n - min(n, pageAlign(max(0, n-streamHead)))
}
