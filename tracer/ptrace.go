package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ptrace requests, each as one raw system call: the tracing thread is locked to its goroutine and never
// hands its processor to another, so the Go scheduler need not hear of calls that return at once.

const (
	ptraceSeize          = 0x4206
	ptraceInterrupt      = 0x4207
	ptraceListen         = 0x4208
	ptraceGetSigmask     = 0x420a
	ptraceSetSigmask     = 0x420b
	ptraceGetSyscallInfo = 0x420e
	eventStop            = 128 // PTRACE_EVENT_STOP

	offRax     = 80  // offsetof(struct user_regs_struct, rax)
	offOrigRax = 120 // and of orig_rax
)

// options are set on every task of the tree; exit is added for the program's first thread only, at whose
// end the log must be complete.
const options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC

func ptrace(req, tid int, addr, data uintptr) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	return e
}

func getRegs(tid int, r *unix.PtraceRegs) unix.Errno {
	return ptrace(unix.PTRACE_GETREGS, tid, 0, uintptr(unsafe.Pointer(r)))
}

func setRegs(tid int, r *unix.PtraceRegs) unix.Errno {
	return ptrace(unix.PTRACE_SETREGS, tid, 0, uintptr(unsafe.Pointer(r)))
}

// setResult makes the call that a task stopped before be skipped with result ret.
func setResult(tid int, ret int64) unix.Errno {
	ptrace(unix.PTRACE_POKEUSR, tid, offOrigRax, ^uintptr(0))
	return ptrace(unix.PTRACE_POKEUSR, tid, offRax, uintptr(ret))
}

func eventMsg(tid int) (uint64, unix.Errno) {
	var msg uint64
	e := ptrace(unix.PTRACE_GETEVENTMSG, tid, 0, uintptr(unsafe.Pointer(&msg)))
	return msg, e
}

// A syscallInfo is struct ptrace_syscall_info with the seccomp part of its union.
type syscallInfo struct {
	Op      uint8
	_       [3]uint8
	Arch    uint32
	IP, SP  uint64
	Nr      uint64
	Args    [6]uint64
	RetData uint32
	_       uint32
}

func getSyscallInfo(tid int, s *syscallInfo) unix.Errno {
	return ptrace(ptraceGetSyscallInfo, tid, unsafe.Sizeof(*s), uintptr(unsafe.Pointer(s)))
}

// A siginfo is siginfo_t, of which only the head is looked at.
type siginfo struct {
	Signo, Errno, Code int32
	_                  int32
	PID                int32
	UID                uint32
	rest               [104]byte
}

func getSiginfo(tid int, s *siginfo) unix.Errno {
	return ptrace(unix.PTRACE_GETSIGINFO, tid, 0, uintptr(unsafe.Pointer(s)))
}

func setSiginfo(tid int, s *siginfo) unix.Errno {
	return ptrace(unix.PTRACE_SETSIGINFO, tid, 0, uintptr(unsafe.Pointer(s)))
}

func getSigmask(tid int) (mask uint64) {
	ptrace(ptraceGetSigmask, tid, 8, uintptr(unsafe.Pointer(&mask)))
	return mask
}

func setSigmask(tid int, mask uint64) {
	ptrace(ptraceSetSigmask, tid, 8, uintptr(unsafe.Pointer(&mask)))
}

func tgkill(tgid, tid int, sig unix.Signal) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_TGKILL, uintptr(tgid), uintptr(tid), uintptr(sig))
	return e
}
