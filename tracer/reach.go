package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// borrow takes a copy of a task's descriptor; the caller closes it.
func (h *host) borrow(m *emulate.Task, fd int) (int, error) {
	p, err := unix.PidfdOpen(m.TGID, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(p)
	return unix.PidfdGetfd(p, fd, 0)
}

// open gives a descriptor of ours for f's placeholder, which the caller closes; -1 if nobody has one to copy. A file that
// only a message holds is looked at in the placeholder where the message's twin lies.
func (h *host) open(f *emulate.File) int {
	if fd, ok := h.afloat[f]; ok {
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return -1
		}
		return n
	}
	if m, n, ok := h.t.kernel.Holder(f); ok {
		fd, err := h.borrow(m, n)
		if err != nil {
			return -1
		}
		return fd
	}
	s, before, at, ok := h.t.kernel.Afloat(f)
	if !ok || h.seeking[f] { // a message in a circle of sockets that nobody holds
		return -1
	}
	h.seeking[f] = true
	defer delete(h.seeking, f)
	place := h.open(s.File())
	if place < 0 {
		return -1
	}
	defer rawClose(place)
	const twinSize = 8
	unix.SetsockoptInt(place, unix.SOL_SOCKET, unix.SO_PEEK_OFF, before*twinSize)
	_, fds, _ := recvRights(place, unix.MSG_PEEK)
	unix.SetsockoptInt(place, unix.SOL_SOCKET, unix.SO_PEEK_OFF, -1)
	found := -1
	for i, fd := range fds {
		if i == at {
			found = fd
		} else {
			rawClose(fd)
		}
	}
	return found
}
