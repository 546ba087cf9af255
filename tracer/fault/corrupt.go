package fault

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// flips are the bytes of a transfer that come out changed.
type flips struct {
	pieces []piece
	xor    byte
	at     int64 // of the transfer's first byte in its stream
	in     stretch
}

// corrupt has the model see changed bytes where the program has its own, and the program where the model has its own.
func (l *Layer) corrupt(s *state, c *emulate.Call, e *end, p *pending, here stream) {
	f := &flips{pieces(c), byte(s.corrupt), l.place[here], stretch{0, 1<<63 - 1}}
	if s.ranged {
		f.in = s.bytes
	}
	c.Also.Injected = true
	if e.file == nil { // the kernel writes them past us
		c.Also.Hear, p.flips = true, f
		return
	}
	c.Mem = &lens{c.Mem, f, e.dir == Write}
}

// each calls change for the runs of p, which lies at addr, that come out changed.
func (f *flips) each(addr uint64, n int, change func(from, to int)) {
	before := f.at
	for _, b := range f.pieces {
		low, high := max(addr, b.addr), min(addr+uint64(n), b.addr+b.size)
		if low < high {
			// In the stream this run begins at the piece's place and what comes before it there.
			from := before + int64(low-b.addr)
			first, last := max(from, f.in.from), min(from+int64(high-low)-1, f.in.to)
			if first <= last {
				change(int(low-addr)+int(first-from), int(low-addr)+int(last-from)+1)
			}
		}
		before += int64(b.size)
	}
}

func (f *flips) flip(p []byte, addr uint64) {
	f.each(addr, len(p), func(from, to int) {
		for i := from; i < to; i++ {
			p[i] ^= f.xor
		}
	})
}

// apply changes what lies in the program's memory already, n bytes of it.
func (f *flips) apply(m emulate.Memory, n int64) {
	for i, b := range f.pieces {
		size := min(int64(b.size), n)
		p := make([]byte, size)
		got, _ := m.ReadMem(p, b.addr)
		here := flips{[]piece{b}, f.xor, f.at, f.in}
		here.flip(p[:got], b.addr)
		m.WriteMem(b.addr, p[:got])
		f.at += size
		if n -= size; n <= 0 || i == len(f.pieces)-1 {
			return
		}
	}
}

// A lens is a program's memory, seen with changed bytes.
type lens struct {
	emulate.Memory
	flips   *flips
	outward bool // what the program gives is changed, else what it gets
}

// ReadMem is the model taking bytes.
func (m *lens) ReadMem(p []byte, addr uint64) (int, unix.Errno) {
	n, e := m.Memory.ReadMem(p, addr)
	if m.outward {
		m.flips.flip(p[:n], addr)
	}
	return n, e
}

// WriteMem is the model bringing bytes.
func (m *lens) WriteMem(addr uint64, p []byte) (int, unix.Errno) {
	if !m.outward {
		p = append([]byte(nil), p...)
		m.flips.flip(p, addr)
	}
	return m.Memory.WriteMem(addr, p)
}
