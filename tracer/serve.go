package tracer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// prepare builds the layers, whose errors (a log that cannot be opened) the user must see before the
// program starts.
func (t *Tracer) prepare() error {
	t.pid = os.Getpid()
	if Layers == nil {
		return nil
	}
	defer func() {
		if Chronicles != nil {
			t.chronicle = Chronicles(LayerEnv{Now: t.now, Kernel: t.kernel})
			t.layers = append(t.layers, t.chronicle)
		}
	}()
	_, err := unix.IoctlGetTermios(2, unix.TCGETS)
	color := err == nil && os.Getenv("NO_COLOR") == ""
	layers, reporter, err := Layers(t.opts, LayerEnv{Now: t.now, Kernel: t.kernel, Color: color, Fail: t.fail, Proc: procs{}})
	if err != nil {
		return err
	}
	t.layers, t.reporter = layers, reporter
	return nil
}

// serve runs the loop to the end of the tree and gives the tracer's own exit status.
func (t *Tracer) serve() (status int) {
	defer func() {
		if r := recover(); r != nil {
			t.crash(r, debug.Stack())
			status = 125
		}
	}()
	t.door.open(t.pid, t.root.tgid)
	if err := t.loop(); err == errEnded {
		return Deadlocked
	} else if err != nil {
		status := 125
		var with *Error
		if errors.As(err, &with) {
			status = with.Status
		}
		t.flush()
		fmt.Fprintf(os.Stderr, "sluice: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nsluice: "))
		t.verdict(status, err.Error())
		t.kill(status)
		return status
	}
	t.flush()
	return 0
}

// errEnded tells that the tree was ended on purpose.
var errEnded = errors.New("the tree was ended")

// kill ends the tree: every task dies, and the program's caller sees our status where it still can.
func (t *Tracer) kill(status int) {
	for tid, k := range t.tasks {
		if k.proc == t.root { // that nothing of it runs when the others end
			ptrace(ptraceInterrupt, tid, 0, 0)
		}
	}
	for tid, k := range t.tasks {
		if tid == k.proc.tgid && k.proc != t.root {
			unix.Kill(tid, unix.SIGKILL)
		}
	}
	t.endRoot(status)
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if ws.Stopped() {
			ptrace(unix.PTRACE_CONT, pid, 0, 0)
		}
	}
}

// endRoot makes the main program exit with a status of ours: exit_group is put in the place of whatever a task of
// it is about to do, best of one that is stopped before a call. One that runs is interrupted first.
func (t *Tracer) endRoot(status int) {
	if t.root == nil {
		return
	}
	var list []*task
	for _, k := range t.tasks {
		if k.proc == t.root && procState(k.tid) != 'Z' { // not the first thread, ended before the others
			list = append(list, k)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if a, b := list[i].atEntry(), list[j].atEntry(); a != b {
			return a
		}
		return list[i].tid < list[j].tid
	})
	for _, k := range list {
		regs, ok := t.arrest(k.tid)
		switch {
		case !ok:
			continue
		case k.atEntry():
			regs.Orig_rax = unix.SYS_EXIT_GROUP
		case int64(regs.Orig_rax) >= 0: // in a call, or just out of one: behind the syscall instruction
			regs.Rip -= 2
			regs.Rax, regs.Orig_rax = unix.SYS_EXIT_GROUP, ^uint64(0)
		case k.ip != 0:
			regs.Rip = k.ip - 2 // the last known syscall instruction of the program
			regs.Rax, regs.Orig_rax = unix.SYS_EXIT_GROUP, ^uint64(0)
		default:
			continue
		}
		regs.Rdi = uint64(status)
		setRegs(k.tid, &regs)
		ptrace(unix.PTRACE_CONT, k.tid, 0, 0)
		return
	}
	unix.Kill(t.root.tgid, unix.SIGKILL)
}

// atEntry tells whether the task is stopped before a call that the model serves.
func (k *task) atEntry() bool {
	return k.entry && k.active && (k.state == held || k.state == running || k.state == queued || k.state == delayed)
}

// arrest stops a task, if it is not, and reads its registers.
func (t *Tracer) arrest(tid int) (regs unix.PtraceRegs, ok bool) {
	ptrace(ptraceInterrupt, tid, 0, 0)
	for getRegs(tid, &regs) != 0 {
		var ws unix.WaitStatus
		_, err := unix.Wait4(tid, &ws, unix.WALL, nil)
		if err != nil && err != unix.EINTR || err == nil && !ws.Stopped() {
			return regs, false
		}
	}
	return regs, true
}

// crash reports a broken invariant: what happened, the last calls, and where in the code.
func (t *Tracer) crash(reason any, stack []byte) {
	fmt.Fprintf(os.Stderr, "sluice: internal error: %v\nsluice: the last calls:\n", reason)
	for i := max(0, t.ringAt-len(t.ring)); i < t.ringAt; i++ {
		if tr := t.ring[i%len(t.ring)]; tr.sys != nil {
			fmt.Fprintf(os.Stderr, "sluice:   %d %s %x\n", tr.tid, tr.sys.Name, tr.args[:len(tr.sys.Args)])
		}
	}
	if t.opts.Verbose {
		os.Stderr.Write(stack)
	}
	t.flush()
	t.verdict(125, fmt.Sprint("internal error: ", reason))
	t.kill(125)
}

// finishReport writes everything about the main program before whoever waits for it can go on.
func (t *Tracer) finishReport(k *task) {
	if t.reporter != nil {
		if err := t.reporter.Finish(t.stops, t.others()); err != nil {
			t.warn("%v", err)
		}
	}
	if msg, e := eventMsg(k.tid); e == 0 {
		t.verdict(int(msg), "")
	}
}

// others names the processes that live on beside the main program.
func (t *Tracer) others() []string {
	var still []string
	for tid, k := range t.tasks {
		if k.proc != t.root && tid == k.proc.tgid {
			still = append(still, k.String())
		}
	}
	sort.Strings(still)
	return still
}

// rootEnded lets go of the caller's stderr, which a daemon of the tree must not keep open. The first process of a pid
// namespace ends with the program, and all else in the namespace with it, as if the program had been the first.
func (t *Tracer) rootEnded() {
	if t.pid == 1 {
		t.flush()
		os.Exit(t.exitLike)
	}
	if null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		unix.Dup3(null, 2, 0)
		unix.Close(null)
	}
}

// verdict writes the run's outcome where --verdict asks for it.
func (t *Tracer) verdict(wait int, finding string) {
	if t.opts.Verdict == "" {
		return
	}
	v := struct {
		Status  int             `json:"status"`
		Signal  int             `json:"signal"`
		Finding string          `json:"finding"`
		Picture json.RawMessage `json:"deadlock,omitempty"`
	}{Status: wait >> 8 & 0xff, Signal: wait & 0x7f, Finding: finding, Picture: t.found}
	if finding != "" {
		v.Status, v.Signal = wait, 0
	} else if t.found != nil {
		v.Finding = "deadlock"
	}
	raw, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(t.opts.Verdict, append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.warn("the verdict cannot be written: %v", err)
	}
}
