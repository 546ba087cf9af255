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
	direct bool   // w has O_DIRECT: what is written becomes a packet
	sr, sw int    // the stand-ins: slots of one byte each
	stock  int    // how many there are
	tr, tw int    // for a look at a copy
	run    []byte // what is under way
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
	if !rawFcntl(f.w, unix.F_SETPIPE_SZ, pageSize) {
		return nil, unix.EPERM
	}
	return f, nil
}

// supply sees to it that there are n stand-ins.
func (f *ferry) supply(n int) bool {
	if n > f.stock && !rawFcntl(f.sw, unix.F_SETPIPE_SZ, n*pageSize) {
		return false
	}
	for f.stock < n && f.pass(emulate.Slot{Bytes: []byte{0}}, false, f.sw) == 1 {
		f.stock++
	}
	return f.stock >= n
}

// load puts slots into a placeholder and returns how many bytes of them fit. Neighbouring pages go in one write,
// which gives each its slot.
func (f *ferry) load(place int, slots []emulate.Slot, exact func() bool) (all int) {
	run := f.run[:0]
	flush := func() bool {
		n := rawWrite(place, run)
		all += n
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
			n := f.pass(s, exact(), place)
			if all += n; n == 0 {
				return all
			}
		}
	}
	flush()
	f.run = run
	return all
}

// pass puts one slot into another pipe and returns its length, or 0 when that is full. The kernel goes on to
// append to a slot that moved as a whole, not to one that was split.
func (f *ferry) pass(s emulate.Slot, exact bool, to int) int {
	if s.Packet != f.direct {
		f.setDirect(s.Packet)
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
	if rawWrite(f.w, b) < len(b) {
		return 0
	}
	if before > 0 {
		rawRead(f.r, make([]byte, before))
	}
	n := rawSplice(f.r, to, len(s.Bytes))
	if n < len(b)-before {
		rawRead(f.r, make([]byte, pageSize))
	}
	return n
}

func (f *ferry) setDirect(on bool) {
	flags := unix.O_NONBLOCK
	if on {
		flags |= unix.O_DIRECT
	}
	rawFcntl(f.w, unix.F_SETFL, flags)
	f.direct = on
}

// unload takes out all that lies in a placeholder. The bytes are the ferry's until the next time.
func (f *ferry) unload(place int, exact func() bool) (out []emulate.Slot) {
	all, err := unix.IoctlGetInt(place, unix.TIOCINQ)
	if err != nil || all == 0 {
		return nil
	}
	if cap(f.run) < all {
		f.run = make([]byte, all)
	}
	for room := f.run[:all]; ; {
		n := rawSplice(place, f.w, 1<<30)
		if n == 0 || n > len(room) {
			return out
		}
		s := emulate.Slot{Bytes: room[:n]}
		room = room[n:]
		if exact() {
			f.examine(&s)
		}
		rawRead(f.r, s.Bytes)
		if s.Merge {
			rawRead(f.r, make([]byte, pageSize))
		}
		out = append(out, s)
	}
}

// examine finds out what kind of slot lies in the pipe of one slot. A read ends behind a packet; what can be
// appended to a slot tells where in its page it lies.
func (f *ferry) examine(s *emulate.Slot) {
	n := len(s.Bytes)
	if rawTee(f.r, f.tw, n) == n {
		rawWrite(f.tw, []byte{0})
		b := make([]byte, n+1)
		if rawRead(f.tr, b) == n {
			s.Packet = true
			rawRead(f.tr, b)
			return
		}
	}
	if f.direct {
		f.setDirect(false)
	}
	room := 0
	for k := pageSize / 2; k > 0; k /= 2 {
		room += rawWrite(f.w, make([]byte, k))
	}
	if room > 0 {
		s.Merge, s.Off = true, pageSize-n-room
	}
}

// embark makes the ferry when it is first needed.
func (h *host) embark() bool {
	if h.ferry == nil {
		f, err := newFerry()
		if err != nil {
			return false
		}
		h.ferry = f
	}
	return true
}

// Lend fills p's placeholder for a call that the kernel is about to make on it.
func (h *host) Lend(m *emulate.Task, fd, other int, p *emulate.Pipe, taken int, slots []emulate.Slot) (int, bool) {
	if !h.embark() {
		return 0, false
	}
	if taken == 0 && len(slots) == 0 {
		return 0, true
	}
	place := h.placeholder(m, fd, p)
	if place < 0 {
		return 0, false
	}
	defer rawClose(place)
	if taken > 0 {
		if !h.ferry.supply(taken) {
			return 0, false
		}
		if rawTee(h.ferry.sr, place, taken) < taken {
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
	defer rawClose(place)
	if taken > 0 {
		rawRead(place, make([]byte, taken))
	}
	return h.ferry.unload(place, fifo(m, other)), true
}

// fifo tells whether a descriptor leads to a pipe. It is asked only when that shows, and once.
func fifo(m *emulate.Task, fd int) func() bool {
	known, yes := false, false
	return func() bool {
		if !known {
			var st unix.Stat_t
			err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd), &st)
			known, yes = true, err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
		}
		return yes
	}
}

// placeholder opens p's placeholder anew, for both directions: through fd of m if that still leads there, or
// through whoever holds the pipe.
func (h *host) placeholder(m *emulate.Task, fd int, p *emulate.Pipe) int {
	const flags = unix.O_RDWR | unix.O_NONBLOCK | unix.O_CLOEXEC
	if m.Files != nil {
		if f := m.Files.Get(fd); f != nil && f.Object() == emulate.Object(p) {
			if n := rawOpen(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd), flags); n >= 0 {
				return n
			}
		}
	}
	for _, f := range h.t.kernel.Files(p) {
		if fd := h.open(f); fd >= 0 {
			n := rawOpen(fmt.Sprintf("/proc/self/fd/%d", fd), flags)
			if rawClose(fd); n >= 0 {
				return n
			}
		}
	}
	return -1
}
