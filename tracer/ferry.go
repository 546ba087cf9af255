package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A ferry is what moves slots into a placeholder and out of it without changing their bounds: a pipe of one slot,
// through which they are spliced one by one, and a pipe full of stand-ins, which are copied by tee.
type ferry struct {
	r, w   int
	direct bool // w has O_DIRECT: what is written becomes a packet
	sr, sw int  // the stand-ins: slots of one byte each
	stock  int  // how many there are
}

const pageSize = 4096

func newFerry() (*ferry, error) {
	var one, many [2]int
	if err := unix.Pipe2(one[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(one[0]), unix.F_SETPIPE_SZ, pageSize); err != nil {
		return nil, err
	}
	if err := unix.Pipe2(many[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	return &ferry{r: one[0], w: one[1], sr: many[0], sw: many[1]}, nil
}

// supply sees to it that there are n stand-ins.
func (s *ferry) supply(n int) error {
	if n > s.stock {
		if _, err := unix.FcntlInt(uintptr(s.sw), unix.F_SETPIPE_SZ, n*pageSize); err != nil {
			return err
		}
	}
	for ; s.stock < n; s.stock++ {
		if n := s.pass([]byte{0}, false, s.sw); n != 1 {
			return unix.EAGAIN
		}
	}
	return nil
}

// Lend fills p's placeholder for a call that the kernel is about to make on it.
func (h *host) Lend(m *emulate.Task, fd int, p *emulate.Pipe, taken int, slots []emulate.Slot) (int, bool) {
	if h.ferry == nil {
		s, err := newFerry()
		if err != nil {
			return 0, false
		}
		h.ferry = s
	}
	if taken == 0 && len(slots) == 0 {
		return 0, true
	}
	place := h.placeholder(m, fd, p)
	if place < 0 {
		return 0, false
	}
	defer unix.Close(place)
	if taken > 0 {
		if err := h.ferry.supply(taken); err != nil {
			return 0, false
		}
		if n, err := unix.Tee(h.ferry.sr, place, taken, unix.SPLICE_F_NONBLOCK); err != nil || int(n) < taken {
			return 0, false
		}
	}
	n := h.ferry.load(place, slots)
	return n, n > 0 || len(slots) == 0
}

// load puts slots into a placeholder. Neighbouring pages go in one write, which gives each its slot; whatever a
// plain write would append to the slot before it, or would mark wrongly, goes over the pipe of one slot.
func (s *ferry) load(place int, slots []emulate.Slot) (all int) {
	var run []byte
	flush := func() bool {
		n, err := 0, error(nil)
		if len(run) > 0 {
			n, err = unix.Write(place, run)
			all += max(n, 0)
		}
		full := n == len(run) && err == nil
		run = run[:0]
		return full
	}
	for _, slot := range slots {
		if !slot.Packet && len(slot.Bytes) == pageSize {
			run = append(run, slot.Bytes...)
			continue
		}
		if !flush() {
			return all
		}
		for b := slot.Bytes; len(b) > 0; b = b[min(len(b), pageSize):] {
			n := s.pass(b[:min(len(b), pageSize)], slot.Packet, place)
			if all += n; n == 0 {
				return all // the placeholder is full
			}
		}
	}
	flush()
	return all
}

// pass puts one slot into another pipe and returns its length, or 0.
func (s *ferry) pass(b []byte, packet bool, to int) int {
	if packet != s.direct {
		flags := unix.O_NONBLOCK
		if packet {
			flags |= unix.O_DIRECT
		}
		if _, err := unix.FcntlInt(uintptr(s.w), unix.F_SETFL, flags); err != nil {
			return 0
		}
		s.direct = packet
	}
	n, err := unix.Write(s.w, b)
	if err != nil {
		return 0
	}
	if _, err := unix.Splice(s.r, nil, to, nil, n, unix.SPLICE_F_NONBLOCK); err != nil {
		unix.Read(s.r, make([]byte, n))
		return 0
	}
	return n
}

// Reclaim takes back what lies in p's placeholder behind the stand-ins.
func (h *host) Reclaim(m *emulate.Task, fd int, p *emulate.Pipe, taken int) ([]emulate.Slot, bool) {
	place := h.placeholder(m, fd, p)
	if place < 0 {
		return nil, false
	}
	defer unix.Close(place)
	if taken > 0 {
		unix.Read(place, make([]byte, taken))
	}
	var out []emulate.Slot
	for {
		n, err := unix.Splice(place, nil, h.ferry.w, nil, 1<<30, unix.SPLICE_F_NONBLOCK)
		if err != nil || n == 0 {
			return out, true
		}
		b := make([]byte, n)
		if _, err := unix.Read(h.ferry.r, b); err != nil {
			h.t.warn("%s: %d bytes of it are lost: %v", p.Name(), n, err)
			return out, true
		}
		out = append(out, emulate.Slot{Bytes: b})
	}
}

// placeholder opens p's placeholder anew, for both directions: through fd of m if that still leads there, or
// through whoever holds the pipe.
func (h *host) placeholder(m *emulate.Task, fd int, p *emulate.Pipe) int {
	open := func(m *emulate.Task, fd int) int {
		n, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1
		}
		return n
	}
	if m.Files != nil {
		if f := m.Files.Get(fd); f != nil && f.Object() == emulate.Object(p) {
			if n := open(m, fd); n >= 0 {
				return n
			}
		}
	}
	for _, f := range h.t.kernel.Files(p) {
		if other, fd, ok := h.t.kernel.Holder(f); ok {
			if n := open(other, fd); n >= 0 {
				return n
			}
		}
	}
	return -1
}
