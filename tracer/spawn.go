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

// A Starter starts the tracer's process, or has done so, and gives this one's end of the conversation with it.
type Starter func() (control int, err error)

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
// first thing in main. The variable stageVar names the role; it never reaches the program. control is the descriptor over
// which the tracer and the program-to-be agree.
func Stage(stageVar string, control int) {
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
		os.Exit(traceDetached(s, control))
	case "program":
		s.Opts.Env = os.Environ()
		fail(become(s.Opts, initialActions()))
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

// Run replaces this process by the program, which is traced by the process that start started. It returns only when
// that fails.
func Run(o Options, start Starter) error {
	fd, err := start()
	if err != nil {
		return failf("cannot start the tracer: %v", err)
	}
	c := talk{fd}
	told := o
	told.Args, told.Env = nil, nil // long, and nothing to the tracer
	raw, err := json.Marshal(told)
	if err != nil {
		return failf("%v", err)
	}
	if err := c.say(string(raw)); err == unix.EMSGSIZE {
		return failf("the options are too long: %d bytes", len(raw))
	}
	restore := initialActions() // while the tracer begins
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
	return become(o, restore)
}

// become installs the filter and executes the program.
func become(o Options, restore *[65]uintptr) error {
	if err := seccomp.Install(seccomp.Base(o.Stop...)); err != nil {
		return failf("cannot install a seccomp filter: %v (a container or a sandbox may forbid it)", err)
	}
	restoreIgnored(restore)
	err := syscall.Exec(o.Program, o.Args, o.Env)
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

func (c talk) say(s string) error {
	_, err := unix.Write(c.fd, []byte(s))
	return err
}

func (c talk) hear() string {
	buf := make([]byte, 192<<10)
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

// traceDetached is the tracer's process.
func traceDetached(s stage, control int) int {
	c := talk{control}
	unix.CloseOnExec(control)
	signal.Ignore(unix.SIGPIPE, unix.SIGHUP, unix.SIGTTOU)
	if json.Unmarshal([]byte(c.hear()), &s.Opts) != nil {
		return 125 // whoever started us has said why it will not run anything
	}
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
