package emulate

import "golang.org/x/sys/unix"

// What can befall an object from outside, beside the calls of the program: its other end goes away, or it comes
// with less room. And what a message can meet on a way that is not as reliable as the kernel's own.

// Sever breaks the connection behind f as if at each end the other's holder had died: who reads gets what lies
// there, then the end of file, and who writes EPIPE. reset makes it the death of somebody who had not read
// everything: ECONNRESET at both ends of a pair. Pipes know no reset and datagram sockets no connection: false then.
// The placeholder knows nothing of it: a pipe that is given back to the kernel is whole again.
func (k *Kernel) Sever(f *File, reset bool) bool {
	switch o := f.ops.(type) {
	case *Pipe:
		if reset {
			return false
		}
		if !o.severed {
			o.severed, o.readers, o.writers = true, 0, 0
			k.wake(&o.rd, AnyEvent)
			k.wake(&o.wr, AnyEvent)
		}
		return true
	case *Socket:
		if o.typ == unix.SOCK_DGRAM || o.peer == nil {
			return false
		}
		for _, s := range []*Socket{o, o.peer} { // unix_release_sock, seen from both sides
			if s.dead || s.shut == shutdownMask {
				continue
			}
			s.shut = shutdownMask
			if reset {
				s.err = unix.ECONNRESET
			}
			k.wake(&s.wq, AnyEvent)
		}
		return true
	}
	return false
}

// Discard throws away what lies unread behind f, which may be nothing.
func (k *Kernel) Discard(f *File) {
	switch o := f.ops.(type) {
	case *Pipe:
		for o.ring.used() > 0 {
			o.ring.pop()
		}
		k.wake(&o.wr, Out|WrNorm)
	case *Socket:
		for b := o.queue.first; b != nil; b = o.queue.first {
			o.queue.unlink(b)
			o.inql -= b.len()
			k.free(b)
		}
		o.oob = nil
	}
}

// Shrink makes the empty pipe at a descriptor one of that many slots, and its placeholder with it.
func (k *Kernel) Shrink(t *Task, fd, slots int) bool {
	f := t.Files.Get(fd)
	if f == nil {
		return false
	}
	p, ok := f.ops.(*Pipe)
	if !ok || p.ring.used() > 0 || !k.Host.Resize(t, fd, slots*pageSize) {
		return false
	}
	p.resize(k, slots)
	return true
}

// sent is the message that was sent last through f, if it still lies at the other end and carries no descriptors.
func sent(f *File) (p *Socket, b *skb) {
	s, ok := f.ops.(*Socket)
	if !ok || s.stream() || s.peer == nil {
		return nil, nil
	}
	if b = s.peer.queue.last; b == nil || b.from != s || b.rider != 0 {
		return nil, nil
	}
	return s.peer, b
}

// Repeat has the message that was sent last through f arrive twice.
func (k *Kernel) Repeat(f *File) bool {
	p, b := sent(f)
	if p == nil {
		return false
	}
	k.deliver(p, &skb{data: b.data, truesize: b.truesize, from: b.from, cred: b.cred})
	return true
}

// Overtake has the message that was sent last through f arrive before the one ahead of it.
func (k *Kernel) Overtake(f *File) bool {
	p, b := sent(f)
	if p == nil || b.prev == nil || b.prev.rider != 0 {
		return false
	}
	ahead := b.prev
	p.queue.unlink(ahead)
	p.queue.push(ahead)
	return true
}

// Lose takes the message back that was sent last through f.
func (k *Kernel) Lose(f *File) bool {
	p, b := sent(f)
	if p == nil {
		return false
	}
	p.queue.unlink(b)
	p.inql -= b.len()
	k.free(b)
	return true
}

// Ahead is at most n bytes of what a read of f would bring now, without taking them.
func (f *File) Ahead(n int) []byte {
	var out []byte
	switch o := f.ops.(type) {
	case *Pipe:
		for i := 0; i < o.ring.used() && len(out) < n; i++ {
			s := o.ring.at(i)
			out = append(out, o.ring.bytes(s)...)
			if s.packet {
				break
			}
		}
	case *Socket:
		for b := o.queue.first; b != nil && len(out) < n; b = b.next {
			out = append(out, b.data[b.off:]...)
			if !o.stream() {
				break
			}
		}
	}
	return out[:min(n, len(out))]
}

// Packets tells whether f moves whole messages or packets, of which a small buffer loses the rest.
func (f *File) Packets() bool {
	switch o := f.ops.(type) {
	case *Pipe:
		for _, other := range o.files {
			if other.Flags&unix.O_DIRECT != 0 && other.writes() {
				return true
			}
		}
		return o.ring.used() > 0 && o.ring.at(0).packet
	case *Socket:
		return !o.stream()
	}
	return true
}

// Edge tells whether an epoll watches f with EPOLLET.
func (f *File) Edge() bool {
	for _, it := range f.items {
		if it.events&epET != 0 {
			return true
		}
	}
	return false
}
