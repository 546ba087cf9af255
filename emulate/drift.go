package emulate

import "golang.org/x/sys/unix"

// A call that sleeps keeps the file that it began with (fdget holds a reference), though the number may be closed meanwhile
// and lead elsewhere. The model does as much; but the placeholder would be gone. So the driver keeps a descriptor for it,
// and if the object is given back to the kernel the call goes on there under a number that is made for it.

// A drift is such a call's way on.
type drift struct {
	step int
	fd   int64 // the number that was made for it
	ret  int64
}

// closing is called before the number fd is closed, or made to lead elsewhere.
func (k *Kernel) closing(t *Task, fd int) {
	if f := t.Files.Get(fd); f != nil && f.sleep > 0 && f.refs-f.sleep <= 1 && !f.kept {
		f.kept = k.Host.Keep(t, fd, f)
	}
}

// strand marks the calls that sleep on f, which is about to be the kernel's, and whose number does not lead there any more.
func strand(f *File) {
	for _, q := range f.ops.queues(f) {
		for w := q.head; w != nil; w = w.next {
			if c := w.call; c != nil && c.file == f && c.lost == nil && !c.leads(f) {
				c.lost = &drift{}
			}
		}
	}
}

// leads tells whether a descriptor argument of the call leads to f.
func (c *Call) leads(f *File) (yes bool) {
	c.Ends(func(_ int, other *File) { yes = yes || other == f })
	return yes
}

// drift takes such a call a step further. Where it cannot be made right it fails as one on a closed number does.
func (k *Kernel) drift(c *Call) Outcome {
	d := c.lost
	answer := int64(-1)
	if n := len(c.Results); n > 0 {
		answer = c.Results[0]
	}
	switch d.step {
	case 0:
		pid, _ := k.Host.Kept(c.Task, c.file)
		switch {
		case c.Moved > 0:
			return Done(c.Moved)
		case pid == 0 || len(c.Sys.Args) == 0 || c.Sys.Args[0].Kind != FD:
			return Fail(unix.EBADF)
		}
		d.step++
		return Ask(KernelCall{Nr: unix.SYS_PIDFD_OPEN, Args: [6]uint64{uint64(pid)}})
	case 1:
		if answer < 0 {
			return Fail(unix.EBADF)
		}
		d.step++
		_, fd := k.Host.Kept(c.Task, c.file)
		return Ask(KernelCall{Nr: unix.SYS_PIDFD_GETFD, Args: [6]uint64{uint64(answer), uint64(fd)}},
			KernelCall{Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(answer)}})
	case 2:
		if d.fd = answer; answer < 0 {
			return Fail(unix.EBADF)
		}
		d.step++
		c.Results = nil
		fallthrough
	case 3:
		if c.Results == nil {
			args := c.Args
			args[0] = uint64(d.fd)
			return Block(Wait{Restart: ERESTARTSYS, Native: &KernelCall{Nr: c.Sys.Nr, Args: args}})
		}
		d.step++
		d.ret = answer
		return Ask(KernelCall{Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(d.fd)}})
	}
	return Outcome{Kind: KindDone, Ret: d.ret}
}
