package tracer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/seccomp"
)

// The program keeps its place: the process that the shell started becomes the program. It starts the
// tracer as a detached grandchild in a session of its own, lets itself be seized, installs the first
// filter on its main thread and executes the program. So pid, parent, process group, job control and exit
// status are the program's own, with nothing forwarded.
//
// Two cases differ. The first process of a pid namespace and a child subreaper would inherit the orphaned
// tracer as a child of the program: there the tracer stays the parent, and the program becomes its child.

// stageVar tells a process of ours which role it was started for. It never reaches the program.
const stageVar = "SLUICE_STAGE"

type stage struct {
	Role string // tracer, or program (when the tracer is its parent)
	PID  int    // whom to seize
	Opts Options
}

func init() {
	// All ptrace requests must come from one thread, and the filter and the exec from the first one.
	runtime.LockOSThread()
}

// Stage runs the internal role that this process was started for and does not return then. It must be the
// first thing in main.
func Stage() {
	raw, ok := os.LookupEnv(stageVar)
	if !ok {
		return
	}
	var s stage
	if json.Unmarshal([]byte(raw), &s) != nil {
		fmt.Fprintf(os.Stderr, "sluice: the variable %s is sluice's own and must not be set\n", stageVar)
		os.Exit(125)
	}
	os.Unsetenv(stageVar)
	switch s.Role {
	case "tracer":
		os.Exit(traceDetached(s))
	case "program":
		err := become(s.Opts, s.Opts.Env)
		fail(err)
	}
	os.Exit(125)
}

func fail(err error) {
	status := 125
	var e *Error
	if errors.As(err, &e) {
		status = e.Status
	}
	fmt.Fprintln(os.Stderr, "sluice:", err)
	os.Exit(status)
}

// control is the descriptor over which the program-to-be and its tracer agree.
const control = 3

// Run replaces this process by the program. It returns only when that fails.
func Run(o Options) error {
	if os.Getpid() == 1 || isSubreaper() {
		return runAsParent(o)
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return failf("cannot make a socketpair: %v", err)
	}
	raw, err := json.Marshal(stage{Role: "tracer", PID: os.Getpid(), Opts: o})
	if err != nil {
		return failf("%v", err)
	}
	if err := detach(string(raw), ends[1]); err != nil {
		return failf("cannot start the tracer: %v", err)
	}
	unix.Close(ends[1])
	c := talk{ends[0]}
	first := c.hear()
	pid, err := strconv.Atoi(first)
	switch {
	case first == "":
		return failf("the tracer did not start")
	case err != nil:
		return &Error{125, first} // why it cannot
	}
	// Yama's scope 1 lets only ancestors trace, unless the tracee names its tracer.
	unix.Prctl(unix.PR_SET_PTRACER, uintptr(pid), 0, 0, 0)
	c.say("go")
	if answer := c.hear(); answer != "ok" {
		if answer == "" {
			answer = "the tracer ended before it began"
		}
		return &Error{125, answer}
	}
	return become(o, o.Env)
}

func isSubreaper() bool {
	var on int32
	unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&on)), 0, 0, 0)
	return on != 0
}

// become installs the filter and executes the program.
func become(o Options, env []string) error {
	if err := seccomp.Install(seccomp.Base()); err != nil {
		return failf("cannot install a seccomp filter: %v (a container or a sandbox may forbid it)", err)
	}
	restoreIgnored()
	err := syscall.Exec(o.Program, o.Args, env)
	status := 126
	if err == unix.ENOENT {
		status = 127
	}
	if e, ok := err.(syscall.Errno); ok {
		return &Error{status, o.Args[0] + ": " + e.Error()}
	}
	return &Error{status, fmt.Sprintf("%s: %v", o.Args[0], err)}
}

// A talk is a conversation of short packets.
type talk struct{ fd int }

func (c talk) say(s string) { unix.Write(c.fd, []byte(s)) }

func (c talk) hear() string {
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(c.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < 0 {
			return ""
		}
		return string(buf[:n])
	}
}

// detach starts the tracer as an orphan in a session of its own. It forks twice by hand, since a second
// Go process between the two would cost a millisecond: each child makes only raw system calls, on a copy
// of this thread, with all signals blocked.
func detach(raw string, ctl int) error {
	exe, _ := unix.BytePtrFromString("/proc/self/exe")
	argv, _ := syscall.SlicePtrFromStrings([]string{"sluice-tracer"})
	env := []string{stageVar + "=" + raw, "GODEBUG=asyncpreemptoff=1"}
	for _, name := range []string{"PATH", "HOME", "TERM", "NO_COLOR", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	envp, _ := syscall.SlicePtrFromStrings(env)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	all, old := ^uint64(0), uint64(0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	pid, e := forkTracer(exe, &argv[0], &envp[0], null, ctl)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	if e != 0 {
		return e
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if ws.ExitStatus() != 0 {
		return syscall.Errno(ws.ExitStatus())
	}
	return nil
}

// forkTracer runs in both children after the fork, where nothing of the Go runtime may be used.
//
//go:norace
//go:nosplit
func forkTracer(exe *byte, argv, envp **byte, null, ctl int) (int, syscall.Errno) {
	var empty uint64
	pid, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 || pid != 0 {
		return int(pid), e
	}
	unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	pid, _, e = unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || e != 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(e), 0, 0)
	}
	unix.RawSyscall(unix.SYS_DUP3, uintptr(null), 0, 0)
	unix.RawSyscall(unix.SYS_DUP3, uintptr(null), 1, 0)
	if ctl == control {
		unix.RawSyscall(unix.SYS_FCNTL, control, unix.F_SETFD, 0)
	} else {
		unix.RawSyscall(unix.SYS_DUP3, uintptr(ctl), control, 0)
	}
	// Descriptors of the caller must not live as long as the last daemon of the tree.
	unix.RawSyscall(unix.SYS_CLOSE_RANGE, control+1, ^uintptr(0), 0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&empty)), 0, 8, 0, 0)
	unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(exe)), uintptr(unsafe.Pointer(argv)), uintptr(unsafe.Pointer(envp)))
	unix.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	return 0, 0
}

// traceDetached is the tracer's process.
func traceDetached(s stage) int {
	c := talk{control}
	unix.CloseOnExec(control)
	signal.Ignore(unix.SIGPIPE, unix.SIGHUP, unix.SIGTTOU)
	t := newTracer(s.Opts)
	if err := t.prepare(); err != nil {
		c.say(err.Error())
		return 125
	}
	c.say(strconv.Itoa(os.Getpid()))
	if c.hear() != "go" {
		return 125
	}
	if e := t.seize(s.PID); e != 0 {
		c.say(cannotSeize(e))
		return 125
	}
	c.say("ok")
	unix.Close(control)
	os.Chdir("/")
	return t.serve()
}

// cannotSeize says what to change when ptrace is refused.
func cannotSeize(e unix.Errno) string {
	hint := "a container or a security module forbids ptrace; allow CAP_SYS_PTRACE or its seccomp profile"
	if raw, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil {
		if scope := strings.TrimSpace(string(raw)); scope > "1" {
			hint = "kernel.yama.ptrace_scope is " + scope + "; set it to 1 or 0 (sysctl kernel.yama.ptrace_scope=1)"
		}
	}
	if me := readStatus(os.Getppid()); me.tracer != 0 {
		hint = "the process is traced already, and the kernel allows one tracer"
	}
	return fmt.Sprintf("cannot trace the program: %v: %s", e, hint)
}

// seize attaches to the process that becomes the program.
func (t *Tracer) seize(pid int) unix.Errno {
	opts := uintptr(options | unix.PTRACE_O_TRACEEXIT)
	if e := ptrace(ptraceSeize, pid, 0, opts); e != 0 {
		return e
	}
	p := &process{tgid: pid, tasks: 1, space: &space{mine: map[int]uint64{}}}
	k := &task{tid: pid, proc: p, mem: memory{pid}, model: t.kernel.Root(pid), opts: opts}
	t.root = p
	t.tasks[pid] = k
	return 0
}
