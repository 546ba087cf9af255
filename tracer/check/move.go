package check

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A step is what one attempt did in the model.
type step struct {
	moved   int        // bytes
	errno   unix.Errno // the call's result
	blocked bool       // it goes on waiting,
	asked   bool       // or goes on when the kernel carried its descriptors
	was     int        // bytes that earlier attempts moved
}

// step measures an attempt. It is false for a call that the kernel makes.
func (e *entry) measure(c *emulate.Call, o emulate.Outcome) (s step, ok bool) {
	s.was = e.moved
	switch o.Kind {
	case emulate.KindDone:
		if s.errno = o.Errno(); s.errno == 0 {
			s.moved = int(o.Ret) - e.moved
		}
	case emulate.KindBlock:
		s.blocked, s.moved = true, max(0, c.Moved-e.moved)
	case emulate.KindAsk:
		s.asked, s.moved = true, max(0, c.Partial()-e.moved)
	default:
		return s, false
	}
	return s, true
}

// agrees tells whether the twin's answer to an attempt means the same.
func (s *step) agrees(n int, errno unix.Errno) bool {
	switch {
	case s.moved > 0:
		return errno == 0 && n == s.moved
	case s.blocked:
		return errno == unix.EAGAIN
	case s.errno != 0:
		return errno == s.errno
	case s.was > 0: // whatever ended the call, its bytes are its result
		return errno != 0 || n == 0
	}
	return errno == 0 && n == 0
}

// rwf are the flags of preadv2 and pwritev2. RWF_NOWAIT is refused once a pipe was spliced, and a twin is spliced more
// often than what it stands for: it waits for nothing anyway.
func rwf(c *emulate.Call) uint64 {
	if c.Sys.Nr == unix.SYS_PREADV2 || c.Sys.Nr == unix.SYS_PWRITEV2 {
		return c.Args[5]
	}
	return 0
}

const rwfNowait = 8

// moves begins what moves bytes between an end and buffers: what is to be compared of it. Not ok is a call of which nothing
// is, or that was made here, on an eventfd.
func (k *Checker) moves(e *entry, c *emulate.Call, o emulate.Outcome, one, vector int) (en *end, s step, list []span, ok bool) {
	if en = k.usable(e, 0); en == nil {
		return
	}
	if en.event {
		k.event(e, c, o, en, one, vector)
		return
	}
	s, measured := e.measure(c, o)
	list, fine := k.buffers(c)
	ok = measured && fine && !k.held(en, e, &s) && (rwf(c)&rwfNowait == 0 || s.errno != unix.EOPNOTSUPP)
	return
}

// read makes read, readv and preadv2.
func (k *Checker) read(e *entry, c *emulate.Call, o emulate.Outcome) {
	en, s, list, ok := k.moves(e, c, o, unix.SYS_READ, unix.SYS_PREADV2)
	if !ok {
		return
	}
	list = cut(list, e.moved, k.most(en, &s))
	iov, data := k.blank(c, list, k.short(en, &s, size(list)))
	n, errno := vectored(unix.SYS_READ, unix.SYS_PREADV2, c, en, iov, k.empty())
	k.judge(e, c, &s, o, en, n, errno)
	k.bytes(e, c, list, data, n)
	e.moved += s.moved
}

// vectored makes a call with one buffer, or with several. Only the first can send an empty packet.
func vectored(one, many int, c *emulate.Call, en *end, iov []byte, nowhere uint64) (int, unix.Errno) {
	switch {
	case c.Sys.Nr == one && len(iov) == 0:
		return syscall(one, uint64(en.fd), nowhere, 0)
	case c.Sys.Nr == one && len(iov) == 16:
		return syscall(one, uint64(en.fd), le64(iov), le64(iov[8:]))
	}
	flags := rwf(c)
	if !en.event {
		flags &^= rwfNowait
	}
	return syscall(many, uint64(en.fd), address(iov), uint64(len(iov)/16), ^uint64(0), 0, flags)
}

// most is how many bytes a receive of the twin is given room for. A stream whose messages have names must not give
// more than in the model: there they come from different processes, here all from one.
func (k *Checker) most(en *end, s *step) int {
	if s.asked {
		return s.moved
	}
	if en.typ == unix.SOCK_STREAM && s.moved > 0 {
		if on, _ := unix.GetsockoptInt(en.fd, unix.SOL_SOCKET, unix.SO_PASSCRED); on != 0 {
			return s.moved
		}
	}
	return max(1<<20, k.inside(en)+pageSize)
}

// inside is FIONREAD.
func (k *Checker) inside(en *end) int {
	n, err := unix.IoctlGetInt(en.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// short tells whether the program's buffer may be the reason why the model moved no more than it did.
func (k *Checker) short(en *end, s *step, room int) bool {
	return s.errno == unix.EFAULT || !s.blocked && s.errno == 0 && s.moved < room && k.inside(en) > s.moved
}

// held tells whether there is nothing to do yet: descriptors are on their way with a message, or the call waits for
// another that is in the middle of one.
func (k *Checker) held(en *end, e *entry, s *step) bool {
	if b := en.busy; b != nil && b != e && k.open[b.task.TID] == b && s.blocked && s.moved == 0 {
		return true
	}
	en.busy = nil
	if s.asked {
		en.busy = e
	}
	return s.asked && s.moved == 0
}

// judge compares an answer; from is the end that the bytes come from, if there is one.
func (k *Checker) judge(e *entry, c *emulate.Call, s *step, o emulate.Outcome, from *end, n int, errno unix.Errno) {
	e.compared = true
	if from != nil && from.nobody(s, errno) {
		n, errno = 0, 0
	}
	if !s.agrees(n, errno) {
		k.differ(e, c, s.text(o), answer(n, errno))
	}
}

// bytes compares what was received.
func (k *Checker) bytes(e *entry, c *emulate.Call, list []span, data []byte, n int) {
	if n <= 0 || k.failed {
		return
	}
	if at, theirs, ok := k.same(c, list, data, min(n, len(data))); !ok {
		k.differ(e, c, text("byte %d is %#02x (%s)", e.moved+at, theirs, char(theirs)), text("byte %d is %#02x (%s)", e.moved+at, data[at], char(data[at])))
	}
}

// write makes write, writev and pwritev2.
func (k *Checker) write(e *entry, c *emulate.Call, o emulate.Outcome) {
	en, s, list, ok := k.moves(e, c, o, unix.SYS_WRITE, unix.SYS_PWRITEV2)
	if !ok {
		return
	}
	total := size(list) - e.moved
	list = cut(list, e.moved, k.plenty(en, total))
	var n int
	var errno unix.Errno
	if tail := size(list) % pageSize; en.pipe != nil && c.Blocked() && tail > 0 {
		n, errno = k.goOn(en, c, list, tail)
	} else if n, errno = en.woken(c); errno == 0 {
		en.sync()
		iov := k.copied(c, list)
		n, errno = vectored(unix.SYS_WRITE, unix.SYS_PWRITEV2, c, en, iov, k.empty())
	}
	k.judge(e, c, &s, o, nil, n, errno)
	e.moved += s.moved
}

// plenty is how much of total bytes the twin is offered: more than it can take, and as many beyond whole pages.
func (k *Checker) plenty(en *end, total int) int {
	most := 0
	if en.pipe != nil {
		_, _, slots := en.pipe.Fill()
		most = (slots + 2) * pageSize
	} else {
		n, _ := unix.GetsockoptInt(en.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		most = 2*n + 1<<17
	}
	if total <= most {
		return total
	}
	return total - (total-most)/pageSize*pageSize
}

// goOn is the rest of a write that waited. Unlike a new one it appends nothing to the last slot: so the odd rest
// comes as a slot of its own, by splice.
func (k *Checker) goOn(en *end, c *emulate.Call, list []span, tail int) (n int, errno unix.Errno) {
	en.sync()
	if whole := size(list) - tail; whole > 0 {
		iov := k.copied(c, cut(list, 0, whole))
		if n, errno = syscall(unix.SYS_WRITEV, uint64(en.fd), address(iov), uint64(len(iov)/16)); n < whole {
			return n, errno
		}
	}
	var b []byte
	for _, s := range cut(list, n, tail) {
		piece := k.fetch(c, s.base, int(s.n))
		if piece != nil {
			b = append(b, piece...)
			continue
		}
		switch at := en.ready(); { // it is looked at when there is room for it
		case n > 0:
			return n, 0
		case at&emulate.Err != 0:
			return -1, unix.EPIPE
		case at&emulate.Out == 0:
			return -1, unix.EAGAIN
		}
		return -1, unix.EFAULT
	}
	m, errno := k.slot(en.fd, emulate.Slot{Bytes: b, Merge: !en.direct, Packet: en.direct})
	if n > 0 {
		return n + max(m, 0), 0
	}
	return m, errno
}

// sync gives the twin the O_DIRECT of its file.
func (en *end) sync() {
	if on := en.file.Flags&unix.O_DIRECT != 0; on != en.direct {
		if flags, err := unix.FcntlInt(uintptr(en.fd), unix.F_GETFL, 0); err == nil {
			unix.FcntlInt(uintptr(en.fd), unix.F_SETFL, flags&^unix.O_DIRECT|en.file.Flags&unix.O_DIRECT)
			en.direct = on
		}
	}
}
