package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// memory reaches the address space of a task through process_vm_readv and process_vm_writev: unlike
// /proc/PID/mem they honour the protections that the program's own access would meet.
type memory struct{ tid int }

// ReadMem copies from the task. The transfer ends at the first page that cannot be read.
func (m *memory) ReadMem(p []byte, addr uint64) (int, unix.Errno) {
	return m.move(unix.SYS_PROCESS_VM_READV, p, addr)
}

// WriteMem copies to the task. The transfer ends at the first page that cannot be written.
func (m *memory) WriteMem(addr uint64, p []byte) (int, unix.Errno) {
	return m.move(unix.SYS_PROCESS_VM_WRITEV, p, addr)
}

func (m *memory) move(nr uintptr, p []byte, addr uint64) (int, unix.Errno) {
	done := 0
	for done < len(p) {
		here := unix.Iovec{Base: &p[done], Len: uint64(len(p) - done)}
		there := [2]uint64{addr + uint64(done), uint64(len(p) - done)}
		n, _, e := unix.RawSyscall6(nr, uintptr(m.tid), uintptr(unsafe.Pointer(&here)), 1,
			uintptr(unsafe.Pointer(&there)), 1, 0)
		if e != 0 {
			// ESRCH: the task is gone; what it would have seen does not matter.
			return done, unix.EFAULT
		}
		if n == 0 {
			return done, unix.EFAULT
		}
		done += int(n)
	}
	return done, 0
}
