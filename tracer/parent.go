package tracer

import (
	"encoding/json"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// RunAsParent is Run for the first process of a pid namespace and for a subreaper: the tracer stays, the
// program is its child, and what the outside does to the one is done to the other.
func RunAsParent(o Options, stageVar string) error {
	told := o
	told.Env, told.Inject = nil, nil // the one is the child's own, the other the tracer's
	raw, err := json.Marshal(stage{Role: "program", Opts: told})
	if err != nil {
		return failf("%v", err)
	}
	t := newTracer(o)
	if err := t.prepare(); err != nil {
		return failf("%v", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT)
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"sluice-program"}, &syscall.ProcAttr{
		Env:   append(slices.Clone(o.Env), stageVar+"="+string(raw)),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return failf("cannot start the program: %v", err)
	}
	go func() {
		for s := range signals {
			unix.Kill(pid, s.(syscall.Signal))
		}
	}()
	// PTRACE_TRACEME stops the child at its exec; SEIZE needs it untraced, so it is let go into a stop of
	// its own first.
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		return failf("%v", err)
	}
	ptrace(unix.PTRACE_DETACH, pid, 0, uintptr(unix.SIGSTOP))
	if _, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil); err != nil {
		return failf("%v", err)
	}
	if e := t.seize(pid); e != 0 {
		unix.Kill(pid, unix.SIGKILL)
		return &Error{125, cannotSeize(e)}
	}
	unix.Kill(pid, unix.SIGCONT)
	status := t.serve()
	if status == 0 {
		status = t.exitLike
	}
	os.Exit(status)
	return nil
}
