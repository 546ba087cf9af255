package emulate

import "golang.org/x/sys/unix"

// sendfile follows fs/read_write.c: do_sendfile. Into a pipe it is a splice; out of a pipe or a socket, into
// anything else, it is refused.
func (k *Kernel) sendfile(c *Call) Outcome {
	x := k.begin(c, 1, 0, -1, c.Args[3])
	if x.demoted() {
		return Pass()
	}
	switch {
	case x.to != nil && x.in == nil:
		x.nonblock = c.nonblock(x.out)
		return k.fromKernel(c, x)
	case x.to != nil:
		return k.sendPipe(c, x)
	case isSocket(x.out) && x.in == nil:
		return k.sendFile(c, x)
	case isSocket(x.in) && x.out == nil:
		return k.foreignPipe(c, x)
	}
	return Pass()
}

// sendPipe brings what an emulated file has into a pipe. A pipe has nothing (it lacks splice_read), but is told so
// only when the other has room.
func (k *Kernel) sendPipe(c *Call, x *transfer) Outcome {
	var off [8]byte
	switch {
	case c.Args[2] != 0 && c.get(off[:], c.Args[2]) != 0:
		return Fail(efault)
	case !x.in.reads():
		return Fail(unix.EBADF)
	case c.Args[2] != 0:
		return Fail(unix.ESPIPE)
	case int64(c.Args[3]) < 0:
		return Fail(unix.EINVAL)
	case !x.out.writes():
		return Fail(unix.EBADF)
	}
	x.nonblock = c.nonblock(x.out)
	if isSocket(x.in) && x.size > 0 {
		return k.fromPair(c, x)
	}
	if o, ok := k.space(c, x.out, x.to, x.nonblock); !ok {
		return o
	}
	if x.size == 0 {
		return Done(0)
	}
	return Fail(unix.EINVAL)
}

// A reading is where sendfile is in the file that it reads.
type reading struct {
	pos   int64
	known int64 // where the program would find the position if the call ended now
	data  *Scratch
	left  []byte // read, but not sent yet
	end   *Outcome
}

// The steps of sendFile.
const (
	sendProbe = iota
	sendProbed
	sendRead
	sendTold
)

// sendFile is splice_direct_to_actor from a file of the kernel's to a socket of the model's: as much as 16 pages at
// a time, each part a message. The kernel reads for it; a first call that moves nothing has it look at the rest.
func (k *Kernel) sendFile(c *Call, x *transfer) Outcome {
	r := &x.file
	heard := c.Results
	c.Results = nil
	if heard == nil && c.Step != sendProbe {
		return k.send(c, x) // it slept
	}
	switch c.Step {
	case sendProbe:
		if int64(c.Args[3]) < 0 {
			return Pass() // EINVAL, or what comes before it
		}
		c.Step = sendProbed
		none := c.Args
		none[3] = 0
		return Ask(KernelCall{Nr: c.Sys.Nr, Args: none, Must: true}, x.seek(c, 0, unix.SEEK_CUR))
	case sendProbed:
		if heard[0] < 0 || x.size == 0 {
			return Outcome{Kind: KindDone, Ret: heard[0]}
		}
		r.pos = heard[1]
		if c.Args[2] != 0 {
			var off [8]byte
			if c.get(off[:], c.Args[2]) != 0 {
				return Fail(efault)
			}
			r.pos = int64(le64(off[:]))
		}
		r.known = r.pos
		return x.readFile(c)
	case sendRead:
		switch n := heard[0]; {
		case n > 0:
			r.left = r.data.Data[:n]
			return k.send(c, x)
		case n == 0 || x.moved > 0:
		case n == -int64(unix.EISDIR): // no splice_read
			return Fail(unix.EINVAL)
		default:
			return Outcome{Kind: KindDone, Ret: n}
		}
		return x.tell(k, c, Done(x.moved))
	case sendTold:
		if r.end != nil {
			return *r.end
		}
	}
	return k.send(c, x)
}

// readFile reads the next part of the file.
func (x *transfer) readFile(c *Call) Outcome {
	r := &x.file
	c.Step = sendRead
	n := min(x.size-x.moved, socketSlots*pageSize-int(r.pos%pageSize))
	r.data = &Scratch{Data: make([]byte, n), Arg: 1, Back: true}
	return Ask(KernelCall{Nr: unix.SYS_PREAD64, Args: [6]uint64{c.Args[x.inArg], 0, uint64(n), uint64(r.pos)},
		Scratch: []*Scratch{r.data}})
}

// send passes on what was read.
func (k *Kernel) send(c *Call, x *transfer) Outcome {
	r := &x.file
	if len(r.left) == 0 {
		return Done(x.moved)
	}
	s := x.out.ops.(*Socket)
	o := s.feed(k, c, x, r.left)
	switch {
	case o.Kind == KindBlock && r.known != r.pos:
		return x.tell(k, c, o)
	case o.Kind == KindBlock:
		return x.so(c, o)
	case o.Ret <= 0:
		return x.tell(k, c, x.so(c, o))
	}
	n := int(o.Ret)
	x.moved += n
	r.pos += int64(n)
	if r.left = r.left[n:]; len(r.left) > 0 || x.moved == x.size {
		r.left = nil
		return x.tell(k, c, Done(x.moved))
	}
	return x.readFile(c)
}

// tell lets the program know how far the file was read, before the call ends with o or sleeps: a signal may end it
// there.
func (x *transfer) tell(k *Kernel, c *Call, o Outcome) Outcome {
	r := &x.file
	if c.Args[2] != 0 {
		r.known = r.pos
		var off [8]byte
		put64(off[:], uint64(r.pos))
		if c.put(c.Args[2], off[:]) != 0 {
			return Fail(efault)
		}
		return o
	}
	if r.known == r.pos {
		return o
	}
	r.known = r.pos
	if c.Step = sendTold; o.Kind == KindDone {
		r.end = &o
	}
	return Ask(x.seek(c, r.pos, unix.SEEK_SET))
}

func (x *transfer) seek(c *Call, to int64, whence uint64) KernelCall {
	return KernelCall{Nr: unix.SYS_LSEEK, Args: [6]uint64{c.Args[x.inArg], uint64(to), whence}}
}
