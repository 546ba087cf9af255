package emulate

import "golang.org/x/sys/unix"

// sendmmsg(2) and recvmmsg(2): one call after the other of sendmsg and recvmsg, and what became of each.

// eachFlags are those of one of several messages: O_NONBLOCK is looked at anew for each (____sys_recvmsg), also when
// somebody set it while the call slept for the one before.
func eachFlags(f *File, flags uint64) int {
	n := int(uint32(flags))
	if f.nonblock() {
		n |= unix.MSG_DONTWAIT
	}
	return n
}

func (k *Kernel) sendmmsg(c *Call) Outcome {
	f, s := k.socket(c)
	count := min(uint64(uint32(c.Args[2])), maxMsgs)
	if s == nil {
		if f == nil && k.outside(c) {
			for i := range count {
				k.leaving(c, c.Args[1]+i*mmsghdrSize)
			}
		}
		return Pass()
	}
	for uint64(c.Step) < count {
		at := c.Args[1] + uint64(c.Step)*mmsghdrSize
		o := k.sendOne(c, f, s, at, eachFlags(f, c.Args[3]))
		switch {
		case o.Kind == KindBlock:
			if c.Moved = c.Step; c.out.moved > 0 {
				c.Moved++
			}
			return o
		case o.Kind != KindDone:
			return o
		case o.Ret < 0 && c.Step == 0:
			return o
		case o.Ret < 0:
			return Done(c.Step).Raising(o.Signal)
		}
		k.alight(c)
		c.out = nil
		if e := c.put32(at+msghdrSize, int(o.Ret)); e != 0 {
			if c.Step == 0 {
				return Fail(e)
			}
			break
		}
		c.Step++
		if k.vec.Len() > 0 { // __sys_sendmmsg: a short one is the last
			break
		}
	}
	return Done(c.Step)
}

func (k *Kernel) recvmmsg(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	t, first := &timeout{}, c.State == nil
	if first {
		got, ok := k.timespec(c, c.Args[4])
		if !ok {
			return Pass() // EFAULT or EINVAL, says the kernel
		}
		t = &got
		c.State = t
		if e := s.takeError(); e != 0 {
			return Fail(e)
		}
	} else {
		t = c.State.(*timeout)
	}
	count, began := min(uint64(uint32(c.Args[2])), maxMsgs), c.Step
	for uint64(c.Step) < count {
		flags := eachFlags(f, c.Args[3]) &^ unix.MSG_WAITFORONE
		if c.Args[3]&unix.MSG_WAITFORONE != 0 && c.Step > 0 {
			flags |= unix.MSG_DONTWAIT
		}
		at := c.Args[1] + uint64(c.Step)*mmsghdrSize
		o := k.recvOne(c, f, s, at, flags)
		switch {
		case o.Kind == KindBlock:
			if c.Moved = c.Step; c.in.moved > 0 {
				c.Moved++
			}
			if c.Step > began {
				k.Requeue(c) // each message is a wait of its own
			}
			return o
		case o.Kind != KindDone:
			return o
		case o.Ret < 0 && c.Step == 0:
			return o
		case o.Ret < 0:
			if e := unix.Errno(-o.Ret); e != unix.EAGAIN {
				s.keep(e)
			}
			count = 0
			continue
		}
		urgent := c.in.out&unix.MSG_OOB != 0
		k.alight(c)
		c.in = nil
		if e := c.put32(at+msghdrSize, int(o.Ret)); e != 0 {
			if c.Step == 0 {
				return Fail(e)
			}
			break
		}
		c.Step++
		if over := t.addr != 0 && k.Now-t.start >= t.sec*second+t.nsec; over || urgent {
			break
		}
	}
	if t.addr != 0 && c.Step > 0 {
		if e := c.put(t.addr, t.bytes(k.Now, false)); e != 0 {
			return Fail(e)
		}
	}
	return Done(c.Step)
}
