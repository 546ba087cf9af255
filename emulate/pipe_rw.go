package emulate

import "golang.org/x/sys/unix"

// read follows fs/pipe.c: anon_pipe_read. A slot whose bytes cannot all be stored stays as it is, even if some
// of them reached the program.
func (p *Pipe) read(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	if v.Len() == 0 {
		return Done(0)
	}
	if p.out() { // whoever reads while a splice is on its way waits for the mutex, O_NONBLOCK or not
		return k.sleep(c, f, &p.rd, In|RdNorm)
	}
	wasFull := p.ring.full()
	n, e := p.take(v)
	switch {
	case n > 0 || e != 0:
	case p.writers == 0:
	case nonblock:
		e = unix.EAGAIN
	default:
		k.pin(c, f)
		return Block(Wait{On: c.on(&p.rd, In|RdNorm), Restart: ERESTARTSYS, Exclusive: true})
	}
	if wasFull && !p.ring.full() {
		k.wake(&p.wr, Out|WrNorm)
	}
	k.raise(p.files, false, Out)
	if n == 0 && e != 0 {
		return Fail(e)
	}
	return Done(n)
}

// take moves slots to the program until its buffers are full, the pipe is empty, or a packet ends. Slots that
// lie beside each other in the store go in one copy.
func (p *Pipe) take(v *Vec) (n int, e unix.Errno) {
	r := &p.ring
	for r.used() > 0 && v.Len() > 0 {
		s := r.at(0)
		if s.packet {
			m := min(s.len, v.Len())
			if got, e := v.Out(r.bytes(s)[:m]); got < m {
				return n, e
			}
			r.pop() // the rest of the packet is lost
			return n + m, 0
		}
		run, size := 1, s.len
		if s.own == nil {
			for run < r.used() && size < v.Len() {
				next := r.at(run)
				if next.own != nil || next.packet || next.off != 0 || next.page != s.page+run || s.off+size != run*pageSize {
					break
				}
				size += next.len
				run++
			}
		}
		m := min(size, v.Len())
		var got int
		if s.own != nil {
			got, e = v.Out(s.own[s.off : s.off+m])
		} else {
			at := s.page*pageSize + s.off
			got, e = v.Out(r.store[at : at+m])
		}
		n += p.consume(got, got < m)
		if got < m {
			return n, e
		}
	}
	return n, 0
}

// consume counts got bytes as read. Where the copy failed in a slot, what was stored of that slot does not count.
func (p *Pipe) consume(got int, failed bool) (n int) {
	r := &p.ring
	for got > 0 {
		s := r.at(0)
		m := min(got, s.len)
		if failed && got < s.len {
			break
		}
		s.off += m
		s.len -= m
		got -= m
		n += m
		if s.len == 0 {
			r.pop()
		}
	}
	return n
}

// write follows fs/pipe.c: anon_pipe_write. The odd rest of a write may be appended to the last slot, all of
// it or nothing; what follows takes new slots of a page each.
func (p *Pipe) write(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	total := v.Len()
	if total == 0 {
		return Done(0)
	}
	v.Skip(c.Moved)
	wasEmpty := p.ring.used() == 0
	n, e := c.Moved, unix.Errno(0)
	if p.readers == 0 {
		e = unix.EPIPE
	} else if n, e = p.fill(v, n, total, f.Flags&unix.O_DIRECT != 0, c.Blocked()); e == unix.EAGAIN && !nonblock && !(n > c.Moved && f.nonblock()) {
		moved := n > c.Moved
		c.Moved = n
		k.pin(c, f)
		if moved {
			if wasEmpty {
				k.wake(&p.rd, In|RdNorm)
			}
			k.raise(p.files, true, In)
			k.Requeue(c) // each wait is a new one, at the tail: writers take turns (wait_event_interruptible_exclusive)
		}
		return Block(Wait{On: c.on(&p.wr, Out|WrNorm), Restart: ERESTARTSYS, Exclusive: true})
	}
	if wasEmpty || p.polled {
		k.wake(&p.rd, In|RdNorm)
	}
	if w := p.rd.excl; w != nil && w.call != nil && wasEmpty && p.ring.used() == 0 && p.writers > 0 {
		k.Requeue(w.call) // woken by a write that stored nothing (EFAULT): it sleeps again, behind the others
	}
	k.raise(p.files, true, In)
	o := Done(n)
	if n == 0 && e != 0 {
		o = Fail(e)
	}
	if e == unix.EPIPE {
		o = o.Raising(unix.SIGPIPE)
	}
	return o
}

// interrupted is what a signal makes of a writer that sleeps: the end of anon_pipe_write, which looks at O_NONBLOCK
// before it looks for signals.
func (p *Pipe) interrupted(k *Kernel, c *Call) Outcome {
	if p.ring.used() == 0 || p.polled {
		k.wake(&p.rd, In|RdNorm)
	}
	k.raise(p.files, true, In)
	switch {
	case c.Moved > 0:
		return Done(c.Moved)
	case c.file.nonblock():
		return Fail(unix.EAGAIN)
	}
	return Fail(ERESTARTSYS)
}

// fill moves the program's bytes into the pipe; n counts them, with those of earlier attempts. EAGAIN says that the
// pipe is full.
func (p *Pipe) fill(v *Vec, n, total int, packet, resumed bool) (int, unix.Errno) {
	r := &p.ring
	if chars := total % pageSize; chars != 0 && !resumed && r.used() > 0 {
		if s := r.last(); s.merge && s.off+s.len+chars <= pageSize {
			if got, e := v.In(r.room(s, chars)); got < chars {
				return n, e
			}
			s.len += chars
			n += chars
		}
	}
	for v.Len() > 0 {
		if r.full() {
			return n, unix.EAGAIN
		}
		room := r.reserve(min(r.slots-r.used(), (v.Len()+pageSize-1)/pageSize))
		want := min(len(room), v.Len())
		got, e := v.In(room[:want])
		for want > 0 && (got >= pageSize || got == want) {
			m := min(got, pageSize)
			r.push(m, packet)
			n, got, want = n+m, got-m, want-m
		}
		if want > 0 {
			return n, e
		}
	}
	return n, 0
}
