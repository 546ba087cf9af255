package seccomp

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Install adds prog to the calling thread, which must be locked to its goroutine, and to what that thread
// makes later. It asks for no_new_privs only when the kernel insists on it (seccomp(2): EACCES), so that
// root's set-user-ID programs keep working.
func Install(prog []unix.SockFilter) error {
	if len(prog) == 0 {
		return errors.New("seccomp: an empty filter")
	}
	fp := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	err := setFilter(&fp)
	if err == unix.EACCES {
		if _, _, e := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
			return e
		}
		err = setFilter(&fp)
	}
	runtime.KeepAlive(prog)
	if err != 0 {
		return err
	}
	return nil
}

func setFilter(fp *unix.SockFprog) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(fp)))
	return e
}
