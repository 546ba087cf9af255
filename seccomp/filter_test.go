package seccomp

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A machine runs a filter on made-up calls.
type machine struct {
	t  testing.TB
	vm *bpf.VM
}

func load(t testing.TB, prog []unix.SockFilter) machine {
	t.Helper()
	if len(prog) > 4096 { // BPF_MAXINSNS, linux/bpf_common.h
		t.Fatalf("%d instructions: the kernel takes 4096", len(prog))
	}
	raw := make([]bpf.RawInstruction, len(prog))
	for i, p := range prog {
		raw[i] = bpf.RawInstruction{Op: p.Code, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	ins, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("an instruction that x/net/bpf does not know")
	}
	vm, err := bpf.NewVM(ins)
	if err != nil {
		t.Fatal(err)
	}
	return machine{t, vm}
}

// run lays a struct seccomp_data out word by word, since the VM loads words as a network packet has them.
func (m machine) run(archID uint32, nr uint32, args ...uint64) uint32 {
	m.t.Helper()
	data := make([]byte, 64)
	put := func(off int, v uint64) {
		binary.BigEndian.PutUint32(data[off:], uint32(v))
		if off >= 8 {
			binary.BigEndian.PutUint32(data[off+4:], uint32(v>>32))
		}
	}
	binary.BigEndian.PutUint32(data, nr)
	binary.BigEndian.PutUint32(data[4:], archID)
	put(8, 0x7fff12345678)
	for i, a := range args {
		put(16+8*i, a)
	}
	v, err := m.vm.Run(data)
	if err != nil {
		m.t.Fatal(err)
	}
	return uint32(v)
}

func (m machine) stops(nr uint32, args ...uint64) bool {
	m.t.Helper()
	switch v := m.run(unix.AUDIT_ARCH_X86_64, nr, args...); v {
	case unix.SECCOMP_RET_TRACE | Mark:
		return true
	case unix.SECCOMP_RET_ALLOW:
		return false
	default:
		m.t.Fatalf("call %d returned %#x", nr, v)
		return false
	}
}

func TestTableAgreesWithTheKernelsNames(t *testing.T) {
	seen := make(map[int]bool)
	for _, s := range emulate.Table {
		if name := arch.X86_64.SyscallNumbers[s.Nr]; name != s.Name {
			t.Errorf("%d is %q in the table and %q in go-seccomp-bpf", s.Nr, s.Name, name)
		}
		if nr, ok := arch.X86_64.SyscallNames[s.Name]; !ok || nr != s.Nr {
			t.Errorf("%q is %d in the table and %d in go-seccomp-bpf", s.Name, s.Nr, nr)
		}
		if seen[s.Nr] {
			t.Errorf("%s stands there twice", s.Name)
		}
		seen[s.Nr] = true
		if s.Scope == emulate.ByFD && len(descriptors(s)) == 0 {
			t.Errorf("%s is stopped by descriptor and names none", s.Name)
		}
	}
}

func TestForeignCallsAlwaysStop(t *testing.T) {
	for name, prog := range map[string][]unix.SockFilter{"base": Base(), "arm": Arm(Of(3)), "arm none": Arm(Set{})} {
		m := load(t, prog)
		for nr := uint32(0); nr < 512; nr++ {
			if v := m.run(unix.AUDIT_ARCH_I386, nr, 0); v != unix.SECCOMP_RET_TRACE|Mark {
				t.Fatalf("%s: i386 call %d returned %#x", name, nr, v)
			}
			if !m.stops(nr | 0x40000000) {
				t.Fatalf("%s: x32 call %d goes by", name, nr)
			}
		}
		if !m.stops(0xffffffff) {
			t.Errorf("%s: call -1 goes by", name)
		}
	}
}

func TestBase(t *testing.T) {
	m := load(t, Base())
	for nr := uint32(0); nr < 1024; nr++ {
		row := emulate.ByNr(uint64(nr))
		want := row != nil && row.Scope == emulate.Always
		if nr == unix.SYS_SECCOMP || nr == unix.SYS_PRCTL {
			continue
		}
		if got := m.stops(nr, 3, 3, 3, 3, 3, 3); got != want {
			t.Errorf("call %d: stops %v, want %v", nr, got, want)
		}
	}
	for op := uint64(0); op < 64; op++ {
		if got, want := m.stops(unix.SYS_SECCOMP, op), op <= unix.SECCOMP_SET_MODE_FILTER; got != want {
			t.Errorf("seccomp(%d): stops %v", op, got)
		}
		if got, want := m.stops(unix.SYS_PRCTL, op), op == unix.PR_SET_SECCOMP || op == unix.PR_GET_SECCOMP || op == unix.PR_SET_DUMPABLE || op == unix.PR_GET_DUMPABLE; got != want {
			t.Errorf("prctl(%d): stops %v", op, got)
		}
	}
	if !m.stops(unix.SYS_PRCTL, 7<<32|unix.PR_SET_SECCOMP) {
		t.Error("prctl: the kernel looks at the low half of its option")
	}
}

// wanted says what Arm promises, in the plainest words.
func wanted(s *emulate.Syscall, fds Set, args []uint64) bool {
	switch {
	case s == nil || s.Scope == emulate.Always:
		return false
	case s.Scope == emulate.Armed:
		return true
	}
	named := false
	for _, i := range descriptors(s) {
		named = named || fds.Has(int(int32(args[i])))
	}
	cmd := s.Cmds == nil
	for _, c := range s.Cmds {
		cmd = cmd || c == uint32(args[1])
	}
	return named && cmd
}

func testSets() map[string]Set {
	sets := map[string]Set{
		"none": {}, "all": {All: true}, "zero": Of(0), "one pair": Of(3, 4), "far": Of(1000),
		"two pairs": Of(3, 4, 8, 9), "many": Of(1, 3, 5, 7, 9, 11), "edge": Of(31, 32, 63, 64), "across": Of(30, 31, 32, 33, 35, 37, 39),
		"second block": Of(33, 35, 37, 62), "third block": Of(64, 66, 68, 95), "first full": {},
	}
	full := Set{}
	for i := 0; i < 32; i++ {
		full.Add(i)
	}
	sets["first full"] = full
	rng := rand.New(rand.NewSource(1))
	for i := 0; i < 20; i++ {
		s := Set{}
		for n := rng.Intn(60); n > 0; n-- {
			s.Add(rng.Intn(200))
		}
		sets[fmt.Sprint("random ", i)] = s
	}
	return sets
}

func TestArmRowByRow(t *testing.T) {
	odd := []uint64{1<<64 - 1, 1 << 31, 1<<31 - 1, 1<<32 + 3, 1<<63 + 4, 1 << 32, 1000, 1 << 20}
	for name, fds := range testSets() {
		m := load(t, Arm(fds))
		var numbers []uint64
		for i := uint64(0); i < 210; i++ {
			numbers = append(numbers, i)
		}
		numbers = append(numbers, odd...)
		for nr := uint32(0); nr < 512; nr++ {
			row := emulate.ByNr(uint64(nr))
			try := func(args ...uint64) {
				if got, want := m.stops(nr, args...), wanted(row, fds, args); got != want {
					t.Errorf("%s: call %d%v stops %v, want %v", name, nr, args, got, want)
				}
			}
			if row == nil || row.Scope != emulate.ByFD {
				try(3, 3, 3, 3, 3, 3)
				continue
			}
			for _, i := range append(descriptors(row), 5) { // and one that is not a descriptor
				for _, n := range numbers {
					args := []uint64{500, 500, 500, 500, 500, 500}
					args[i] = n
					try(args...)
				}
			}
			for cmd := uint64(0); row.Cmds != nil && cmd < 1100; cmd++ {
				try(3, cmd, 0, 0, 0, 0)
				try(300, cmd, 0, 0, 0, 0)
				try(3, cmd|1<<40, 0, 0, 0, 0)
			}
		}
	}
}

func TestLargeSetsStayWithinTheKernelsLimit(t *testing.T) {
	for _, step := range []int{1, 2, 3, 7, 40} {
		fds := Set{}
		for i := 0; i < 20000; i++ {
			fds.Add(i*step + i%3)
		}
		m := load(t, Arm(fds))
		for _, fd := range fds.Fds() {
			if !m.stops(unix.SYS_READ, uint64(fd)) {
				t.Fatalf("step %d: a read of %d goes by", step, fd)
			}
		}
	}
}

// constAllow is what the kernel does to learn which calls a filter lets through whatever their arguments:
// kernel/seccomp.c, seccomp_is_const_allow.
func constAllow(prog []unix.SockFilter, nr uint32) bool {
	var a uint32
	for pc := 0; pc < len(prog); pc++ {
		in := prog[pc]
		taken := false
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			switch in.K {
			case 0:
				a = nr
			case 4:
				a = unix.AUDIT_ARCH_X86_64
			default:
				return false
			}
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K == unix.SECCOMP_RET_ALLOW
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			taken = a == in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			taken = a >= in.K
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			taken = a > in.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			taken = a&in.K != 0
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
			continue
		default:
			return false
		}
		if taken {
			pc += int(in.Jt)
		} else {
			pc += int(in.Jf)
		}
	}
	return false
}

func TestOtherCallsAreAllowedByNumberAlone(t *testing.T) {
	base := Base()
	for name, fds := range testSets() {
		arm := Arm(fds)
		for nr := uint32(0); nr < 500; nr++ {
			row := emulate.ByNr(uint64(nr))
			always := row != nil && row.Scope == emulate.Always || nr == unix.SYS_SECCOMP || nr == unix.SYS_PRCTL
			if got := constAllow(base, nr); got == always {
				t.Errorf("base: call %d is allowed by number: %v", nr, got)
			}
			here := row != nil && (row.Scope == emulate.Armed || row.Scope == emulate.ByFD && !fds.Empty())
			if got := constAllow(arm, nr); got == here {
				t.Errorf("%s: call %d is allowed by number: %v", name, nr, got)
			}
		}
	}
}
