package emutest

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The fake kernel's poll, select and epoll: the kernel's half of a wait, or a wait that is all its own.

// poll is what a description is ready for.
func (d *desc) poll() (e emulate.Events) {
	switch d.kind {
	case aFile:
		e = d.ready
	case aPipe:
		if d.flags&unix.O_ACCMODE != unix.O_WRONLY {
			if len(d.pipe.slots) > 0 {
				e |= emulate.In | emulate.RdNorm
			}
			if d.pipe.writers == 0 {
				e |= emulate.Hup
			}
		}
		if d.flags&unix.O_ACCMODE != unix.O_RDONLY {
			if len(d.pipe.slots) < d.pipe.size {
				e |= emulate.Out | emulate.WrNorm
			}
			if d.pipe.readers == 0 {
				e |= emulate.Err
			}
		}
	case aPair:
		e = emulate.Out | emulate.WrNorm
		if len(d.twins) > 0 {
			e |= emulate.In | emulate.RdNorm
		}
	case anEventfd:
		e = emulate.Out
		if d.number > 0 {
			e |= emulate.In
		}
	case anEpoll:
		for _, m := range d.items {
			if m.poll() != 0 {
				return emulate.In | emulate.RdNorm
			}
		}
	}
	return e
}

// timeout is how long a waiting call may last, in ns; negative for ever. A call whose time is over has none left.
func (t *Task) timeout(nr int, a [6]uint64) int64 {
	var at uint64
	unit := uint64(1)
	switch nr {
	case unix.SYS_POLL:
		return int64(int32(a[2])) * 1e6
	case unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT:
		return int64(int32(a[3])) * 1e6
	case unix.SYS_PPOLL:
		at = a[2]
	case unix.SYS_SELECT:
		at, unit = a[4], 1e3
	case unix.SYS_PSELECT6:
		at = a[4]
	case unix.SYS_EPOLL_PWAIT2:
		at = a[3]
	}
	if at == 0 {
		return -1
	}
	return int64(t.Mem.Uint(at, 8)*1e9 + t.Mem.Uint(at+8, 8)*unit)
}

// rest makes nothing of a wait whose time is over, and sleeps of any other.
func (t *Task) rest(nr int, a [6]uint64) int64 {
	if t.over || t.timeout(nr, a) == 0 {
		return 0
	}
	return sleeps
}

func (t *Task) kPoll(a [6]uint64) int64  { return t.pollfds(unix.SYS_POLL, a) }
func (t *Task) kPpoll(a [6]uint64) int64 { return t.pollfds(unix.SYS_PPOLL, a) }

func (t *Task) pollfds(nr int, a [6]uint64) int64 {
	const nval, size = 0x20, 8
	n := int64(0)
	for i := range a[1] {
		at := a[0] + i*size
		fd, got := t.Mem.Uint(at, 4), emulate.Events(nval)
		if int32(fd) < 0 {
			got = 0
		} else if d := t.desc(fd); d != nil {
			got = d.poll() & (emulate.Events(t.Mem.Uint(at+4, 2)) | emulate.Err | emulate.Hup)
		}
		t.Mem.Put(at+6, uint16(got))
		if got != 0 {
			n++
		}
	}
	if n == 0 {
		return t.rest(nr, a)
	}
	return n
}

func (t *Task) kSelect(a [6]uint64) int64 {
	sets := [3]emulate.Events{emulate.In | emulate.Hup | emulate.Err, emulate.Out | emulate.Err, emulate.Pri}
	n := int64(0)
	var out [3][]byte
	for i, want := range sets {
		if a[1+i] == 0 {
			continue
		}
		out[i] = make([]byte, (a[0]+63)/64*8)
		for fd := range a[0] {
			if t.Mem.Uint(a[1+i]+fd/8, 1)>>(fd%8)&1 == 0 {
				continue
			}
			d := t.desc(fd)
			if d == nil {
				return minus(unix.EBADF)
			}
			if d.poll()&want != 0 {
				out[i][fd/8] |= 1 << (fd % 8)
				n++
			}
		}
	}
	nr := unix.SYS_SELECT
	if n == 0 && t.rest(nr, a) == sleeps {
		return sleeps
	}
	for i, b := range out {
		t.Mem.Put(a[1+i], b)
	}
	return n
}

// A member is one interest of an epoll.
type member struct {
	desc   *desc
	fd     int
	events emulate.Events
	data   uint64
	told   emulate.Events // what EPOLLET reported already
}

func (m *member) poll() emulate.Events {
	if m.events&^(unix.EPOLLONESHOT|1<<31) == 0 {
		return 0
	}
	return m.desc.poll() & (m.events | emulate.Err | emulate.Hup) &^ m.told
}

func (t *Task) kEpollCreate(a [6]uint64) int64 {
	if int32(a[0]) <= 0 {
		return minus(unix.EINVAL)
	}
	return t.kEpollCreate1([6]uint64{})
}

func (t *Task) kEpollCreate1(a [6]uint64) int64 {
	if a[0]&^unix.EPOLL_CLOEXEC != 0 {
		return minus(unix.EINVAL)
	}
	return t.table.add(&desc{kind: anEpoll, flags: unix.O_RDWR}, 0, a[0] != 0)
}

func (t *Task) kEpollCtl(a [6]uint64) int64 {
	ep, d, fd := t.desc(a[0]), t.desc(a[2]), int(int32(a[2]))
	var event [12]byte
	if a[1] != unix.EPOLL_CTL_DEL {
		if _, e := t.Mem.ReadMem(event[:], a[3]); e != 0 {
			return minus(e)
		}
	}
	switch {
	case ep == nil || d == nil:
		return minus(unix.EBADF)
	case ep.kind != anEpoll || ep == d:
		return minus(unix.EINVAL)
	}
	at := -1
	for i, m := range ep.items {
		if m.desc == d && m.fd == fd {
			at = i
		}
	}
	m := &member{desc: d, fd: fd, events: emulate.Events(binary.LittleEndian.Uint32(event[:])), data: binary.LittleEndian.Uint64(event[4:])}
	switch {
	case a[1] == unix.EPOLL_CTL_ADD && at >= 0:
		return minus(unix.EEXIST)
	case a[1] == unix.EPOLL_CTL_ADD:
		ep.items = append(ep.items, m)
	case at < 0:
		return minus(unix.ENOENT)
	case a[1] == unix.EPOLL_CTL_DEL:
		ep.items = append(ep.items[:at], ep.items[at+1:]...)
	default:
		ep.items[at] = m
	}
	return 0
}

func (t *Task) kEpollWait(a [6]uint64) int64   { return t.fish(unix.SYS_EPOLL_WAIT, a) }
func (t *Task) kEpollPwait2(a [6]uint64) int64 { return t.fish(unix.SYS_EPOLL_PWAIT2, a) }

func (t *Task) fish(nr int, a [6]uint64) int64 {
	const size = 12 // struct epoll_event is packed on x86-64
	ep := t.desc(a[0])
	switch {
	case ep == nil:
		return minus(unix.EBADF)
	case ep.kind != anEpoll || int32(a[2]) <= 0:
		return minus(unix.EINVAL)
	}
	n := uint64(0)
	var asked []*member
	for i := 0; i < len(ep.items) && n < a[2]; i++ {
		m := ep.items[i]
		if m.desc.refs <= 0 { // closed: eventpoll_release_file
			continue
		}
		got := m.poll()
		if got == 0 {
			continue
		}
		t.Mem.Put(a[1]+n*size, uint32(got), m.data)
		n++
		asked = append(asked, m)
		switch {
		case m.events&unix.EPOLLONESHOT != 0:
			m.events &= unix.EPOLLONESHOT
		case m.events&(1<<31) != 0:
			m.told |= got
		}
	}
	if n == 0 {
		return t.rest(nr, a)
	}
	for _, m := range asked { // to the tail of the ready list
		for i, other := range ep.items {
			if other == m {
				ep.items = append(append(ep.items[:i], ep.items[i+1:]...), m)
				break
			}
		}
	}
	return int64(n)
}
