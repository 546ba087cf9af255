package emutest

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The fake kernel's files: a test says what lies in one and whether it is ready. A file that is not ready for In
// and at its end is one that somebody may still write to, like a terminal; one ready for it is at its true end.

func (t *Task) kRead(a [6]uint64) int64 {
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	var b []byte
	switch d.kind {
	case aFile:
		b = d.data[min(int(d.pos), len(d.data)):]
		b = b[:min(len(b), int(a[2]))]
		d.pos += int64(len(b))
		if len(b) == 0 && d.ready&emulate.In == 0 {
			return d.later()
		}
	case aPipe: // given back
		slots, n := d.pipe.take(int(a[2]))
		for _, s := range slots {
			b = append(b, s.Bytes...)
		}
		if n == 0 && d.pipe.writers > 0 {
			return d.later()
		}
	case aPair:
		if len(d.twins) == 0 {
			return d.later()
		}
		b = d.twins[0].data
		b = b[:min(len(b), int(a[2]))]
		if d.twins[0].data = d.twins[0].data[len(b):]; len(d.twins[0].data) == 0 || d.typ != unix.SOCK_STREAM {
			d.twins = d.twins[1:]
		}
	case anEventfd: // given back
		switch {
		case a[2] < 8:
			return minus(unix.EINVAL)
		case d.number == 0:
			return d.later()
		}
		b = binary.LittleEndian.AppendUint64(nil, d.number)
		d.number = 0
	default:
		return minus(unix.EINVAL)
	}
	n, e := t.Mem.WriteMem(a[1], b)
	if n == 0 && e != 0 {
		return minus(e)
	}
	return int64(n)
}

func (d *desc) later() int64 {
	if d.flags&unix.O_NONBLOCK != 0 {
		return minus(unix.EAGAIN)
	}
	return sleeps
}

func (t *Task) kWrite(a [6]uint64) int64 {
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	if d.kind == anEventfd {
		switch {
		case a[2] != 8 && (a[2] < 8 || !t.sim.LongWrites):
			return minus(unix.EINVAL)
		case a[1] == 0:
			return minus(unix.EFAULT)
		}
		d.number += t.Mem.Uint(a[1], 8)
		return 8
	}
	b := t.Mem.Bytes(a[1], int(a[2]))
	switch d.kind {
	case aFile:
		d.data = append(d.data, b...)
	case aPipe:
		d.pipe.put(b)
	case aPair:
		return t.deliver(d, twin{data: b})
	default:
		return minus(unix.EINVAL)
	}
	return int64(len(b))
}

func (t *Task) kPread(a [6]uint64) int64 {
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	b := d.data[min(int(a[3]), len(d.data)):]
	b = b[:min(len(b), int(a[2]))]
	t.Mem.Put(a[1], b)
	return int64(len(b))
}

func (t *Task) kLseek(a [6]uint64) int64 {
	d := t.desc(a[0])
	switch {
	case d == nil:
		return minus(unix.EBADF)
	case d.kind != aFile:
		return minus(unix.ESPIPE)
	case a[2] == unix.SEEK_SET:
		d.pos = int64(a[1])
	case a[2] == unix.SEEK_CUR:
		d.pos += int64(a[1])
	}
	return d.pos
}

// take removes up to n bytes from the front.
func (p *placeholder) take(n int) (out []emulate.Slot, got int) {
	for len(p.slots) > 0 && got < n {
		s := &p.slots[0]
		m := min(len(s.Bytes), n-got)
		out = append(out, emulate.Slot{Bytes: s.Bytes[:m]})
		got += m
		if s.Bytes = s.Bytes[m:]; len(s.Bytes) == 0 {
			p.slots = p.slots[1:]
		}
	}
	return out, got
}

// put fills slots of a page each, as far as there are any, and tells how many bytes went in.
func (p *placeholder) put(b []byte) (n int) {
	for len(b) > 0 && len(p.slots) < p.size {
		m := min(len(b), PageSize)
		p.slots = append(p.slots, emulate.Slot{Bytes: append([]byte(nil), b[:m]...)})
		b = b[m:]
		n += m
	}
	return n
}

// kSplice moves between a placeholder and a file; whether it waits for the file is the file's readiness.
func (t *Task) kSplice(a [6]uint64) int64 {
	const nonblock = 2
	in, out := t.desc(a[0]), t.desc(a[2])
	switch {
	case in == nil || out == nil:
		return minus(unix.EBADF)
	case in.kind == aPipe && out.kind == aFile:
		if len(in.pipe.slots) == 0 {
			if in.pipe.writers == 0 {
				return 0
			}
			return wait(a[5]&nonblock != 0 || in.flags&unix.O_NONBLOCK != 0)
		}
		if out.ready&emulate.Out == 0 {
			return sleeps
		}
		slots, n := in.pipe.take(int(a[4]))
		for _, s := range slots {
			out.data = append(out.data, s.Bytes...)
		}
		return int64(n)
	case in.kind == aFile && out.kind == aPipe:
		return fill(in, out, int(a[4]), a[5]&nonblock != 0 || out.flags&unix.O_NONBLOCK != 0)
	}
	if in.kind == anEventfd && out.kind == aPipe && len(out.pipe.slots) >= out.pipe.size {
		return wait(a[5]&nonblock != 0 || out.flags&unix.O_NONBLOCK != 0) // wait_for_space comes first
	}
	return minus(unix.EINVAL)
}

// fill brings what a file has next into a placeholder.
func fill(in, out *desc, n int, nonblock bool) int64 {
	switch {
	case out.pipe.readers == 0:
		return minus(unix.EPIPE)
	case len(out.pipe.slots) >= out.pipe.size:
		return wait(nonblock)
	}
	b := in.data[min(int(in.pos), len(in.data)):]
	if len(b) == 0 && in.ready&emulate.In == 0 {
		return sleeps
	}
	n = out.pipe.put(b[:min(len(b), n)])
	in.pos += int64(n)
	return int64(n)
}

func wait(nonblock bool) int64 {
	if nonblock {
		return minus(unix.EAGAIN)
	}
	return sleeps
}

// kTee knows only that a tee needs two pipes.
func (t *Task) kTee(a [6]uint64) int64 {
	if t.desc(a[0]) == nil || t.desc(a[1]) == nil {
		return minus(unix.EBADF)
	}
	return minus(unix.EINVAL)
}

// kPositioned refuses a read or write at a place of what has none.
func (t *Task) kPositioned(a [6]uint64) int64 {
	if t.desc(a[0]) == nil {
		return minus(unix.EBADF)
	}
	return minus(unix.ESPIPE)
}

// kSendfile reads a file into a placeholder; with a count of 0 it only looks at its descriptors.
func (t *Task) kSendfile(a [6]uint64) int64 {
	out, in := t.desc(a[0]), t.desc(a[1])
	switch {
	case in == nil || out == nil:
		return minus(unix.EBADF)
	case in.kind != aFile:
		return minus(unix.EINVAL)
	case a[3] == 0:
		return 0
	case out.kind != aPipe:
		return minus(unix.EINVAL)
	}
	return fill(in, out, int(a[3]), out.flags&unix.O_NONBLOCK != 0)
}
