package seccomp

import "golang.org/x/sys/unix"

// Data is struct seccomp_data: what a filter looks at.
type Data struct {
	Nr   uint32
	Arch uint32
	IP   uint64
	Args [6]uint64
}

// word is the 32 bits at an offset, as a filter loads them.
func (d *Data) word(off uint32) (uint32, bool) {
	switch {
	case off == offNr:
		return d.Nr, true
	case off == offArch:
		return d.Arch, true
	case off == 8 || off == 12:
		return uint32(d.IP >> (8 * (off - 8))), true
	case off >= offArgs && off < offArgs+48 && off%4 == 0:
		return uint32(d.Args[(off-offArgs)/8] >> (8 * (off % 8))), true
	}
	return 0, false
}

// Eval runs a program as the kernel would run it before a call and returns what it decides. Programs that the
// kernel's own check refuses (seccomp_check_filter) are taken to kill.
func Eval(prog []unix.SockFilter, d Data) uint32 {
	const kill = unix.SECCOMP_RET_KILL_PROCESS
	var a, x uint32
	var mem [16]uint32
	for pc := 0; pc >= 0 && pc < len(prog); pc++ {
		in := prog[pc]
		switch in.Code & 7 {
		case unix.BPF_LD, unix.BPF_LDX:
			v, ok := in.K, true
			switch in.Code & 0xe0 {
			case unix.BPF_ABS:
				v, ok = d.word(in.K)
			case unix.BPF_LEN:
				v = offArgs + 48
			case unix.BPF_MEM:
				if ok = in.K < 16; ok {
					v = mem[in.K]
				}
			}
			if !ok {
				return kill
			}
			if in.Code&7 == unix.BPF_LDX {
				x = v
			} else {
				a = v
			}
		case unix.BPF_ST, unix.BPF_STX:
			if in.K >= 16 {
				return kill
			}
			if mem[in.K] = a; in.Code&7 == unix.BPF_STX {
				mem[in.K] = x
			}
		case unix.BPF_ALU:
			v := in.K
			if in.Code&unix.BPF_X != 0 {
				v = x
			}
			var ok bool
			if a, ok = alu(in.Code&0xf0, a, v); !ok {
				return kill
			}
		case unix.BPF_JMP:
			v := in.K
			if in.Code&unix.BPF_X != 0 {
				v = x
			}
			pc += branch(in, a, v)
		case unix.BPF_RET:
			if in.Code&0x18 == 0x10 { // BPF_A
				return a
			}
			return in.K
		case unix.BPF_MISC:
			if in.Code&0xf8 == unix.BPF_TXA {
				a = x
			} else {
				x = a
			}
		}
	}
	return kill
}

func alu(op uint16, a, v uint32) (uint32, bool) {
	switch op {
	case unix.BPF_ADD:
		return a + v, true
	case unix.BPF_SUB:
		return a - v, true
	case unix.BPF_MUL:
		return a * v, true
	case unix.BPF_DIV:
		if v == 0 {
			return 0, false
		}
		return a / v, true
	case unix.BPF_OR:
		return a | v, true
	case unix.BPF_AND:
		return a & v, true
	case unix.BPF_LSH:
		return a << (v & 31), true
	case unix.BPF_RSH:
		return a >> (v & 31), true
	case unix.BPF_NEG:
		return -a, true
	case unix.BPF_XOR:
		return a ^ v, true
	}
	return 0, false
}

// branch is how many instructions a jump passes over.
func branch(in unix.SockFilter, a, v uint32) int {
	var yes bool
	switch in.Code & 0xf0 {
	case unix.BPF_JA:
		return int(in.K)
	case unix.BPF_JEQ:
		yes = a == v
	case unix.BPF_JGT:
		yes = a > v
	case unix.BPF_JGE:
		yes = a >= v
	case unix.BPF_JSET:
		yes = a&v != 0
	}
	if yes {
		return int(in.Jt)
	}
	return int(in.Jf)
}
