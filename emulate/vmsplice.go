package emulate

import "golang.org/x/sys/unix"

// vmsplice goes by the descriptor: into a pipe that can be written, else out of one that can be read. O_NONBLOCK
// means nothing to it, only its own flag does.
//
// The kernel puts the program's pages into the pipe, so that what the program writes to them later is read, too.
// The model copies them when the call is made: a program that keeps the rules of vmsplice(2) sees no difference.
func (k *Kernel) vmsplice(c *Call) Outcome {
	if uint32(c.Args[3])&^spliceAll != 0 {
		return Fail(unix.EINVAL)
	}
	if f := c.Task.Files.Get(c.Arg(0)); c.xfer == nil && (f == nil || !isPipe(f)) {
		return Pass() // EBADF, if it is not a real pipe
	}
	x := k.begin(c, 0, -1, 3, 0)
	if x.demoted() {
		return Pass()
	}
	v, e := k.iovec(c, c.Args[1], uint64(uint32(c.Args[2])), unix.EINVAL)
	switch {
	case e != 0:
		return Fail(e)
	case v.Len() == 0:
		return Done(0)
	}
	x.in.patient = true
	if x.in.writes() {
		return k.vmspliceIn(c, x, v)
	}
	return k.vmspliceOut(c, x, v)
}

// vmspliceIn is vmsplice_to_pipe: every page that a buffer touches takes a slot for the part of it that is the
// buffer's. It waits for the first slot only.
func (k *Kernel) vmspliceIn(c *Call, x *transfer, v *Vec) Outcome {
	p := x.from
	if o, ok := k.space(c, x.in, p, x.nonblock); !ok {
		return o
	}
	n := 0
	for v.Len() > 0 && !p.ring.full() {
		page := p.ring.reserve(1)[:v.piece()]
		if got, e := v.In(page); got < len(page) { // get_user_pages takes a page whole or not at all
			if n == 0 {
				return Fail(e)
			}
			break
		}
		p.ring.push(len(page), false)
		p.ring.last().merge = false
		n += len(page)
	}
	k.filled(p)
	return Done(n)
}

// piece is how much of the next buffer lies in its first page.
func (v *Vec) piece() int {
	for len(v.segs) > 1 && v.segs[0].len == 0 {
		v.segs = v.segs[1:]
	}
	s := v.segs[0]
	return int(min(s.len, pageSize-s.base%pageSize))
}

// vmspliceOut is vmsplice_to_user: __splice_from_pipe with pipe_to_user. The bytes of a slot are stored all or
// they stay, and packets have no bounds.
func (k *Kernel) vmspliceOut(c *Call, x *transfer, v *Vec) Outcome {
	p := x.from
	switch {
	case p.out():
		return k.sleep(c, x.in, &p.rd, In|RdNorm)
	case p.ring.used() > 0:
	case p.writers == 0:
		return Done(0)
	case x.nonblock:
		return Fail(unix.EAGAIN)
	default:
		return k.sleep(c, x.in, &p.rd, In|RdNorm)
	}
	n, freed, e := 0, false, unix.Errno(0)
	for v.Len() > 0 && p.ring.used() > 0 {
		s := p.ring.at(0)
		b := p.ring.bytes(s)[:min(s.len, v.Len())]
		if got, _ := v.Out(b); got < len(b) {
			e = efault
			break
		}
		n += len(b)
		freed = p.drop(len(b)) || freed
	}
	if freed {
		k.emptied(p)
	}
	if n == 0 && e != 0 {
		return Fail(e)
	}
	return Done(n)
}
