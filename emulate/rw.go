package emulate

import "golang.org/x/sys/unix"

// The calls of fs/read_write.c. Each finds the file, makes the program's buffers a Vec, and hands both to
// the object.

func (k *Kernel) read(c *Call) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	if !f.reads() {
		return Fail(unix.EBADF)
	}
	v, e := k.buffer(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	return f.ops.read(k, c, f, v, f.nonblock())
}

func (k *Kernel) write(c *Call) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	if !f.writes() {
		return Fail(unix.EBADF)
	}
	v, e := k.buffer(c, c.Args[1], c.Args[2])
	if e != 0 {
		return Fail(e)
	}
	return f.ops.write(k, c, f, v, f.nonblock())
}

func (k *Kernel) readv(c *Call) Outcome  { return k.vector(c, true, false) }
func (k *Kernel) writev(c *Call) Outcome { return k.vector(c, false, false) }

const rwfNowait = 0x8 // RWF_NOWAIT, include/uapi/linux/fs.h

// preadv2 and pwritev2 with offset -1 are readv and writev with flags; any other offset on a pipe or a
// socket is ESPIPE, which the placeholder answers.
func (k *Kernel) preadv2(c *Call) Outcome  { return k.positioned(c, true) }
func (k *Kernel) pwritev2(c *Call) Outcome { return k.positioned(c, false) }

func (k *Kernel) positioned(c *Call, in bool) Outcome {
	f := k.file(c, 0)
	if f == nil || int64(c.Args[3]) != -1 {
		return Pass()
	}
	// Flags other than RWF_NOWAIT mean nothing to a stream, or are refused: the placeholder knows, and a
	// transfer of nothing asks it without moving a byte.
	if flags := c.Args[5]; flags&^rwfNowait != 0 {
		if c.Results == nil {
			probe := c.Args
			probe[2] = 0
			return Ask(KernelCall{Nr: c.Sys.Nr, Args: probe})
		}
		if c.Results[0] < 0 {
			return Outcome{Kind: KindDone, Ret: c.Results[0]}
		}
	}
	return k.vector(c, in, c.Args[5]&rwfNowait != 0)
}

func (k *Kernel) vector(c *Call, in, nowait bool) Outcome {
	f := k.file(c, 0)
	if f == nil {
		return Pass()
	}
	if in && !f.reads() || !in && !f.writes() {
		return Fail(unix.EBADF)
	}
	v, e := k.iovec(c, c.Args[1], c.Args[2], unix.EINVAL)
	if e != 0 {
		return Fail(e)
	}
	if v.Len() == 0 {
		return Done(0) // fs/read_write.c: do_iter_readv_writev is not reached without bytes to move
	}
	if nowait && f.spliced {
		return Fail(unix.EOPNOTSUPP)
	}
	if in {
		return f.ops.read(k, c, f, v, nowait || f.nonblock())
	}
	return f.ops.write(k, c, f, v, nowait || f.nonblock())
}
