package doctor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/seccomp"
)

// The words by which a process of ours is the subject of a trial.
const (
	filteredWord = "doctor:filtered"
	pipeWord     = "doctor:pipe"
)

// Stage plays the subject, if this process was started as one, and does not return then.
func Stage() {
	if len(os.Args) != 2 {
		return
	}
	switch os.Args[1] {
	case filteredWord:
		filtered()
	case pipeWord:
		pipe()
	default:
		return
	}
	os.Exit(0)
}

// filtered waits until it is traced, installs the filter of every run, and makes the call it stops.
func filtered() {
	runtime.LockOSThread()
	os.Stdin.Read(make([]byte, 1))
	if err := seccomp.Install(seccomp.Base()); err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
	var fds [2]int32
	unix.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&fds)), 0, 0)
}

// pipe sends a word to itself.
func pipe() {
	r, w, err := os.Pipe()
	if err == nil {
		fmt.Fprint(w, "through")
		word := make([]byte, 16)
		n, _ := r.Read(word)
		fmt.Print(string(word[:n]))
	}
}

// patience bounds a trial: a sandbox may leave calls hanging.
const patience = 10 * time.Second

// A subject is a child that waits for the end of its stdin. Nothing but this package waits for it: os/exec
// would compete for its stops.
type subject struct {
	pid     int
	in, out *os.File // our ends
}

func start(word string) (*subject, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer inR.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		inW.Close()
		return nil, err
	}
	defer outW.Close()
	p, err := os.StartProcess("/proc/self/exe", []string{"sluice", word}, &os.ProcAttr{Files: []*os.File{inR, outW, outW}})
	if err != nil {
		inW.Close()
		outR.Close()
		return nil, err
	}
	s := &subject{p.Pid, inW, outR}
	p.Release()
	return s, nil
}

// end kills the child and reaps it.
func (s *subject) end() {
	s.in.Close()
	unix.Kill(s.pid, unix.SIGKILL)
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(s.pid, &ws, unix.WALL, nil)
		if err != unix.EINTR && (err != nil || !ws.Stopped()) {
			break
		}
	}
	s.out.Close()
}

// try traces a child as a run does, up to the first call that its filter stops.
func try() []Check {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	trace := Check{Name: "ptrace", State: Missing, Costs: "no program can be traced",
		Advice: "in a container allow it: docker run --cap-add SYS_PTRACE, or a seccomp profile that permits ptrace"}
	s, err := start(filteredWord)
	if err != nil {
		trace.Found = "no child could be started: " + err.Error()
		return []Check{trace}
	}
	defer s.end()
	limit := time.AfterFunc(patience, func() { unix.Kill(s.pid, unix.SIGKILL) })
	defer limit.Stop()
	if e := ptrace(unix.PTRACE_SEIZE, s.pid, 0, unix.PTRACE_O_TRACESECCOMP|unix.PTRACE_O_EXITKILL); e != 0 {
		trace.Found = "PTRACE_SEIZE: " + e.Error()
		return []Check{trace}
	}
	trace = Check{Name: "ptrace", State: OK, Found: "a child was traced"}
	s.in.Close()
	filter := Check{Name: "seccomp filter", State: Missing, Costs: "calls cannot be stopped",
		Advice: "the profile of a container or of a service manager forbids it: allow the call seccomp"}
	if !s.untilTrap() {
		filter.Found = "the filter stopped nothing"
		if said, _ := io.ReadAll(s.out); len(said) > 0 {
			filter.Found = "it cannot be installed: " + string(said)
		}
		return []Check{trace, filter}
	}
	filter = Check{Name: "seccomp filter", State: OK, Found: "it stopped a call"}
	return []Check{trace, filter, callInfo(s.pid), memory(s.pid), descriptors(s.pid)}
}

// untilTrap lets the child run until the filter stops it; false when it ended before.
func (s *subject) untilTrap() bool {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(s.pid, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || !ws.Stopped() {
			return false
		}
		sig := ws.StopSignal()
		switch int(ws) >> 16 {
		case unix.PTRACE_EVENT_SECCOMP:
			return true
		case 0:
		default:
			sig = 0
		}
		ptrace(unix.PTRACE_CONT, s.pid, 0, uintptr(sig))
	}
}

func ptrace(req, pid int, addr, data uintptr) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(pid), addr, data, 0, 0)
	return e
}

func callInfo(pid int) Check {
	const getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, include/uapi/linux/ptrace.h
	var info [88]byte
	if e := ptrace(getSyscallInfo, pid, uintptr(len(info)), uintptr(unsafe.Pointer(&info))); e != 0 {
		return Check{"PTRACE_GET_SYSCALL_INFO", Missing, e.Error(), "a stopped call cannot be read", "use Linux 5.3 or newer"}
	}
	return Check{Name: "PTRACE_GET_SYSCALL_INFO", State: OK, Found: "a stopped call was read"}
}

// memory reads the word at the top of the child's stack.
func memory(pid int) Check {
	const name = "process_vm_readv"
	var regs unix.PtraceRegs
	var got [8]byte
	err := unix.PtraceGetRegs(pid, &regs)
	if err == nil {
		_, err = unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &got[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(regs.Rsp), Len: 8}}, 0)
	}
	if err != nil {
		return Check{name, Missing, err.Error(), "the program's bytes cannot be moved",
			"a container's seccomp profile forbids it: allow process_vm_readv and process_vm_writev"}
	}
	return Check{Name: name, State: OK, Found: "the child's memory was read"}
}

func descriptors(pid int) Check {
	const name = "pidfd_getfd"
	costs := "some of what sluice does not serve cannot be given back to the kernel; pipes are taken to have their usual size"
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		defer unix.Close(fd)
		var got int
		if got, err = unix.PidfdGetfd(fd, 1, 0); err == nil {
			unix.Close(got)
			return Check{Name: name, State: OK, Found: "the child's descriptor was borrowed"}
		}
	}
	return Check{name, Note, err.Error(), costs, "Linux 5.6 has it; a container's seccomp profile may forbid it"}
}

// whole runs sluice itself on a program that uses a pipe.
func whole() Check {
	c := Check{Name: "a whole run", State: Missing, Costs: "a program with a pipe did not run as it should"}
	cmd := exec.Command("/proc/self/exe", "run", "--strict", "--", "/proc/self/exe", pipeWord)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "SLUICE_") })
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		c.Found = err.Error()
		return c
	}
	limit := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	limit.Stop()
	switch {
	case err != nil:
		c.Found = fmt.Sprint(err, ": ", strings.TrimSpace(errs.String()))
	case out.String() != "through":
		c.Found = fmt.Sprintf("it wrote %q", out.String())
	default:
		return Check{Name: c.Name, State: OK, Found: fmt.Sprintf("%.1f ms", float64(time.Since(began).Microseconds())/1e3)}
	}
	return c
}
