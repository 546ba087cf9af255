package seccomp

import (
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The evaluator agrees with the filters' own meaning: it and the tests' virtual machine see the same programs.
func TestEval(t *testing.T) {
	prog := Arm(Of(3, 7, 9))
	for _, c := range []struct {
		nr, fd uint64
		want   uint32
	}{
		{unix.SYS_READ, 3, retTrace}, {unix.SYS_READ, 4, retAllow}, {unix.SYS_WRITE, 7, retTrace},
		{unix.SYS_WRITE, 9, retTrace}, {unix.SYS_WRITE, 8, retAllow}, {unix.SYS_GETPID, 3, retAllow},
	} {
		d := Data{Nr: uint32(c.nr), Arch: unix.AUDIT_ARCH_X86_64, Args: [6]uint64{c.fd}}
		if got := Eval(prog, d); got != c.want {
			t.Errorf("call %d of %d: %#x, want %#x", c.nr, c.fd, got, c.want)
		}
	}
	for _, s := range emulate.Table {
		d := Data{Nr: uint32(s.Nr), Arch: 0x40000003}
		if got := Eval(prog, d); got != retTrace {
			t.Errorf("%s of another architecture: %#x", s.Name, got)
		}
	}
	high := Data{Args: [6]uint64{0, 0x1122334455667788}}
	for off, want := range map[uint32]uint32{24: 0x55667788, 28: 0x11223344} {
		load := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}, {Code: unix.BPF_RET | 0x10}}
		if got := Eval(load, high); got != want {
			t.Errorf("word at %d: %#x, want %#x", off, got, want)
		}
	}
	if got := Eval(nil, Data{}); got != unix.SECCOMP_RET_KILL_PROCESS {
		t.Errorf("a program without an end: %#x", got)
	}
}
