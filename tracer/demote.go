package tracer

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Demote gives f's object back to the kernel: what lies in it is written to the placeholder, and from then
// on every call goes there. A socketpair goes as a whole.
func (h *host) Demote(f *emulate.File, why string) {
	t := h.t
	o := f.Object()
	if h.demoting[o] {
		return // an end that lies in a message on its own pair
	}
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
		h.demotePair(x, x.Peer())
		return
	case *emulate.Eventfd:
		h.refillEventfd(f, x)
	case *emulate.Epoll:
		for _, member := range x.Members() { // of which the kernel's half knows nothing
			h.Demote(member, "it is in "+o.Name())
		}
	}
	h.rejoin(o)
	t.kernel.Disown(o)
}

// refillPipe puts a pipe's slots into its placeholder, as they are.
func (h *host) refillPipe(p *emulate.Pipe) {
	for _, f := range h.t.kernel.Files(p) {
		if !f.Patient() {
			continue
		}
		if fd := h.open(f); fd >= 0 {
			unix.Splice(fd, nil, fd, nil, 1, unix.SPLICE_F_NONBLOCK) // fails, but not before pipe_clear_nowait
			rawClose(fd)
		}
	}
	slots := p.Drain()
	left := 0
	for _, s := range slots {
		left += len(s.Bytes)
	}
	if left == 0 {
		return
	}
	place := h.placeholder(&emulate.Task{}, -1, p)
	if place < 0 || !h.embark() {
		h.t.warn("%s: what lay in it is lost, its placeholder cannot be reached", p.Name())
		return
	}
	defer rawClose(place)
	for {
		n := h.ferry.load(place, slots, func() bool { return true })
		if left -= n; left == 0 {
			return
		}
		// What was spliced from a socket can hold more in a slot than a page.
		size, err := unix.FcntlInt(uintptr(place), unix.F_GETPIPE_SZ, 0)
		if err != nil || !rawFcntl(place, unix.F_SETPIPE_SZ, 2*size) {
			h.t.warn("%s: %d bytes of it are lost: the placeholder is full", p.Name(), left)
			return
		}
		slots = behind(slots, n)
	}
}

// behind is what slots hold beyond their first n bytes.
func behind(slots []emulate.Slot, n int) []emulate.Slot {
	for n > 0 && n >= len(slots[0].Bytes) {
		n -= len(slots[0].Bytes)
		slots = slots[1:]
	}
	slots[0].Bytes = slots[0].Bytes[n:]
	return slots
}

// refillEventfd adds an eventfd's count to its placeholder's, which is 0.
func (h *host) refillEventfd(f *emulate.File, e *emulate.Eventfd) {
	count := e.Drain()
	if count == 0 {
		return
	}
	if fd := h.open(f); fd >= 0 {
		defer rawClose(fd)
		if rawWrite(fd, binary.NativeEndian.AppendUint64(nil, count)) == 8 {
			return
		}
	}
	h.t.warn("%s: its count is lost, its placeholder cannot be reached", e.Name())
}
