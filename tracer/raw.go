package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls that never sleep, made past the Go scheduler like those of ptrace: it would give this thread's processor
// away while they run, and the tracee waits until it is back.

func rawOpen(path string, flags int) int {
	b := append([]byte(path), 0)
	at := unix.AT_FDCWD
	n, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&b[0])), uintptr(flags), 0, 0, 0)
	if e != 0 {
		return -1
	}
	return int(n)
}

func rawClose(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// rawRead, rawWrite and those below return how many bytes moved, 0 for any error.
func rawRead(fd int, p []byte) int { return rawMove(unix.SYS_READ, fd, p) }

func rawWrite(fd int, p []byte) int { return rawMove(unix.SYS_WRITE, fd, p) }

func rawMove(nr uintptr, fd int, p []byte) int {
	if len(p) == 0 {
		return 0
	}
	n, _, e := unix.RawSyscall(nr, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if e != 0 {
		return 0
	}
	return int(n)
}

func rawSplice(from, to, n int) int {
	m, _, e := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_NONBLOCK)
	if e != 0 {
		return 0
	}
	return int(m)
}

func rawTee(from, to, n int) int {
	m, _, e := unix.RawSyscall6(unix.SYS_TEE, uintptr(from), uintptr(to), uintptr(n), unix.SPLICE_F_NONBLOCK, 0, 0)
	if e != 0 {
		return 0
	}
	return int(m)
}

func rawFcntl(fd, cmd, arg int) bool {
	_, _, e := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(arg))
	return e == 0
}
