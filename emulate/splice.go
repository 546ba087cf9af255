package emulate

import "golang.org/x/sys/unix"

// The calls of fs/splice.c and their kin. Between two objects of the model everything happens here. Where one
// end is the kernel's (a file, a terminal, a real socket), the kernel makes the transfer itself, with the
// program's own arguments, through the pipe's placeholder: see splice_real.go. What is named after a Linux
// function follows it.

// The SPLICE_F_* flags, include/linux/splice.h. MOVE, MORE and GIFT are hints.
const (
	spliceNonblock = 2
	spliceAll      = 15
)

// A transfer is one splice, tee, sendfile or vmsplice on its way.
type transfer struct {
	in, out  *File // the emulated ends
	from, to *Pipe // those of them that are pipes
	inArg    int   // which arguments name the ends,
	outArg   int
	flagsArg int // and which one the flags; -1 for none
	size     int
	moved    int
	nonblock bool // it does not wait for pipes
	copies   bool // tee: what it takes stays

	// With one end the kernel's:
	loan    *loan
	probing bool // the kernel is asked whether it refuses the call,
	probed  bool // or did not refuse it

	buf  []byte  // of a receive that is on its way,
	last bool    // after which there is no other: what comes behind descriptors is not read with them
	file reading // of sendfile to a socket of the model's
}

// begin finds the ends of a call, which holds them until it is over (the kernel's fdget).
func (k *Kernel) begin(c *Call, inArg, outArg, flagsArg int, size uint64) *transfer {
	if c.xfer != nil {
		return c.xfer
	}
	x := &transfer{inArg: inArg, outArg: outArg, flagsArg: flagsArg, size: int(min(size, maxRW))}
	if flagsArg >= 0 {
		x.nonblock = c.Args[flagsArg]&spliceNonblock != 0
	}
	x.in, x.from = x.end(c, inArg)
	x.out, x.to = x.end(c, outArg)
	c.xfer = x
	return x
}

func (x *transfer) end(c *Call, arg int) (*File, *Pipe) {
	if arg < 0 {
		return nil, nil
	}
	f := c.Task.Files.Get(c.Arg(arg))
	if f == nil {
		return nil, nil
	}
	f.refs++
	p, _ := f.ops.(*Pipe)
	return f, p
}

// finish lets go of what a transfer holds.
func (x *transfer) finish(k *Kernel, c *Call) {
	x.settle(k, c, -1)
	for _, f := range []*File{x.in, x.out} {
		if f != nil {
			k.put(f)
		}
	}
}

// demoted tells whether an end went back to the kernel meanwhile.
func (x *transfer) demoted() bool {
	return x.in != nil && x.in.native || x.out != nil && x.out.native
}

// refused are the checks that both calls between two emulated files begin with.
func (x *transfer) refused() bool { return !x.in.reads() || !x.out.writes() }

// hush has the transfer not wait when either end is not to (do_splice and do_tee, for two pipes).
func (x *transfer) hush(c *Call) {
	x.nonblock = x.nonblock || c.nonblock(x.in) || c.nonblock(x.out)
}

// opens tells whether the end that is the kernel's is open: EBADF comes too from one that is, the wrong way.
func (x *transfer) opens(k *Kernel, c *Call) bool {
	arg := x.inArg
	if x.in != nil {
		arg = x.outArg
	}
	leads, path := k.Host.Target(c.Task, c.Arg(arg))
	return leads != "" && !path
}

// clearNowait is pipe_clear_nowait for the pipes of a splice.
func (x *transfer) clearNowait(c *Call) {
	if x.from != nil {
		if c.Args[1] != 0 {
			return
		}
		x.in.patient = true
	}
	if x.to != nil && c.Args[3] == 0 {
		x.out.patient = true
	}
}

// splice follows do_splice and its callers.
func (k *Kernel) splice(c *Call) Outcome {
	if c.Args[4] == 0 {
		return Done(0)
	}
	if uint32(c.Args[5])&^spliceAll != 0 {
		return Fail(unix.EINVAL)
	}
	x := k.begin(c, 0, 2, 5, c.Args[4])
	if x.demoted() {
		return Pass()
	}
	if x.in != nil && x.out != nil || c.Results != nil && (c.Results[0] != -int64(unix.EBADF) || x.opens(k, c)) {
		x.clearNowait(c) // both descriptors are open: only the kernel knows that of its own
	}
	switch {
	case x.from != nil && x.to != nil:
		switch {
		case c.Args[1] != 0 || c.Args[3] != 0:
			return Fail(unix.ESPIPE)
		case x.refused():
			return Fail(unix.EBADF)
		case x.from == x.to:
			return Fail(unix.EINVAL)
		}
		x.hush(c)
		return k.pipeToPipe(c, x)
	case x.from != nil && isSocket(x.out):
		if e := x.checkPair(c, c.Args[1], c.Args[3]); e != 0 {
			return Fail(e)
		}
		if x.out.Flags&unix.O_APPEND != 0 {
			return Fail(unix.EINVAL)
		}
		x.nonblock = x.nonblock || c.nonblock(x.in)
		return k.toPair(c, x)
	case x.to != nil && isSocket(x.in):
		if e := x.checkPair(c, c.Args[3], c.Args[1]); e != 0 {
			return Fail(e)
		}
		x.nonblock = x.nonblock || c.nonblock(x.out)
		return k.fromPair(c, x)
	case x.from != nil:
		x.nonblock = x.nonblock || c.nonblock(x.in)
		return k.toKernel(c, x)
	case x.to != nil:
		x.nonblock = x.nonblock || c.nonblock(x.out)
		return k.fromKernel(c, x)
	}
	return k.foreignPipe(c, x)
}

// tee follows do_tee.
func (k *Kernel) tee(c *Call) Outcome {
	if uint32(c.Args[3])&^spliceAll != 0 {
		return Fail(unix.EINVAL)
	}
	if c.Args[2] == 0 {
		return Done(0)
	}
	x := k.begin(c, 0, 1, 3, c.Args[2])
	x.copies = true
	switch {
	case x.demoted():
		return Pass()
	case x.from != nil && x.to != nil:
		if x.refused() {
			return Fail(unix.EBADF)
		}
		if x.from == x.to {
			return Fail(unix.EINVAL)
		}
		x.hush(c)
		return k.pipeToPipe(c, x)
	case x.from != nil && x.out == nil:
		x.nonblock = x.nonblock || c.nonblock(x.in)
		return k.toKernel(c, x)
	case x.to != nil && x.in == nil:
		x.nonblock = x.nonblock || c.nonblock(x.out)
		return k.fromKernel(c, x)
	}
	return Pass() // not two pipes: EINVAL, says the kernel
}

// pipeToPipe is splice_pipe_to_pipe, and link_pipe for tee. Slots move whole; the last one is split where it holds
// more than was asked for. The waits are not exclusive (pipe_wait_readable, pipe_wait_writable).
func (k *Kernel) pipeToPipe(c *Call, x *transfer) Outcome {
	in, out := x.from, x.to
	switch { // ipipe_prep
	case in.out():
		return k.sleep(c, x.in, &in.rd, In|RdNorm)
	case in.ring.used() > 0 || in.writers == 0:
	case x.nonblock:
		return Fail(unix.EAGAIN)
	default:
		return k.sleep(c, x.in, &in.rd, In|RdNorm)
	}
	switch { // opipe_prep
	case out.readers == 0:
		return Fail(unix.EPIPE).Raising(unix.SIGPIPE)
	case !out.ring.full():
	case x.nonblock:
		return Fail(unix.EAGAIN)
	default:
		return k.sleep(c, x.out, &out.wr, Out|WrNorm)
	}
	freed := false
	for i := 0; x.moved < x.size && i < in.ring.used() && !out.ring.full(); {
		s := in.ring.at(i)
		left := x.size - x.moved
		switch {
		case x.copies:
			x.moved += out.ring.link(&in.ring, s, left)
			i++
		case left >= s.len:
			x.moved += s.len
			out.ring.adopt(&in.ring, s)
			in.ring.pop()
			freed = true
		default:
			x.moved += out.ring.link(&in.ring, s, left)
			s.off += left
			s.len -= left
		}
	}
	if x.moved > 0 {
		k.filled(out)
	}
	if freed {
		k.emptied(in)
	}
	return Done(x.moved)
}

// filled is wakeup_pipe_readers, which names no event; emptied is wakeup_pipe_writers.
func (k *Kernel) filled(p *Pipe) {
	k.wake(&p.rd, AnyEvent)
	k.raise(p.files, true, In)
}

func (k *Kernel) emptied(p *Pipe) {
	k.wake(&p.wr, AnyEvent)
	k.raise(p.files, false, Out)
}

// sleep waits for a pipe.
func (k *Kernel) sleep(c *Call, f *File, q *Queue, want Events) Outcome {
	k.pin(c, f)
	return Block(Wait{On: c.on(q, want), Restart: ERESTARTSYS})
}

// space is wait_for_space. It reports false with the outcome when the call ends or blocks here.
func (k *Kernel) space(c *Call, f *File, p *Pipe, nonblock bool) (Outcome, bool) {
	switch {
	case p.readers == 0:
		return Fail(unix.EPIPE).Raising(unix.SIGPIPE), false
	case !p.ring.full():
		return Outcome{}, true
	case nonblock:
		return Fail(unix.EAGAIN), false
	}
	return k.sleep(c, f, &p.wr, Out|WrNorm), false
}
