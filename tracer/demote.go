package tracer

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Demote gives f's object back to the kernel: what lies in it is written to the placeholder, and from then
// on every call goes there. A socketpair goes as a whole.
func (h *host) Demote(f *emulate.File, why string) {
	t := h.t
	o := f.Object()
	if t.opts.Strict {
		t.fail(fmt.Errorf("%s: %s cannot be served, and --strict forbids leaving it to the kernel", o.Name(), why))
		return
	}
	if p, ok := o.(*emulate.Pipe); ok && p.Lent() {
		// Its placeholder is in the kernel's hands, which may keep its mutex for long.
		t.fail(fmt.Errorf("%s: %s cannot be served while a splice on it is under way", o.Name(), why))
		return
	}
	t.warn("%s is left to the kernel: %s", o.Name(), why)
	switch x := o.(type) {
	case *emulate.Pipe:
		h.refillPipe(x)
	case *emulate.Socket:
		h.refillSocket(x, x.Peer())
		if p := x.Peer(); p != nil {
			h.refillSocket(p, x)
			h.rejoin(p)
			t.kernel.Disown(p)
		}
	case *emulate.Epoll:
		for _, member := range x.Members() { // of which the kernel's half knows nothing
			h.Demote(member, "it is in "+o.Name())
		}
	}
	h.rejoin(o)
	t.kernel.Disown(o)
}

// refillPipe writes a pipe's bytes into its placeholder, slot by slot, packets as packets.
func (h *host) refillPipe(p *emulate.Pipe) {
	slots := p.Drain()
	if len(slots) == 0 {
		return
	}
	fd := h.writeEnd(p)
	if fd < 0 {
		h.t.warn("%s: what lay in it is lost, its placeholder cannot be reached", p.Name())
		return
	}
	defer unix.Close(fd)
	was, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	for _, s := range slots {
		flags := was | unix.O_NONBLOCK
		if s.Packet {
			flags |= unix.O_DIRECT
		}
		unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
		if _, err := unix.Write(fd, s.Bytes); err != nil {
			h.t.warn("%s: %d bytes of it are lost: %v", p.Name(), len(s.Bytes), err)
			break
		}
	}
	unix.FcntlInt(uintptr(fd), unix.F_SETFL, was)
}

// writeEnd opens a new description of the placeholder for writing: the program's own may be gone.
func (h *host) writeEnd(p *emulate.Pipe) int {
	for _, f := range h.t.kernel.Files(p) {
		m, fd, ok := h.t.kernel.Holder(f)
		if !ok {
			continue
		}
		path := fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd)
		if n, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
			return n
		}
	}
	return -1
}

// refillSocket sends what lies unread at s through the kernel's socket of its peer.
func (h *host) refillSocket(s, peer *emulate.Socket) {
	msgs := s.Drain()
	if len(msgs) == 0 {
		return
	}
	fd := -1
	if peer != nil {
		for _, f := range h.t.kernel.Files(peer) {
			if m, n, ok := h.t.kernel.Holder(f); ok {
				fd, _ = h.borrow(m, n)
				break
			}
		}
	}
	if fd < 0 {
		h.t.warn("%s: what lay in it is lost, its placeholder cannot be reached", s.Name())
		return
	}
	defer unix.Close(fd)
	for _, msg := range msgs {
		if err := unix.Sendmsg(fd, msg.Bytes, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); err != nil {
			h.t.warn("%s: %d bytes of it are lost: %v", s.Name(), len(msg.Bytes), err)
			return
		}
	}
}

// audit holds a child's descriptors against the kernel's: its parent's table was shared, and another
// thread may have changed it between the copy and its report.
func (t *Tracer) audit(child *task) {
	for _, fd := range child.model.Files.FDs() {
		var st unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", child.tid, fd), &st); err != nil && os.IsNotExist(err) {
			t.kernel.Forget(child.model, fd)
		}
	}
}
