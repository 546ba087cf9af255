package emulate

import "golang.org/x/sys/unix"

// The calls of fs/read_write.c. Each finds the file, makes the program's buffers a Vec, and hands both to
// the object.

func (k *Kernel) read(c *Call) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	switch _, none := f.ops.(*Epoll); {
	case !f.reads():
		return Fail(unix.EBADF)
	case none: // EINVAL before the buffer is looked at, says the kernel
		return Pass()
	}
	v, e := k.buffer(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	return f.ops.read(k, c, f, v, c.nonblock(f))
}

func (k *Kernel) write(c *Call) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	switch _, none := f.ops.(*Epoll); {
	case !f.writes():
		return Fail(unix.EBADF)
	case none:
		return Pass()
	}
	v, e := k.buffer(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	return f.ops.write(k, c, f, v, c.nonblock(f))
}

func (k *Kernel) readv(c *Call) Outcome  { return k.vector(c, true, 0) }
func (k *Kernel) writev(c *Call) Outcome { return k.vector(c, false, 0) }

// The flags of preadv2, include/uapi/linux/fs.h. A pipe and a socket take those that say how to wait and what to
// append to or sync, which mean nothing to them (kiocb_set_rw_flags; the last is of Linux 6.16).
const (
	rwfHipri    = 0x1
	rwfNowait   = 0x8
	rwfAppend   = 0x10
	rwfNoappend = 0x20
	rwfAtomic   = 0x40 // known, and refused by what has no use for it
	rwfUncached = 0x80
	rwfNosignal = 0x100
	rwfTaken    = rwfHipri | 0x2 | 0x4 | rwfNowait | rwfAppend | rwfNoappend | rwfNosignal
	rwfKnown    = rwfTaken | rwfAtomic | rwfUncached
)

// preadv2 and pwritev2 with offset -1 are readv and writev with flags; any other offset on a pipe or a
// socket is ESPIPE, which the placeholder answers.
func (k *Kernel) preadv2(c *Call) Outcome  { return k.positioned(c, true) }
func (k *Kernel) pwritev2(c *Call) Outcome { return k.positioned(c, false) }

func (k *Kernel) positioned(c *Call, in bool) Outcome {
	f := k.file(c, 0)
	if f == nil || int64(c.Args[3]) != -1 {
		return Pass()
	}
	return k.vector(c, in, uint32(c.Args[5]))
}

func (k *Kernel) vector(c *Call, in bool, flags uint32) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	switch _, none := f.ops.(*Epoll); {
	case in && !f.reads() || !in && !f.writes():
		return Fail(unix.EBADF)
	case none:
		return Pass()
	}
	v, e := k.iovec(c, c.Args[1], uint64(uint32(c.Args[2])), unix.EINVAL)
	if e != 0 {
		return Fail(e)
	}
	if v.Len() == 0 {
		return Done(0) // fs/read_write.c: do_iter_readv_writev is not reached without bytes to move
	}
	nowait := flags&rwfNowait != 0
	switch _, loops := f.ops.(*Eventfd); {
	case loops && !in && flags&^rwfHipri != 0: // do_loop_readv_writev
		return Fail(unix.EOPNOTSUPP)
	case flags&^rwfKnown != 0:
		return Fail(unix.EOPNOTSUPP)
	case flags&rwfAppend != 0 && flags&rwfNoappend != 0:
		return Fail(unix.EINVAL)
	case flags&^rwfTaken != 0 || nowait && f.patient:
		return Fail(unix.EOPNOTSUPP)
	}
	if in {
		return f.ops.read(k, c, f, v, nowait || c.nonblock(f))
	}
	o := f.ops.write(k, c, f, v, nowait || c.nonblock(f))
	if flags&rwfNosignal != 0 {
		o.Signal = 0
	}
	return o
}
