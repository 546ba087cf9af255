package emulate

import "golang.org/x/sys/unix"

// The calls of fs/file.c and fs/fcntl.c that change the descriptor table. The kernel runs every one of them
// on the placeholder, so that numbers, limits and errors are its own; the model mirrors the answer.

// close of a number that nobody else can reach needs no answer: it cannot fail once the descriptor is known
// to be open (fs/open.c: close never restarts and always frees the number).
func (k *Kernel) close(c *Call) Outcome {
	t := c.Task.Files
	fd := c.Arg(0)
	if t.Get(fd) == nil {
		return Pass()
	}
	k.closing(c.Task, fd)
	if t.users > 1 {
		return Hear()
	}
	k.remove(t, fd)
	return Pass()
}

func (k *Kernel) sawClose(c *Call, ret int64) {
	if ret != -int64(unix.EBADF) {
		k.remove(c.Task.Files, c.Arg(0))
	}
}

// Flags of close_range(2), include/uapi/linux/close_range.h.
const (
	closeRangeUnshare = 2
	closeRangeCloexec = 4
)

func (k *Kernel) closeRange(c *Call) Outcome {
	fds := k.between(c)
	if c.Args[2]&closeRangeCloexec == 0 {
		for _, fd := range fds {
			k.closing(c.Task, fd)
		}
	}
	if c.Args[2]&closeRangeUnshare != 0 || len(fds) > 0 {
		return Hear()
	}
	return Pass()
}

func (k *Kernel) between(c *Call) []int {
	first, last := uint32(c.Args[0]), uint32(c.Args[1])
	var in []int
	for _, fd := range c.Task.Files.FDs() {
		if uint32(fd) >= first && uint32(fd) <= last {
			in = append(in, fd)
		}
	}
	return in
}

func (k *Kernel) sawCloseRange(c *Call, ret int64) {
	if ret != 0 {
		return
	}
	if c.Args[2]&closeRangeUnshare != 0 {
		k.Unshare(c.Task)
	}
	t := c.Task.Files
	for _, fd := range k.between(c) {
		if c.Args[2]&closeRangeCloexec != 0 {
			t.slots[fd] = slot{t.slots[fd].file, true}
		} else {
			k.remove(t, fd)
		}
	}
}

func (k *Kernel) dup(c *Call) Outcome {
	if c.Task.Files.Get(c.Arg(0)) == nil {
		return Pass()
	}
	return Hear()
}

func (k *Kernel) sawDup(c *Call, ret int64) {
	if f := c.Task.Files.Get(c.Arg(0)); f != nil && ret >= 0 {
		k.install(c.Task.Files, int(ret), f, false)
	}
}

func (k *Kernel) dup2(c *Call) Outcome {
	t := c.Task.Files
	if t.Get(c.Arg(0)) == nil && t.Get(c.Arg(1)) == nil || c.Arg(0) == c.Arg(1) {
		return Pass()
	}
	k.closing(c.Task, c.Arg(1))
	return Hear()
}

func (k *Kernel) dup3(c *Call) Outcome { return k.dup2(c) }

func (k *Kernel) sawDup2(c *Call, ret int64) {
	if ret < 0 {
		return
	}
	t, fd := c.Task.Files, int(ret)
	if f := t.Get(c.Arg(0)); f != nil {
		cloexec := c.Sys.Nr == unix.SYS_DUP3 && c.Args[2]&unix.O_CLOEXEC != 0
		k.install(t, fd, f, cloexec)
	} else {
		k.remove(t, fd)
	}
}

// setflMask is what F_SETFL can change: SETFL_MASK, fs/fcntl.c.
const setflMask = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_ASYNC | unix.O_NOATIME

func (k *Kernel) fcntl(c *Call) Outcome {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil {
		return Pass()
	}
	switch c.Arg(1) {
	case unix.F_SETFD: // cannot fail on an open descriptor
		s := c.Task.Files.slots[c.Arg(0)]
		s.cloexec = c.Args[2]&unix.FD_CLOEXEC != 0
		c.Task.Files.slots[c.Arg(0)] = s
		return Pass()
	case unix.F_SETFL:
		if (int(c.Args[2])^f.Flags)&(unix.O_DIRECT|unix.O_NOATIME) == 0 {
			f.setFlags(int(c.Args[2]), c.Arg(0))
			return Pass()
		}
		return Hear()
	case unix.F_SETPIPE_SZ:
		if p, ok := f.ops.(*Pipe); ok {
			// The placeholder is always empty: only the model knows EBUSY. It comes last in
			// fs/pipe.c: pipe_set_size, but never together with the limits, which only a growing pipe meets.
			if _, e := p.canResize(c.Args[2]); e != 0 {
				return Fail(e)
			}
		}
		return Hear()
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG:
		return Hear()
	}
	return Pass()
}

func (k *Kernel) sawFcntl(c *Call, ret int64) {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil || ret < 0 {
		return
	}
	switch c.Arg(1) {
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC:
		k.install(c.Task.Files, int(ret), f, c.Arg(1) == unix.F_DUPFD_CLOEXEC)
	case unix.F_SETFL:
		f.setFlags(int(c.Args[2]), c.Arg(0))
	case unix.F_SETPIPE_SZ:
		if p, ok := f.ops.(*Pipe); ok {
			p.resize(k, int(ret)/pageSize)
		}
	case unix.F_SETOWN:
		f.owner = Owner{Pid: c.Arg(2)}
	case unix.F_SETOWN_EX:
		const ownerTID = 0
		const ownerGroup = 2
		var raw [8]byte
		if c.get(raw[:], c.Args[2]) == 0 {
			kind, pid := le32(raw[:]), int(int32(le32(raw[4:])))
			f.owner = Owner{Pid: pid, Thread: kind == ownerTID}
			if kind == ownerGroup {
				f.owner.Pid = -pid
			}
		}
	case unix.F_SETSIG:
		f.sig = unix.Signal(c.Arg(2))
	}
}

// setFlags is F_SETFL through descriptor fd. F_SETOWN was never called for a file without an owner: then
// nobody hears of O_ASYNC, as in the kernel.
func (f *File) setFlags(flags, fd int) {
	if flags&^f.Flags&unix.O_ASYNC != 0 {
		f.asyncFD = fd
	}
	f.Flags = f.Flags&^setflMask | flags&setflMask
}

// fork, vfork and clone copy the table at some moment between their entry and their report. In a table that several
// tasks share nobody changes it meanwhile: else the child would hold what the model believes closed.
func (k *Kernel) fork(c *Call) Outcome  { return k.copies(c, 0) }
func (k *Kernel) clone(c *Call) Outcome { return k.copies(c, c.Args[0]) }
func (k *Kernel) clone3(c *Call) Outcome {
	var flags [8]byte // the first of struct clone_args
	if c.get(flags[:], c.Args[0]) != 0 {
		return Pass()
	}
	return k.copies(c, le64(flags[:]))
}

func (k *Kernel) copies(c *Call, flags uint64) Outcome {
	if flags&unix.CLONE_FILES != 0 || c.Task.Files.users == 1 {
		return Pass()
	}
	return Hear()
}

func (k *Kernel) unshare(c *Call) Outcome {
	if c.Args[0]&unix.CLONE_FILES == 0 || c.Task.Files.users == 1 {
		return Pass()
	}
	return Hear()
}

// Part gives a task a table of its own, after it left the one that others have before anybody watched. With names whom it
// shares that with, nil for nobody.
func (k *Kernel) Part(t, with *Task) {
	t.Files.users--
	if with == nil {
		t.Files = newFDTable()
		return
	}
	t.Files = with.Files
	t.Files.users++
}

func (k *Kernel) sawUnshare(c *Call, ret int64) {
	if ret == 0 {
		k.Unshare(c.Task)
	}
}
