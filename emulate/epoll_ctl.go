package emulate

import "golang.org/x/sys/unix"

// epoll_create and epoll_ctl. The descriptor of every epoll is a real one, so numbers, limits and errors are
// the kernel's; what the model knows of it is the half with the emulated files.
//
// An epoll that was made before its process was armed is the kernel's alone: event loops make theirs first,
// and a process without pipes shall run at full speed. The model takes it over at the first EPOLL_CTL_ADD of
// an emulated file (adopt).

func (k *Kernel) epollCreate(c *Call) Outcome {
	if c.Task.Native || k.sharedWithout(c.Task) {
		return Pass()
	}
	return Hear()
}

func (k *Kernel) epollCreate1(c *Call) Outcome { return k.epollCreate(c) }

func (k *Kernel) sawEpollCreate(c *Call, ret int64) {
	if ret >= 0 {
		cloexec := c.Sys.Nr == unix.SYS_EPOLL_CREATE1 && c.Args[0]&unix.EPOLL_CLOEXEC != 0
		k.install(c.Task.Files, int(ret), k.newEpoll(), cloexec)
	}
}

// A Foundling is an epoll that the kernel made while nobody watched.
type Foundling struct {
	Holdings []Holding // the descriptors of the task's table that lead to it
	Members  int       // files in it
	Why      string    // why it cannot become the model's; empty if it can
}

// A Holding is one descriptor of a foundling.
type Holding struct {
	FD      int
	Cloexec bool
}

// adopt makes the epoll that c names the model's, so that target can be added to it; what is in it stays in
// the kernel's half. Where that cannot be, since somebody waits on it whose calls are not stopped, target
// goes to the kernel instead. It returns nil when the kernel is to answer the call.
func (k *Kernel) adopt(c *Call, target *File) *File {
	found := k.Host.Epoll(c.Task, c.Arg(0))
	if found == nil {
		return nil // not an epoll: EBADF or EINVAL
	}
	why := found.Why
	if c.Task.Native || k.sharedWithout(c.Task) {
		why = "added to an epoll of a process that is left alone"
	}
	if why != "" {
		k.Host.Demote(target, why)
		return nil
	}
	f := k.newEpoll()
	f.ops.(*Epoll).natives = found.Members
	for _, h := range found.Holdings {
		k.install(c.Task.Files, h.FD, f, h.Cloexec)
	}
	return f
}

// A controlling is one epoll_ctl on an emulated target.
type controlling struct {
	ep     *Epoll
	key    epkey
	op     int
	events Events
	data   uint64
}

// epollCtl serves what concerns an emulated target. All that fs/eventpoll.c refuses by the kind of the two
// descriptors alone is refused by the placeholders as well.
func (k *Kernel) epollCtl(c *Call) Outcome {
	t := c.Task.Files
	op, f, target := c.Arg(1), t.Get(c.Arg(0)), t.Get(c.Arg(2))
	if f == nil && target != nil && op == unix.EPOLL_CTL_ADD {
		f = k.adopt(c, target)
	}
	if f == nil || f == target {
		return Pass()
	}
	ep, ok := f.ops.(*Epoll)
	if !ok {
		return Pass()
	}
	if target == nil {
		if op == unix.EPOLL_CTL_MOD {
			return Pass()
		}
		return Hear() // how many files the kernel's half has decides how a wait goes
	}
	x := &controlling{ep: ep, key: epkey{target, c.Arg(2)}, op: op}
	if op != unix.EPOLL_CTL_DEL { // ep_op_has_event: a wrong op, too, has its event read first
		var raw [epollEventSize]byte
		if e := c.get(raw[:], c.Args[3]); e != 0 {
			return Fail(e)
		}
		x.events, x.data = Events(le32(raw[:])), le64(raw[4:])
	}
	if _, ok := target.ops.(*Epoll); ok {
		// It goes into both halves, and only the kernel knows all that is nested in what (ELOOP).
		c.State = x
		return Hear()
	}
	return x.apply(k)
}

// apply is the end of do_epoll_ctl. The limits on watches (ENOSPC) and on paths (EINVAL for a file in 500
// nested epolls) count only what is in the kernel's half.
func (x *controlling) apply(k *Kernel) Outcome {
	if x.events&epExclusive != 0 {
		if x.op == unix.EPOLL_CTL_MOD || x.op == unix.EPOLL_CTL_ADD && x.events&^epExclusiveOK != 0 {
			return Fail(unix.EINVAL)
		}
	}
	it := x.ep.items[x.key]
	switch {
	case x.op == unix.EPOLL_CTL_ADD && it != nil:
		return Fail(unix.EEXIST)
	case x.op == unix.EPOLL_CTL_ADD:
		x.ep.insert(k, x.key, x.events|Err|Hup, x.data)
	case x.op != unix.EPOLL_CTL_DEL && x.op != unix.EPOLL_CTL_MOD:
		return Fail(unix.EINVAL)
	case it == nil:
		return Fail(unix.ENOENT)
	case x.op == unix.EPOLL_CTL_DEL:
		it.drop(k)
	case it.events&epExclusive != 0:
		return Fail(unix.EINVAL)
	default:
		it.modify(k, x.events|Err|Hup, x.data)
	}
	return Done(0)
}

// sawEpollCtl counts what is in the kernel's half, and repeats there what was done with a nested epoll.
func (k *Kernel) sawEpollCtl(c *Call, ret int64) {
	if ret != 0 {
		return
	}
	x, nested := c.State.(*controlling)
	ep, op := (*Epoll)(nil), c.Arg(1)
	if nested {
		ep = x.ep
	} else if f := c.Task.Files.Get(c.Arg(0)); f != nil {
		ep, _ = f.ops.(*Epoll)
	}
	if ep == nil {
		return // closed meanwhile
	}
	switch op {
	case unix.EPOLL_CTL_ADD:
		ep.natives++
	case unix.EPOLL_CTL_DEL:
		if ep.natives > 0 {
			ep.natives--
		}
	}
	if nested && x.key.file.refs > 0 && !x.key.file.native {
		x.apply(k)
	}
}
