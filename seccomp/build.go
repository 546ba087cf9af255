package seccomp

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A builder makes a program from its end to its start. Classic BPF only jumps forward, so whatever an
// instruction goes on to is there before it, and every jump's distance is known at once.
type builder struct{ rev []bpf.Instruction }

// A target is an instruction's place, counted from the end of the program.
type target int

func (b *builder) emit(i bpf.Instruction) target {
	b.rev = append(b.rev, i)
	return target(len(b.rev) - 1)
}

// skip is how many instructions the next one emitted must jump over to reach t.
func (b *builder) skip(t target) int { return len(b.rev) - 1 - int(t) }

// follow makes t what comes after the next instruction emitted.
func (b *builder) follow(t target) {
	if n := b.skip(t); n != 0 {
		b.emit(bpf.Jump{Skip: uint32(n)})
	}
}

func (b *builder) ret(v uint32) target { return b.emit(bpf.RetConstant{Val: v}) }

// then emits i and goes on at next.
func (b *builder) then(i bpf.Instruction, next target) target {
	b.follow(next)
	return b.emit(i)
}

// jump compares A with k. A conditional jump reaches 255 instructions; beyond that it goes by a stepping stone.
func (b *builder) jump(cond bpf.JumpTest, k uint32, yes, no target) target {
	if yes == no {
		return yes
	}
	if n := b.skip(no); n > 254 { // one less: a stone for yes may come between
		no = b.emit(bpf.Jump{Skip: uint32(n)})
	}
	if n := b.skip(yes); n > 255 {
		yes = b.emit(bpf.Jump{Skip: uint32(n)})
	}
	return b.emit(bpf.JumpIf{Cond: cond, Val: k, SkipTrue: uint8(b.skip(yes)), SkipFalse: uint8(b.skip(no))})
}

// A choice is a key and where to go on when A equals it.
type choice struct {
	key uint32
	to  target
}

// search finds A among keys in rising order, by halving.
func (b *builder) search(keys []choice, miss target) target {
	if len(keys) <= 2 {
		at := miss
		for i := len(keys) - 1; i >= 0; i-- {
			at = b.jump(bpf.JumpEqual, keys[i].key, keys[i].to, at)
		}
		return at
	}
	mid := len(keys) / 2
	high := b.search(keys[mid:], miss)
	low := b.search(keys[:mid], miss)
	return b.jump(bpf.JumpGreaterOrEqual, keys[mid].key, high, low)
}

// member tells whether A is in one of the runs. A few runs are found by halving; three or more within one
// aligned block of 32 numbers by one bit test.
func (b *builder) member(runs []span, yes, no target) target {
	switch n := len(runs); {
	case n == 0:
		return no
	case n == 1:
		return b.within(runs[0], yes, no)
	case n >= 3 && runs[0].lo/32 == runs[n-1].hi/32:
		return b.block(runs, yes, no)
	}
	mid := cut(runs)
	high := b.member(runs[mid:], yes, no)
	low := b.member(runs[:mid], yes, no)
	return b.jump(bpf.JumpGreaterOrEqual, runs[mid].lo, high, low)
}

// cut is where to halve runs: near the middle, and between two blocks where there is such a place, so that
// the bit test keeps its blocks whole.
func cut(runs []span) int {
	mid := len(runs) / 2
	for d := 0; d <= mid; d++ {
		for _, i := range [2]int{mid + d, mid - d} {
			if i > 0 && i < len(runs) && runs[i-1].hi/32 != runs[i].lo/32 {
				return i
			}
		}
	}
	return mid
}

func (b *builder) within(r span, yes, no target) target {
	if r.lo == r.hi {
		return b.jump(bpf.JumpEqual, r.lo, yes, no)
	}
	at := b.jump(bpf.JumpGreaterThan, r.hi, no, yes)
	if r.lo > 0 {
		at = b.jump(bpf.JumpGreaterOrEqual, r.lo, at, no)
	}
	return at
}

// block tests one bit of a word for numbers that share all but their low five bits.
func (b *builder) block(runs []span, yes, no target) target {
	var mask uint32
	for _, r := range runs {
		for i := r.lo; i <= r.hi; i++ {
			mask |= 1 << (i % 32)
		}
	}
	base := runs[0].lo &^ 31
	at := b.jump(bpf.JumpBitsSet, mask, yes, no)
	at = b.then(bpf.ALUOpX{Op: bpf.ALUOpShiftLeft}, at)
	at = b.then(bpf.LoadConstant{Dst: bpf.RegA, Val: 1}, at)
	at = b.then(bpf.TAX{}, at)
	if base > 0 {
		at = b.then(bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: base}, at)
	}
	at = b.jump(bpf.JumpGreaterThan, base+31, no, at)
	if base > 0 {
		at = b.jump(bpf.JumpGreaterOrEqual, base, at, no)
	}
	return at
}

// finish makes start the first instruction and returns the program in the kernel's form.
func (b *builder) finish(start target) []unix.SockFilter {
	b.follow(start)
	out := make([]unix.SockFilter, 0, len(b.rev))
	for i := len(b.rev) - 1; i >= 0; i-- {
		raw, err := b.rev[i].Assemble()
		if err != nil {
			panic("seccomp: " + err.Error()) // an instruction that this package should not have made
		}
		out = append(out, unix.SockFilter{Code: raw.Op, Jt: raw.Jt, Jf: raw.Jf, K: raw.K})
	}
	return out
}
