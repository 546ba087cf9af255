package seccomp

import "math/bits"

// A Set is a set of descriptor numbers. The zero value is empty. Copies made by assignment share their
// storage: use Union to get a set of one's own.
type Set struct {
	All  bool // every number that a descriptor can have
	bits []uint64
}

// Of is the set of the given numbers.
func Of(fds ...int) Set {
	var s Set
	for _, fd := range fds {
		s.Add(fd)
	}
	return s
}

// Add puts fd into the set. A negative number is no descriptor and is ignored.
func (s *Set) Add(fd int) {
	if fd < 0 || s.All {
		return
	}
	for len(s.bits) <= fd/64 {
		s.bits = append(s.bits, 0)
	}
	s.bits[fd/64] |= 1 << (fd % 64)
}

// Has tells whether fd is in the set.
func (s Set) Has(fd int) bool {
	if fd < 0 {
		return false
	}
	return s.All || fd/64 < len(s.bits) && s.bits[fd/64]>>(fd%64)&1 != 0
}

// Empty tells whether nothing is in the set.
func (s Set) Empty() bool { return !s.All && s.Len() == 0 }

// Len counts the numbers added one by one; it is of no use when All is set.
func (s Set) Len() int {
	n := 0
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	return n
}

// Union is a new set of what is in s or in t.
func (s Set) Union(t Set) Set {
	if s.All || t.All {
		return Set{All: true}
	}
	if len(s.bits) < len(t.bits) {
		s, t = t, s
	}
	u := Set{bits: append([]uint64(nil), s.bits...)}
	for i, w := range t.bits {
		u.bits[i] |= w
	}
	return u
}

// Fds lists the numbers in rising order.
func (s Set) Fds() []int {
	var out []int
	for i, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			out = append(out, i*64+bits.TrailingZeros64(w))
		}
	}
	return out
}

// A span is the numbers lo..hi, both included.
type span struct{ lo, hi uint32 }

// spans lists the set as its maximal runs, in rising order.
func (s Set) spans() []span {
	if s.All {
		return []span{{0, 1<<31 - 1}}
	}
	var out []span
	for _, fd := range s.Fds() {
		if n := len(out); n > 0 && out[n-1].hi+1 == uint32(fd) {
			out[n-1].hi++
		} else {
			out = append(out, span{uint32(fd), uint32(fd)})
		}
	}
	return out
}
