package emulate

// An Observer hears what a Layer cannot: each attempt of a call, at the moment when the model has carried it
// out, and how the objects behind the calls come and go. It looks and changes nothing.
type Observer interface {
	// Tried tells that c's handler ran and decided o; its bytes are moved, and the call still holds its files.
	// Of a call that blocks or asks, Partial says how much of its message is through.
	Tried(c *Call, o Outcome)
	// Opened tells of a file that is about to get its first descriptor, Released that its last reference is gone.
	Opened(f *File)
	Released(f *File)
	// Disowned tells that an object is the kernel's from now on.
	Disowned(o Object)
}

// Partial is how many bytes of the message, or the splice, under way are through; of sendmmsg and recvmmsg it is the message at Step.
func (c *Call) Partial() int {
	switch {
	case c.xfer != nil:
		return c.xfer.moved
	case c.out != nil:
		return c.out.moved
	case c.in != nil:
		return c.in.moved
	}
	return c.Moved
}

// Ready is what poll would tell of f. Unlike a poll it leaves no trace in the object.
func (f *File) Ready() Events {
	switch o := f.ops.(type) {
	case *Pipe:
		return o.ready(f)
	case *Socket:
		return o.ready()
	}
	return f.ops.poll(f)
}

// Queued is what FIONREAD and SIOCOUTQ would tell of f, -1 where there is no such ioctl.
func (f *File) Queued() (in, out int) {
	if o, ok := f.ops.(counter); ok {
		return o.inq(), o.outq()
	}
	return -1, -1
}

// Slots is what lies in the pipe; the bytes are its own.
func (p *Pipe) Slots() []Slot { return p.front(p.inq()) }

// Type is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM.
func (s *Socket) Type() int { return s.typ }

// Real tells whether the kernel's half of the epoll may have anything to say.
func (ep *Epoll) Real() bool { return ep.real() }
