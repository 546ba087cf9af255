package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A ferry moves slots into a placeholder and out of it without changing their bounds: they are spliced one by one
// through a pipe of one slot. Stand-ins, which only occupy slots, are copied by tee from a pipe full of them.
type ferry struct {
	r, w   int
	direct bool // w has O_DIRECT: what is written becomes a packet
	sr, sw int  // the stand-ins: slots of one byte each
	stock  int  // how many there are
	tr, tw int  // for a look at a copy
}

const pageSize = 4096

func newFerry() (*ferry, error) {
	f := &ferry{}
	for _, ends := range [][2]*int{{&f.r, &f.w}, {&f.sr, &f.sw}, {&f.tr, &f.tw}} {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		*ends[0], *ends[1] = p[0], p[1]
	}
	_, err := unix.FcntlInt(uintptr(f.w), unix.F_SETPIPE_SZ, pageSize)
	return f, err
}

// supply sees to it that there are n stand-ins.
func (f *ferry) supply(n int) bool {
	if n > f.stock {
		if _, err := unix.FcntlInt(uintptr(f.sw), unix.F_SETPIPE_SZ, n*pageSize); err != nil {
			return false
		}
	}
	for f.stock < n && f.pass(emulate.Slot{Bytes: []byte{0}}, false, f.sw) == 1 {
		f.stock++
	}
	return f.stock >= n
}

// load puts slots into a placeholder and returns how many bytes of them fit. Neighbouring pages go in one write,
// which gives each its slot.
func (f *ferry) load(place int, slots []emulate.Slot, exact bool) (all int) {
	var run []byte
	flush := func() bool {
		n := 0
		if len(run) > 0 {
			n, _ = unix.Write(place, run)
			all += max(n, 0)
		}
		whole := n == len(run)
		run = run[:0]
		return whole
	}
	for _, s := range slots {
		if !s.Packet && len(s.Bytes) == pageSize {
			run = append(run, s.Bytes...)
			continue
		}
		if !flush() {
			return all
		}
		for b := s.Bytes; len(b) > 0; b = b[min(len(b), pageSize):] {
			s.Bytes = b[:min(len(b), pageSize)]
			n := f.pass(s, exact, place)
			if all += n; n == 0 {
				return all
			}
		}
	}
	flush()
	return all
}

// pass puts one slot into another pipe and returns its length, or 0 when that is full. The kernel goes on to
// append to a slot that moved as a whole, not to one that was split.
func (f *ferry) pass(s emulate.Slot, exact bool, to int) int {
	if s.Packet != f.direct {
		flags := unix.O_NONBLOCK
		if s.Packet {
			flags |= unix.O_DIRECT
		}
		if _, err := unix.FcntlInt(uintptr(f.w), unix.F_SETFL, flags); err != nil {
			return 0
		}
		f.direct = s.Packet
	}
	b := s.Bytes
	before := 0
	switch {
	case !exact || s.Packet:
	case s.Merge && s.Off+len(b) <= pageSize:
		before = s.Off
		b = append(make([]byte, before), b...)
	case !s.Merge && len(b) < pageSize:
		b = append(b[:len(b):len(b)], 0)
	}
	if _, err := unix.Write(f.w, b); err != nil {
		return 0
	}
	if before > 0 {
		unix.Read(f.r, make([]byte, before))
	}
	n, err := unix.Splice(f.r, nil, to, nil, len(s.Bytes), unix.SPLICE_F_NONBLOCK)
	if err != nil || int(n) < len(b)-before {
		unix.Read(f.r, make([]byte, pageSize))
	}
	if err != nil {
		return 0
	}
	return int(n)
}

// unload takes out all that lies in a placeholder.
func (f *ferry) unload(place int, exact bool) (out []emulate.Slot) {
	for {
		n, err := unix.Splice(place, nil, f.w, nil, 1<<30, unix.SPLICE_F_NONBLOCK)
		if err != nil || n == 0 {
			return out
		}
		s := emulate.Slot{Bytes: make([]byte, n)}
		if exact {
			f.examine(&s)
		}
		unix.Read(f.r, s.Bytes)
		if s.Merge {
			unix.Read(f.r, make([]byte, pageSize))
		}
		out = append(out, s)
	}
}

// examine finds out what kind of slot lies in the pipe of one slot. A read ends behind a packet; what can be
// appended to a slot tells where in its page it lies.
func (f *ferry) examine(s *emulate.Slot) {
	n := len(s.Bytes)
	if m, err := unix.Tee(f.r, f.tw, n, unix.SPLICE_F_NONBLOCK); err == nil && int(m) == n {
		unix.Write(f.tw, []byte{0})
		b := make([]byte, n+1)
		if m, _ := unix.Read(f.tr, b); m == n {
			s.Packet = true
			unix.Read(f.tr, b)
		}
	}
	if s.Packet {
		return
	}
	if f.direct {
		unix.FcntlInt(uintptr(f.w), unix.F_SETFL, unix.O_NONBLOCK)
		f.direct = false
	}
	room := 0
	for k := pageSize / 2; k > 0; k /= 2 {
		if _, err := unix.Write(f.w, make([]byte, k)); err == nil {
			room += k
		}
	}
	if room > 0 {
		s.Merge, s.Off = true, pageSize-n-room
	}
}

// Lend fills p's placeholder for a call that the kernel is about to make on it.
func (h *host) Lend(m *emulate.Task, fd, other int, p *emulate.Pipe, taken int, slots []emulate.Slot) (int, bool) {
	if h.ferry == nil {
		f, err := newFerry()
		if err != nil {
			return 0, false
		}
		h.ferry = f
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
		if !h.ferry.supply(taken) {
			return 0, false
		}
		if n, err := unix.Tee(h.ferry.sr, place, taken, unix.SPLICE_F_NONBLOCK); err != nil || int(n) < taken {
			return 0, false
		}
	}
	n := h.ferry.load(place, slots, fifo(m, other))
	return n, n > 0 || len(slots) == 0
}

// Reclaim takes back what lies in p's placeholder behind the stand-ins.
func (h *host) Reclaim(m *emulate.Task, fd, other int, p *emulate.Pipe, taken int) ([]emulate.Slot, bool) {
	place := h.placeholder(m, fd, p)
	if place < 0 {
		return nil, false
	}
	defer unix.Close(place)
	if taken > 0 {
		unix.Read(place, make([]byte, taken))
	}
	return h.ferry.unload(place, fifo(m, other)), true
}

// fifo tells whether a descriptor leads to a pipe.
func fifo(m *emulate.Task, fd int) bool {
	var st unix.Stat_t
	err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd), &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
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
