package tracer

import (
	"fmt"
	"os"

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
	fd, ok := h.afloat[f]
	if !ok {
		fd, ok = h.kept[f]
	}
	if ok {
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

// Keep takes a copy of a descriptor that is about to be closed.
func (h *host) Keep(m *emulate.Task, fd int, f *emulate.File) bool {
	n, err := h.borrow(m, fd)
	if err != nil {
		return false
	}
	h.kept[f] = n
	return true
}

// Kept says where such a copy is. The task may copy it in turn (pidfd_getfd(2)) if it sees this process and could trace
// it, which Yama lets it do when it is told so.
func (h *host) Kept(m *emulate.Task, f *emulate.File) (pid, fd int) {
	fd, ok := h.kept[f]
	if !ok {
		return 0, 0
	}
	ours, err := os.Readlink("/proc/self/ns/pid")
	its, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", m.TID))
	if err != nil || err2 != nil || ours != its {
		return 0, 0
	}
	unix.Prctl(unix.PR_SET_PTRACER, uintptr(m.TGID), 0, 0, 0) // EINVAL without Yama
	return h.t.pid, fd
}

// Drop closes it.
func (h *host) Drop(f *emulate.File) {
	if fd, ok := h.kept[f]; ok {
		rawClose(fd)
		delete(h.kept, f)
		unix.Prctl(unix.PR_SET_PTRACER, 0, 0, 0, 0)
	}
}
