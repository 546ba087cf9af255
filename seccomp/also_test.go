package seccomp

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Calls that stop everywhere stop on whatever descriptor, and no others do.
func TestBaseAlso(t *testing.T) {
	m := load(t, Base(unix.SYS_READ, unix.SYS_SECCOMP, unix.SYS_OPENAT))
	for nr, want := range map[uint32]uint32{
		unix.SYS_READ: retTrace, unix.SYS_OPENAT: retTrace, unix.SYS_PIPE2: retTrace,
		unix.SYS_WRITE: retAllow, unix.SYS_GETPID: retAllow, unix.SYS_CLOSE: retAllow,
	} {
		if got := m.run(unix.AUDIT_ARCH_X86_64, nr, 7, 8, 9); got != want {
			t.Errorf("call %d: %#x, want %#x", nr, got, want)
		}
	}
}
