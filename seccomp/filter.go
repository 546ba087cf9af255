// Package seccomp turns the table of system calls into the filters that stop them. It promises that every
// call the model must see stops with RET_TRACE, and that calls which no row names cost nothing: the kernel
// finds out once, by number alone, that it may always allow them (kernel/seccomp.c, seccomp_is_const_allow).
// Building is pure; only Install touches the kernel.
package seccomp

import (
	"sort"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Mark is the low half of every RET_TRACE of ours, as the ptrace event's message shows it. It does not prove
// that a stop is ours: a filter of the program's own may return the same.
const Mark = 0x51

const (
	retTrace = unix.SECCOMP_RET_TRACE | Mark
	retAllow = unix.SECCOMP_RET_ALLOW

	// Where struct seccomp_data keeps its fields (linux/seccomp.h).
	offNr   = 0
	offArch = 4
	offArgs = 16

	x32Bit = 0x40000000 // set in the numbers of x32 calls (asm/unistd.h)

	maxBlocks = 256 // runs of descriptors told apart before neighbours are joined
)

// low is where argument i's low 32 bits stand: the kernel takes descriptors and commands as 32-bit numbers.
func low(i int) bpf.LoadAbsolute { return bpf.LoadAbsolute{Off: uint32(offArgs + 8*i), Size: 4} }

// whole stops a call of any other architecture and every x32 call; the rest goes on at next with the number in A.
func (b *builder) whole(next, trace target) target {
	at := b.jump(bpf.JumpGreaterOrEqual, x32Bit, trace, next)
	at = b.then(bpf.LoadAbsolute{Off: offNr, Size: 4}, at)
	at = b.jump(bpf.JumpEqual, unix.AUDIT_ARCH_X86_64, at, trace)
	return b.then(bpf.LoadAbsolute{Off: offArch, Size: 4}, at)
}

// Base is the filter of every process: it stops what makes an object of the model, what escapes from it,
// and a program that is about to install a filter of its own.
func Base() []unix.SockFilter {
	b := new(builder)
	trace := b.ret(retTrace)
	allow := b.ret(retAllow)
	mode := b.search([]choice{{unix.SECCOMP_SET_MODE_STRICT, trace}, {unix.SECCOMP_SET_MODE_FILTER, trace}}, allow)
	setMode := b.then(low(0), mode)
	option := b.search([]choice{{unix.PR_GET_DUMPABLE, trace}, {unix.PR_SET_DUMPABLE, trace}, {unix.PR_GET_SECCOMP, trace}, {unix.PR_SET_SECCOMP, trace}}, allow)
	prctl := b.then(low(0), option)

	keys := []choice{{unix.SYS_SECCOMP, setMode}, {unix.SYS_PRCTL, prctl}}
	for _, s := range emulate.Table {
		if s.Scope == emulate.Always && s.Nr != unix.SYS_SECCOMP && s.Nr != unix.SYS_PRCTL {
			keys = append(keys, choice{uint32(s.Nr), trace})
		}
	}
	sortKeys(keys)
	return b.finish(b.whole(b.search(keys, allow), trace))
}

// Strict stops every call but those that strict mode allows (mode1_syscalls).
func Strict() []unix.SockFilter {
	b := new(builder)
	trace := b.ret(retTrace)
	allow := b.ret(retAllow)
	var keys []choice
	for _, nr := range []uint32{unix.SYS_READ, unix.SYS_WRITE, unix.SYS_RT_SIGRETURN, unix.SYS_EXIT} {
		keys = append(keys, choice{nr, allow})
	}
	return b.finish(b.whole(b.search(keys, trace), trace))
}

// hot are the calls that are looked for before all others.
var hot = []uint32{unix.SYS_READ, unix.SYS_WRITE}

// Arm is the further filter of a process whose descriptors fds are emulated. It stops the calls that name
// one of them, and those that may reach one by a pointer or a path. It stands on Base and repeats none of
// what Base stops.
func Arm(fds Set) []unix.SockFilter {
	b := new(builder)
	trace := b.ret(retTrace)
	allow := b.ret(retAllow)
	runs := join(fds.spans(), maxBlocks)
	rules := make(map[string]target) // rows that are tested alike share their code
	var keys []choice
	for _, s := range emulate.Table {
		switch s.Scope {
		case emulate.Armed:
			keys = append(keys, choice{uint32(s.Nr), trace})
		case emulate.ByFD:
			name := ruleName(s)
			at, ok := rules[name]
			if !ok {
				at = b.rule(s, runs, trace, allow)
				rules[name] = at
			}
			keys = append(keys, choice{uint32(s.Nr), at})
		}
	}
	sortKeys(keys)
	at := b.search(keys, allow)
	for i := len(hot) - 1; i >= 0; i-- {
		for _, k := range keys {
			if k.key == hot[i] {
				at = b.jump(bpf.JumpEqual, k.key, k.to, at)
			}
		}
	}
	return b.finish(b.whole(at, trace))
}

// rule tests the descriptors of one row, and before them its commands.
func (b *builder) rule(s *emulate.Syscall, runs []span, trace, allow target) target {
	if len(runs) == 0 {
		return allow
	}
	at := allow
	args := descriptors(s)
	for i := len(args) - 1; i >= 0; i-- {
		at = b.then(low(args[i]), b.member(runs, trace, at))
	}
	if s.Cmds == nil {
		return at
	}
	var cmds []choice
	for _, c := range s.Cmds {
		cmds = append(cmds, choice{c, at})
	}
	sortKeys(cmds)
	return b.then(low(1), b.search(cmds, allow))
}

// ruleName is equal for rows with equal tests.
func ruleName(s *emulate.Syscall) string {
	name := ""
	for _, i := range descriptors(s) {
		name += string(rune('0' + i))
	}
	if s.Cmds != nil {
		name += s.Name
	}
	return name
}

// descriptors are the indices of the row's arguments that are descriptors.
func descriptors(s *emulate.Syscall) []int {
	var out []int
	for i, a := range s.Args {
		if a.Kind == emulate.FD {
			out = append(out, i)
		}
	}
	return out
}

// join makes at most max runs of runs by closing the smallest gaps: a stop too many is only slower, and a
// filter that the kernel finds too long would not be installed at all.
func join(runs []span, max int) []span {
	if len(runs) <= max {
		return runs
	}
	gaps := make([]uint32, 0, len(runs)-1)
	for i := 1; i < len(runs); i++ {
		gaps = append(gaps, runs[i].lo-runs[i-1].hi)
	}
	sort.Slice(gaps, func(i, j int) bool { return gaps[i] > gaps[j] })
	limit := gaps[max-1]
	out := append([]span(nil), runs[0])
	for _, r := range runs[1:] {
		if last := &out[len(out)-1]; r.lo-last.hi > limit {
			out = append(out, r)
		} else {
			last.hi = r.hi
		}
	}
	return out
}

func sortKeys(keys []choice) {
	sort.Slice(keys, func(i, j int) bool { return keys[i].key < keys[j].key })
}
