package emulate

import "golang.org/x/sys/unix"

// A splice, tee or sendfile between a pipe of the model's and a file of the kernel's is made by the kernel, with
// the program's own arguments, on the pipe's placeholder. So errors, offsets, the bounds of fragments, waiting
// for a terminal or a socket, SIGPIPE, EINTR and restarts are the kernel's own.
//
// For its time the placeholder is on loan. To take bytes out of the pipe, those at its front are put into the
// placeholder first, and what the kernel left there afterwards was not taken. To bring bytes in, stand-ins occupy
// as many of the placeholder's slots as are in use in the model, and what lies behind them afterwards came in.
// The pipe's other end is never held up by that, but whoever else would take from its front waits, as
// everybody does in the kernel, which holds the pipe's mutex while it waits for the other file.

// A loan is a placeholder in use.
type loan struct {
	pipe  *Pipe
	arg   int // the argument through which it is reached
	bytes int // what was put in
	taken int // stand-ins before it
}

// out tells whether the bytes at the pipe's front are in the kernel's hands.
func (p *Pipe) out() bool { return p.lent != nil && p.lent.from == p }

// Lent tells whether the pipe's placeholder is in use by a splice: nobody may touch it now, since the kernel may
// hold its mutex for long.
func (p *Pipe) Lent() bool { return p.lent != nil }

// toKernel takes from a pipe of the model's.
func (k *Kernel) toKernel(c *Call, x *transfer) Outcome {
	p := x.from
	if o, ok := k.answered(c, x); ok {
		return o
	}
	switch {
	case p.async():
		return k.giveUp(c, x, x.in)
	case p.lent != nil:
		return k.sleep(c, x.in, &p.rd, In|RdNorm)
	case p.ring.used() > 0:
		return k.lend(c, x, p, x.inArg)
	case !x.probed: // the placeholder is as empty as the pipe
		return x.probe(c)
	case p.writers == 0: // the placeholder's end, too; but the other end may have no room
		return k.lend(c, x, p, x.inArg)
	case x.nonblock:
		return Fail(unix.EAGAIN)
	}
	return k.sleep(c, x.in, &p.rd, In|RdNorm)
}

// fromKernel brings something into a pipe of the model's.
func (k *Kernel) fromKernel(c *Call, x *transfer) Outcome {
	p := x.to
	if o, ok := k.answered(c, x); ok {
		return o
	}
	switch {
	case p.async():
		return k.giveUp(c, x, x.out)
	case p.lent != nil:
		return k.sleep(c, x.out, &p.wr, Out|WrNorm)
	case p.readers == 0 || !p.ring.full():
		return k.lend(c, x, p, x.outArg)
	case !x.probed && x.flagsArg < 0:
		none := c.Args // sendfile of no bytes looks at everything but the other end of the file
		none[3] = 0
		x.probing = true
		return Ask(KernelCall{Nr: c.Sys.Nr, Args: none})
	case !x.probed:
		if o := k.lend(c, x, p, x.outArg); o.Kind != KindBlock {
			return o
		}
		return x.probe(c)
	case x.nonblock:
		return Fail(unix.EAGAIN)
	}
	return k.sleep(c, x.out, &p.wr, Out|WrNorm)
}

// probe has the kernel make a call that cannot move anything, since the placeholder is empty or full: it tells
// errors from EAGAIN, before the model lets anybody wait. Where the other end is a pipe too, its O_NONBLOCK counts.
func (x *transfer) probe(c *Call) Outcome {
	x.probing = true
	args, other := c.Args, c.Args[x.inArg]
	args[x.flagsArg] |= spliceNonblock
	if x.from != nil {
		other = c.Args[x.outArg]
	}
	return Ask(
		KernelCall{Nr: c.Sys.Nr, Args: args},
		KernelCall{Nr: unix.SYS_FCNTL, Args: [6]uint64{other, unix.F_GETPIPE_SZ}, Must: true},
		KernelCall{Nr: unix.SYS_FCNTL, Args: [6]uint64{other, unix.F_GETFL}},
	)
}

// answered hears what the kernel said. It reports true with the outcome when the call is over.
func (k *Kernel) answered(c *Call, x *transfer) (Outcome, bool) {
	heard := c.Results
	c.Results = nil
	if heard == nil {
		x.settle(k, c, 0)
		return Outcome{}, false
	}
	ret := heard[0]
	x.settle(k, c, ret)
	if !x.probing {
		return Outcome{Kind: KindDone, Ret: ret}, true
	}
	x.probing, x.probed = false, true
	if len(heard) == 3 && heard[1] >= 0 && heard[2]&unix.O_NONBLOCK != 0 {
		x.nonblock = true
	}
	harmless := ret == -int64(unix.EAGAIN)
	if x.flagsArg < 0 {
		harmless = ret == 0
	}
	return Outcome{Kind: KindDone, Ret: ret}, !harmless
}

// lend puts the placeholder into the state of the pipe and lets the kernel make the call there.
func (k *Kernel) lend(c *Call, x *transfer, p *Pipe, arg int) Outcome {
	l := &loan{pipe: p, arg: arg}
	var slots []Slot
	if x.from == p {
		slots = p.front(x.size)
	} else {
		l.taken = p.ring.used()
	}
	n, ok := k.Host.Lend(c.Task, c.Arg(arg), c.Arg(x.inArg+x.outArg-arg), p, l.taken, slots)
	if !ok {
		if x.from == p {
			return k.giveUp(c, x, x.in)
		}
		return k.giveUp(c, x, x.out)
	}
	l.bytes = n
	p.lent, x.loan = x, l
	return Block(Wait{Restart: ERESTARTSYS, Native: &KernelCall{Nr: c.Sys.Nr, Args: c.Args}})
}

// settle ends a loan: what the kernel took from the pipe leaves it, what it brought comes in. It looks at what lies
// in the placeholder, so that nothing is lost when the call was cut short; ret is the kernel's answer, for the
// case that nobody is left through whom to look.
func (x *transfer) settle(k *Kernel, c *Call, ret int64) {
	l := x.loan
	if l == nil {
		return
	}
	p := l.pipe
	p.lent, x.loan = nil, nil
	slots, ok := k.Host.Reclaim(c.Task, c.Arg(l.arg), c.Arg(x.inArg+x.outArg-l.arg), p, l.taken)
	if x.to == p {
		for _, s := range slots {
			p.put(s)
		}
		if len(slots) > 0 {
			k.filled(p)
		}
	} else if !x.copies {
		gone := l.bytes
		for _, s := range slots {
			gone -= len(s.Bytes)
		}
		if !ok {
			gone = int(max(ret, 0))
		}
		if p.drop(gone) {
			k.emptied(p)
		}
	}
	k.poke(&p.rd, AnyEvent) // whoever waited for the end of the loan
	k.poke(&p.wr, AnyEvent)
}

// async tells whether somebody gets signals for the pipe: the kernel would raise them for what the loan alone
// causes.
func (p *Pipe) async() bool {
	for _, f := range p.files {
		if f.Flags&unix.O_ASYNC != 0 && f.owner.Pid != 0 {
			return true
		}
	}
	return false
}

// giveUp leaves a pipe to the kernel that cannot be lent, unless the other descriptor is not even open.
func (k *Kernel) giveUp(c *Call, x *transfer, f *File) Outcome {
	other := x.inArg
	if f == x.in {
		other = x.outArg
	}
	if k.opened(c, c.Arg(other)) {
		k.Host.Demote(f, c.Sys.Name+" with a file of the kernel's")
	}
	return Pass()
}

// foreignPipe serves the calls with an emulated socket and no emulated pipe: if the other file is a pipe of the
// kernel's, the pair must be its own as well; else the kernel refuses.
func (k *Kernel) foreignPipe(c *Call, x *transfer) Outcome {
	f, other := x.in, x.outArg
	if f == nil {
		f, other = x.out, x.inArg
	}
	if f == nil || !isSocket(f) || x.in != nil && x.out != nil {
		return Pass()
	}
	if c.Results == nil {
		return Ask(KernelCall{Nr: unix.SYS_FCNTL, Args: [6]uint64{c.Args[other], unix.F_GETPIPE_SZ}, Must: true},
			KernelCall{Nr: unix.SYS_FCNTL, Args: [6]uint64{c.Args[other], unix.F_GETFL}})
	}
	mode := unix.O_RDONLY
	if other == x.outArg {
		mode = unix.O_WRONLY
	}
	fits := len(c.Results) == 2 && (int(c.Results[1])&unix.O_ACCMODE == mode || int(c.Results[1])&unix.O_ACCMODE == unix.O_RDWR)
	c.Results = nil
	if fits {
		k.Host.Demote(f, c.Sys.Name+" with a pipe of the kernel's")
	}
	return Pass()
}

func isPipe(f *File) bool {
	_, ok := f.ops.(*Pipe)
	return ok
}

func isSocket(f *File) bool {
	if f == nil {
		return false
	}
	_, ok := f.ops.(*Socket)
	return ok
}
