package check

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Eventfds. The model's file does not tell what it was made with, so its twin is made when the call that made it is over.

// counter makes the twin of a new eventfd.
func (k *Checker) counter(c *emulate.Call, ret int64) {
	if ret < 0 {
		return
	}
	f := c.Task.Files.Get(int(ret))
	if f == nil || k.files[f] != nil {
		return
	}
	flags := uint64(unix.EFD_NONBLOCK | unix.EFD_CLOEXEC)
	if c.Sys.Nr == unix.SYS_EVENTFD2 {
		flags |= c.Args[1] & unix.EFD_SEMAPHORE
	}
	t := &twin{name: f.Name(), event: true}
	fd, errno := syscall(unix.SYS_EVENTFD2, c.Args[0], flags)
	if errno != 0 {
		t.gone = "on what has no twin: " + errno.Error()
	} else {
		en := &end{twin: t, file: f, fd: fd}
		t.ends, k.files[f] = []*end{en}, en
		k.touch(t)
	}
	k.twins[f.Object()] = t
}

// eventBuffers are the program's, as they are: a buffer of the wrong size is an error, and an empty one too.
func (k *Checker) eventBuffers(c *emulate.Call, list []span, in bool) (iov, data []byte, ok bool) {
	const most = 64 // all that is longer than 8 bytes is alike
	for _, s := range list {
		b := k.room(min(int(s.n), most))
		if in {
			if got, _ := c.Mem.ReadMem(b, s.base); got < len(b) {
				return nil, nil, false
			}
		}
		if data == nil {
			data = b
		}
		iov = binary.LittleEndian.AppendUint64(iov, address(b))
		iov = binary.LittleEndian.AppendUint64(iov, uint64(len(b)))
	}
	return k.pin(iov), data, true
}

// event makes a read or a write of an eventfd.
func (k *Checker) event(e *entry, c *emulate.Call, o emulate.Outcome, en *end, one, many int) {
	s, ok := e.measure(c, o)
	list, fine := k.buffers(c)
	if !ok || !fine || s.asked {
		return
	}
	if e.moved > 0 {
		list = cut(list, e.moved, maxRW)
	}
	iov, data, ok := k.eventBuffers(c, list, one == unix.SYS_WRITE)
	if !ok {
		e.why = "on an eventfd with a buffer that cannot be read"
		return
	}
	n, errno := vectored(one, many, c, en, iov, k.empty())
	if s.errno == unix.EFAULT {
		return // a count that cannot be stored is gone in both
	}
	k.judge(e, c, &s, o, nil, n, errno)
	if one == unix.SYS_READ && len(list) > 0 {
		k.bytes(e, c, list[:1], data, min(n, len(data)))
	}
	e.moved += s.moved
}
