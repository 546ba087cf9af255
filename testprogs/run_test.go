package testprogs

import (
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A program is something to run, natively or wrapped.
type program struct {
	argv  []string
	env   []string // beside what every run has
	dir   string
	stdin *os.File // /dev/null if nil
	attr  *syscall.SysProcAttr
	limit time.Duration // a minute if 0
}

// A result is what whoever starts a program gets to see of it.
type result struct {
	stdout, stderr string
	status         syscall.WaitStatus
}

func (r result) String() string {
	how := fmt.Sprintf("exit %d", r.status.ExitStatus())
	if r.status.Signaled() {
		how = "signal: " + r.status.Signal().String()
	}
	return fmt.Sprintf("--- ended: %s\n--- stdout:\n%s\n--- stderr:\n%s\n", how, r.stdout, r.stderr)
}

// A run is a program that was started, with all that it starts.
type run struct {
	t        *testing.T
	cmd      *exec.Cmd
	mark     string // stands in the environment of each of its processes, and of its tracer
	out, err *os.File
	ended    chan struct{}
	deadline time.Time
}

var runs atomic.Int64

// wrapped is the command line that runs argv under sluice.
func wrapped(argv []string, options ...string) []string {
	return append(append(append([]string{sluice, "run"}, options...), "--"), argv...)
}

// start starts a program. Its output goes to files, so that a process which outlives the main program and holds them
// open keeps nobody waiting.
func start(t *testing.T, p program) *run {
	t.Helper()
	if p.limit == 0 {
		p.limit = time.Minute
	}
	r := &run{t: t, ended: make(chan struct{}), deadline: time.Now().Add(p.limit)}
	r.mark = fmt.Sprintf("SLUICE_TESTS_MARK=%d-%d.", os.Getpid(), runs.Add(1))
	r.out, r.err = scratch(t), scratch(t)
	r.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	r.cmd.Dir = p.dir
	r.cmd.Env = append(append(os.Environ(), p.env...), r.mark)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.err
	if p.stdin != nil {
		r.cmd.Stdin = p.stdin
	}
	r.cmd.SysProcAttr = p.attr
	if p.attr == nil {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does for a job
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() { kill(r.mark); <-r.ended })
	return r
}

func scratch(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(work, "output-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); os.Remove(f.Name()) })
	return f
}

// main waits for the end of the main program, and ends the test with a report of who is stuck when it does not come.
func (r *run) main() result {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(time.Until(r.deadline)):
		r.stuck("the main program does not end")
	}
	return r.result()
}

func (r *run) result() result {
	out, _ := os.ReadFile(r.out.Name())
	err, _ := os.ReadFile(r.err.Name())
	s, _ := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return result{string(out), string(err), s}
}

// all waits until the last process of the run, its tracer too, is gone.
func (r *run) all() result {
	r.t.Helper()
	r.main()
	if !r.until(func() bool { return len(members(r.mark)) == 0 }) {
		r.stuck("the main program has ended, and these have not")
	}
	return r.result()
}

// until looks for a state of things until it is there or the time is over.
func (r *run) until(there func() bool) bool {
	for pause := time.Millisecond; !there(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(r.deadline) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

func (r *run) stuck(why string) {
	r.t.Helper()
	who := describe(r.mark)
	kill(r.mark)
	<-r.ended
	r.t.Fatalf("%s: %v\n%s%v", why, r.cmd.Args, who, r.result())
}

// launch runs a program to its end.
func launch(t *testing.T, p program) result {
	t.Helper()
	return start(t, p).all()
}
