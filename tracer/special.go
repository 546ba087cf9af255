package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// special is a stop at a call that the table does not list: seccomp, and prctl where it sets a filter or dumpable.
// A filter of the program's own with a listener can let calls run past ours: a notification answered with
// CONTINUE outranks RET_TRACE.
func (t *Tracer) special(k *task, info *syscallInfo) {
	const newListener = 8 // SECCOMP_FILTER_FLAG_NEW_LISTENER
	bySeccomp := info.Nr == unix.SYS_SECCOMP
	switch {
	case !bySeccomp && (uint32(info.Args[0]) == unix.PR_SET_DUMPABLE || uint32(info.Args[0]) == unix.PR_GET_DUMPABLE):
		if t.dumpable(k, info) {
			return
		}
	case !bySeccomp && uint32(info.Args[0]) == unix.PR_GET_SECCOMP:
		// Our filters are not the program's; but those that sluice itself was started under are.
		if len(k.proc.own) == 0 && !k.proc.listened && !readStatus(t.pid).filtered {
			setResult(k.tid, 0)
			t.stops.Served++
			t.cont(k, 0)
			return
		}
	case bySeccomp && info.Args[0] == unix.SECCOMP_SET_MODE_STRICT && info.Args[1] == 0 && info.Args[2] == 0,
		!bySeccomp && info.Args[1] == unix.SECCOMP_MODE_STRICT:
		if len(k.proc.own) == 0 { // else EINVAL: nobody goes from filters to strict mode
			t.enterStrict(k)
			return
		}
	case bySeccomp && info.Args[0] == unix.SECCOMP_SET_MODE_FILTER && info.Args[1]&newListener != 0:
		k.proc.listened = true
		t.surrender(k, "a seccomp filter with a listener")
	default:
		t.filtered(k, info)
		return
	}
	t.stops.Passed++
	t.cont(k, 0)
}

// dumpable answers prctl(PR_SET_DUMPABLE, 0) and what asks for it later. A process that really were so could not be
// read by a tracer without privilege; nobody else can attach to it anyway while it is traced. It reports whether the
// call is answered.
func (t *Tracer) dumpable(k *task, info *syscallInfo) bool {
	p := k.proc
	switch {
	case readStatus(t.pid).capEff>>unix.CAP_SYS_PTRACE&1 != 0:
		return false
	case uint32(info.Args[0]) == unix.PR_GET_DUMPABLE:
		if !p.undumpable {
			return false
		}
	case info.Args[1] == 0:
		p.undumpable = true
	default:
		p.undumpable = false
		return false
	}
	setResult(k.tid, 0)
	t.stops.Served++
	t.cont(k, 0)
	return true
}

// surrender gives a process's objects back to the kernel and leaves it alone from now on.
func (t *Tracer) surrender(k *task, why string) {
	for _, fd := range k.model.Files.FDs() {
		if f := k.model.Files.Get(fd); f != nil {
			t.kernel.Host.Demote(f, why)
		}
	}
	for _, o := range t.kernel.Tasks {
		if o.TGID == k.model.TGID {
			o.Native = true
		}
	}
}

// foreign is a call of another architecture (32-bit, x32), whose numbers mean other things. It is never
// taken for one of ours.
func (t *Tracer) foreign(k *task) {
	if !k.proc.foreign {
		k.proc.foreign = true
		why := "calls of a foreign architecture"
		if t.opts.Strict {
			t.refuse(k, why)
			return
		}
		if k.model.Files.Len() > 0 {
			t.surrender(k, why)
		} else {
			t.warn("%s: %s are left to the kernel", k, why)
		}
		for _, o := range t.kernel.Tasks {
			if o.TGID == k.model.TGID {
				o.Native = true
			}
		}
	}
	t.stops.Passed++
	t.cont(k, 0)
}

// String names a task as reports do: sort[4711].
func (k *task) String() string {
	if k.model.Name == "" {
		k.model.Name = comm(k.tid)
	}
	return fmt.Sprintf("%s[%d]", k.model.Name, k.tid)
}

// refuse ends the tree because of something that --strict does not let pass.
func (t *Tracer) refuse(k *task, what string) {
	t.fail(fmt.Errorf("%s: %s cannot be served, and --strict forbids leaving it to the kernel", k, what))
}

// fail makes the loop end with err.
func (t *Tracer) fail(err error) {
	if t.failure == nil {
		t.failure = err
	}
}

// A trace is one call of the last few, kept for a panic's report.
type trace struct {
	tid  int
	sys  *emulate.Syscall
	args [6]uint64
}

func (t *Tracer) note(k *task) {
	t.ring[t.ringAt%len(t.ring)] = trace{k.tid, k.call.Sys, k.call.Args}
	t.ringAt++
}
