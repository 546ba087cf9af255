package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// auditArch is AUDIT_ARCH_X86_64, the only architecture that the model speaks.
const auditArch = 0xc000003e

// trapped serves the stop that the filter made before a call.
func (t *Tracer) trapped(k *task) {
	switch k.state {
	case passing:
		k.state = running
		if k.active && k.hear {
			k.state = hearing
		}
		t.cont(k, 0)
		return
	case away:
		if !k.broken {
			t.cont(k, 0)
			return
		}
		t.forget(k)
	case injecting, hearing: // an injected call that the filter stops too
		t.cont(k, 0)
		return
	}
	if !t.arrival(k) {
		return // killed
	}
	info := &t.info
	if info.Nr == ^uint64(0) || info.Nr == 1<<32-1 {
		t.cont(k, 0) // skipped at its entry by us (park.go: again), or no call at all
		return
	}
	if info.Arch != auditArch || info.Nr >= 1<<30 {
		t.foreign(k)
		return
	}
	if k.strict && forbidden(info.Nr) {
		tgkill(k.proc.tgid, k.tid, unix.SIGKILL)
		return
	}
	sys := emulate.ByNr(info.Nr)
	if sys == nil {
		t.special(k, info)
		return
	}
	c := &k.call
	*c = emulate.Call{Task: k.model, Sys: sys, Args: info.Args, Mem: &k.mem}
	k.active, k.entry, k.hear = true, true, false
	k.ip = info.IP
	if r := k.suppose; r != nil {
		// A signal without a handler sent the call round: its deadline is still the first one's.
		if r.nr == info.Nr && r.ip == info.IP && r.args == info.Args {
			c.Until = r.deadline
		}
		k.suppose = nil
	}
	t.note(k)
	if t.opts.Audit {
		t.audited(k)
	}
	t.enter(k)
}

// arrival reads the call that a task has stopped before: into its registers, which are written back with the result,
// and into t.info. Only the kernel knows a call's architecture for certain, and it costs a request more to ask. But the
// instruction syscall, and no other way into the kernel, leaves the return address in rcx and the flags in r11.
func (t *Tracer) arrival(k *task) bool {
	r := &k.regs
	if getRegs(k.tid, r) != 0 {
		return false
	}
	k.loaded = true
	const user64 = 0x33 // __USER_CS
	if r.Rcx != r.Rip || r.R11 != r.Eflags || r.Cs != user64 {
		return getSyscallInfo(k.tid, &t.info) == 0
	}
	t.info = syscallInfo{Arch: auditArch, IP: r.Rip, SP: r.Rsp, Nr: uint64(int32(r.Orig_rax)),
		Args: [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}}
	return true
}

// forget ends a wait that a signal without a handler broke and that the program begins anew.
func (t *Tracer) forget(k *task) {
	k.suppose = &restarted{uint64(k.call.Sys.Nr), k.call.Args, k.ip, k.call.Waiting().Deadline}
	t.kernel.Cancel(&k.call)
	k.broken, k.kicked = false, false
	t.close(k, -int64(emulate.ERESTARTNOHAND))
}

// enter takes a call whose registers are known: through the table's lock, the layers, the model.
func (t *Tracer) enter(k *task) {
	if len(t.busy) > 0 {
		if who := t.busy[k.model.Files]; who != nil && who != k {
			k.state = queued
			t.waiting = append(t.waiting, k)
			return
		}
	}
	for _, l := range t.layers {
		if o, decided := l.Enter(&k.call); decided {
			t.outcome(k, o)
			return
		}
	}
	t.outcome(k, t.kernel.Do(&k.call))
}

// outcome carries out what the model decided about a task that is stopped.
func (t *Tracer) outcome(k *task, o emulate.Outcome) {
	if t.failure != nil {
		return // the program is not to see an answer any more; the loop ends
	}
	if !t.covered(k) {
		t.cover(k, func() { t.outcome(k, o) })
		return
	}
	switch o.Kind {
	case emulate.KindDone:
		t.stops.Served++
		t.finish(k, o)
	case emulate.KindPass:
		if k.call.Moved > 0 { // demoted in the middle of a transfer: what moved is a short count
			t.finish(k, emulate.Done(k.call.Moved))
			return
		}
		t.pass(k, o.Hear)
	case emulate.KindAsk:
		if who := t.busy[k.model.Files]; who != nil && who != k && k.call.Sys.Table {
			// It slept when the other took the table.
			k.state = queued
			k.after = func() { t.outcome(k, o) }
			t.waiting = append(t.waiting, k)
			return
		}
		t.lock(k)
		t.inject(k, o.Plan, func(results []int64) {
			k.call.Results = results
			t.outcome(k, t.kernel.Resume(&k.call))
		})
	case emulate.KindBlock:
		t.block(k, o)
		t.unlock(k) // a recvmmsg that waits for its next message keeps nobody out
	}
}

// finish gives a stopped task its result and lets it go on.
func (t *Tracer) finish(k *task, o emulate.Outcome) {
	t.conclude(k, o)
	t.resume(k)
}

// conclude writes the result; the task is still stopped.
func (t *Tracer) conclude(k *task, o emulate.Outcome) {
	k.load()
	r := k.regs
	r.Rax, r.Orig_rax = uint64(o.Ret), ^uint64(0)
	setRegs(k.tid, &r)
	if o.Signal != 0 {
		k.raised = o.Signal
		tgkill(k.proc.tgid, k.tid, o.Signal)
	}
	t.close(k, o.Ret)
}

// close ends the bookkeeping of a call.
func (t *Tracer) close(k *task, ret int64) {
	if k.masked {
		setSigmask(k.tid, k.sigmask)
		k.masked = false
	}
	for i := len(t.layers) - 1; i >= 0; i-- {
		t.layers[i].Leave(&k.call, ret)
	}
	k.active = false
	k.state = running
	k.broken = false // of this call's native half; the next call may have none, and is to be kicked like any other
	k.call.Results, k.call.State = nil, nil
	t.unlock(k)
	t.resend(k)
}

// load reads the registers of the call's trap, for whoever needs more than its number and arguments.
func (k *task) load() {
	if k.loaded {
		return
	}
	getRegs(k.tid, &k.regs)
	k.loaded = true
}

// pass lets the kernel run the call itself; hear means that the model waits for the answer.
func (t *Tracer) pass(k *task, hear bool) {
	if hear {
		t.lock(k)
	} else {
		t.stops.Passed++
	}
	if !k.entry { // another call ran in its place: go back to the syscall instruction
		t.rewind(k, k.call.Args, uint64(k.call.Sys.Nr))
		k.state, k.hear = passing, hear
		if !hear {
			t.close(k, emulate.Unknown)
			k.state = passing
		}
		t.cont(k, 0)
		return
	}
	if !hear {
		if k.call.Sys.Do == nil || k.call.Shows {
			t.place.show(t.clock, k.call.Sys.Name)
			t.close(k, emulate.Unknown)
			t.cont(k, 0)
			return
		}
		t.close(k, emulate.Unknown)
		t.resume(k)
		return
	}
	k.state = hearing
	t.cont(k, 0)
}

// rewind puts a task that is not at a call's entry before its syscall instruction again.
func (t *Tracer) rewind(k *task, args [6]uint64, nr uint64) {
	k.load()
	r := k.regs
	setArgs(&r, args)
	r.Rip -= 2
	r.Rax, r.Orig_rax = nr, ^uint64(0)
	setRegs(k.tid, &r)
}

func setArgs(r *unix.PtraceRegs, a [6]uint64) {
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
}

// lock keeps other tasks of a shared table out while a call that changes it is on its way. Without it a
// close goes on, another thread's read of the same number finds nothing of ours, and hangs in the empty
// placeholder.
func (t *Tracer) lock(k *task) {
	if k.call.Sys.Table && k.model.Files.Users() > 1 {
		t.busy[k.model.Files] = k
	}
}

func (t *Tracer) unlock(k *task) {
	if len(t.busy) == 0 {
		return
	}
	freed := false
	for table, who := range t.busy {
		if who == k {
			delete(t.busy, table)
			freed = true
		}
	}
	if !freed {
		return
	}
	list := t.waiting
	t.waiting = nil
	for _, w := range list {
		if w.state != queued {
			continue
		}
		w.state = running
		if w.after != nil {
			next := w.after
			w.after = nil
			next()
		} else {
			t.enter(w)
		}
	}
}

// heard is the exit of a call whose answer the model wanted.
func (t *Tracer) heard(k *task) {
	var r unix.PtraceRegs
	if getRegs(k.tid, &r) != 0 {
		return
	}
	ret := int64(r.Rax)
	k.entry = false
	t.kernel.Saw(&k.call, ret)
	if !t.covered(k) {
		k.load0(&r, &k.call)
		t.cover(k, func() { t.finish(k, emulate.Outcome{Ret: ret}) })
		return
	}
	t.close(k, ret)
	t.resume(k)
}

// load0 makes the registers at a call's exit those of its trap.
func (k *task) load0(r *unix.PtraceRegs, c *emulate.Call) {
	if k.loaded {
		return
	}
	k.regs = *r
	k.regs.Orig_rax = uint64(c.Sys.Nr)
	k.loaded = true
}
