// Package early starts the tracer's process while this one still initialises itself: a Go program takes
// milliseconds to begin, and two of them that begin side by side take hardly longer than one. It imports next to nothing,
// so that its own initialisation comes before nearly everybody else's.
package early

import (
	"strconv"
	"syscall"
	"unsafe"
)

// StageVar tells a process of ours which role it was started for. It never reaches the program.
const StageVar = "SLUICE_STAGE"

// Control is the tracer's descriptor for talking with the program-to-be.
const Control = 3

var (
	started bool
	control int
	failure error
)

func init() {
	if wanted() && !Parental() {
		start()
	}
}

// wanted tells whether this process is `sluice run ...`, by what the kernel says: os.Args is not there yet.
func wanted() bool {
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	var buf [4096]byte
	n, _ := syscall.Read(fd, buf[:])
	field, from := 0, 0
	for i := range max(n, 0) {
		if buf[i] == 0 {
			if field == 1 {
				return string(buf[from:i]) == "run"
			}
			field, from = field+1, i+1
		}
	}
	return false
}

// Parental tells whether the tracer must stay the program's parent: the first process of a pid namespace and a child
// subreaper would get it as a child.
func Parental() bool {
	const getChildSubreaper = 37
	var on int32
	syscall.RawSyscall6(syscall.SYS_PRCTL, getChildSubreaper, uintptr(unsafe.Pointer(&on)), 0, 0, 0, 0)
	return on != 0 || syscall.Getpid() == 1
}

// Tracer gives this process's end of the conversation with its tracer, which is started if it was not yet.
func Tracer() (fd int, err error) {
	if !started {
		start()
	}
	return control, failure
}

func start() {
	started = true
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		failure = err
		return
	}
	control = ends[0]
	failure = detach(ends[1])
	syscall.Close(ends[1])
}

// detach starts the tracer as an orphan in a session of its own. It forks twice by hand: each child makes only raw
// system calls, in this process's memory while this thread waits, with all signals blocked.
func detach(ctl int) error {
	exe, _ := syscall.BytePtrFromString("/proc/self/exe")
	argv, _ := syscall.SlicePtrFromStrings([]string{"sluice-tracer"})
	role := StageVar + `={"Role":"tracer","PID":` + strconv.Itoa(syscall.Getpid()) + "}"
	env := []string{role, "GODEBUG=asyncpreemptoff=1"}
	for _, name := range []string{"PATH", "HOME", "TERM", "NO_COLOR", "TZ"} {
		if v, ok := syscall.Getenv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(null)
	all, old := ^uint64(0), uint64(0)
	const setmask = 2
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setmask, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	pid := fork(exe, &argv[0], &envp[0], null, ctl)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setmask, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	if int(pid) < 0 {
		return syscall.Errno(-int(pid))
	}
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(int(pid), &ws, 0, nil); err != syscall.EINTR {
			break
		}
	}
	if ws.ExitStatus() != 0 {
		return syscall.Errno(ws.ExitStatus())
	}
	return nil
}

// vfork is clone without a stack of the child's own; a negative result is an errno.
//
//go:noescape
func vfork(flags uintptr) (pid uintptr)

// fork runs in both children after their creation, where nothing of the Go runtime may be used. The first one's status
// is the errno of creating the second.
//
//go:norace
//go:nosplit
func fork(exe *byte, argv, envp **byte, null, ctl int) uintptr {
	const (
		vm         = syscall.CLONE_VM | syscall.CLONE_VFORK | uintptr(syscall.SIGCHLD)
		closeRange = 436
		setmask    = 2
	)
	var empty uint64
	if pid := vfork(vm); pid != 0 {
		return pid
	}
	syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0)
	if pid := vfork(vm); pid != 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(max(0, -int(pid))), 0, 0)
	}
	syscall.RawSyscall(syscall.SYS_DUP3, uintptr(null), 0, 0)
	syscall.RawSyscall(syscall.SYS_DUP3, uintptr(null), 1, 0)
	if ctl == Control {
		syscall.RawSyscall(syscall.SYS_FCNTL, Control, syscall.F_SETFD, 0)
	} else {
		syscall.RawSyscall(syscall.SYS_DUP3, uintptr(ctl), Control, 0)
	}
	// Descriptors of the caller must not live as long as the last daemon of the tree.
	syscall.RawSyscall(closeRange, Control+1, ^uintptr(0), 0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setmask, uintptr(unsafe.Pointer(&empty)), 0, 8, 0, 0)
	syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(exe)), uintptr(unsafe.Pointer(argv)), uintptr(unsafe.Pointer(envp)))
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	return 0
}
