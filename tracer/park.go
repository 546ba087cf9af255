package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// block keeps a task whose call cannot go on. It stays in its stop for a while, since the answer often
// comes soon and then costs nothing; a wait with a native half goes to the kernel at once.
func (t *Tracer) block(k *task, o emulate.Outcome) {
	if o.Wait.Native != nil {
		t.goAway(k, o.Wait.Native)
		return
	}
	k.state = held
	k.heldAt = t.clock
	t.held = append(t.held, heldTask{k, t.clock})
	if o.Wait.Deadline != 0 {
		t.late.add(k, o.Wait.Deadline)
	}
}

// park moves a held task into the kernel, where signals reach it: into the native call that its wait
// names, or into pause(2).
func (t *Tracer) park(k *task) {
	k.call.Park = true
	o := t.kernel.Resume(&k.call)
	if o.Kind != emulate.KindBlock {
		t.outcome(k, o)
		return
	}
	if o.Wait.Native != nil {
		t.stops.Parked++
		t.goAway(k, o.Wait.Native)
		return
	}
	if len(k.proc.own) > 0 && !k.proc.lets(unix.SYS_PAUSE, [6]uint64{}) {
		t.linger(k)
		return
	}
	t.stops.Parked++
	t.pause(k)
}

// pause lets a stopped task sleep. pause(2) ends with ERESTARTNOHAND on any signal, which the signal's stop
// turns into what the true call would give.
func (t *Tracer) pause(k *task) {
	k.load()
	r := k.regs
	if k.entry {
		r.Orig_rax = unix.SYS_PAUSE
	} else {
		r.Rip -= 2
		r.Rax, r.Orig_rax = unix.SYS_PAUSE, ^uint64(0)
	}
	setRegs(k.tid, &r)
	t.unmask(k)
	k.entry = false
	k.state = parked
	t.cont(k, 0)
}

func (t *Tracer) unmask(k *task) {
	if k.masked {
		setSigmask(k.tid, k.sigmask)
		k.masked = false
	}
}

// goAway starts the native half of a wait.
func (t *Tracer) goAway(k *task, kc *emulate.KernelCall) {
	if len(kc.Scratch) > 0 {
		if _, ok := k.proc.space.mine[k.tid]; !ok {
			k.load()
			t.needScratch(k, func(e unix.Errno) {
				if e != 0 {
					t.finish(k, emulate.Fail(e))
					return
				}
				t.goAway(k, kc)
			})
			return
		}
	}
	args := kc.Args
	if len(kc.Scratch) > 0 && !t.lay(k, kc, &args, k.proc.space.mine[k.tid]) {
		t.finish(k, emulate.Fail(unix.ENOMEM))
		return
	}
	k.load()
	t.unmask(k)
	k.native = kc
	k.broken = false
	k.state = away
	t.launch(k, kc.Nr, args)
}

// returned is the exit of a native half: by itself, or because a signal or a kick of ours cut it short.
func (t *Tracer) returned(k *task) {
	var r unix.PtraceRegs
	if getRegs(k.tid, &r) != 0 {
		return
	}
	ret := int64(r.Rax)
	kicked := k.kicked
	k.kicked = false
	k.entry = false
	if !interrupted(ret) {
		t.fetch(k, k.native)
		k.call.Results = []int64{ret}
		o := t.kernel.Resume(&k.call)
		k.call.Results = nil
		t.outcome(k, o)
		return
	}
	if kicked {
		t.outcome(k, t.kernel.Resume(&k.call))
		return
	}
	// A signal is on its way (or nothing is: then the kernel restarts the wait by itself). The program's
	// own argument registers come back first; the kernel's restart of a poll does not need them.
	regs := k.regs
	if ret == -int64(unix.EINTR) || ret == -int64(emulate.ERESTART_RESTARTBLOCK) && k.roused {
		// Of epoll_wait the kernel makes nothing else; but a signal that the program ignores, which would not
		// have woken it without a tracer (kernel/signal.c: sig_ignored), must not end it. A roused task begins
		// its call anew.
		ret = -int64(emulate.ERESTARTNOHAND)
	}
	regs.Rax = uint64(ret)
	regs.Orig_rax = r.Orig_rax
	if ret != -int64(emulate.ERESTART_RESTARTBLOCK) {
		regs.Orig_rax = uint64(k.call.Sys.Nr)
	}
	setRegs(k.tid, &regs)
	k.broken = true
	k.brokenRet = ret
	k.plan.starts = true
	t.cont(k, 0)
}

// interrupted tells whether a result is one of a wait cut short.
func interrupted(ret int64) bool {
	return ret == -int64(unix.EINTR) || ret <= -512 && ret >= -516
}

// reach says whether the model may serve a blocked call now. A task in the kernel is asked to stop first.
func (t *Tracer) reach(c *emulate.Call) emulate.Reach {
	k := t.tasks[c.Task.TID]
	if k == nil || !k.active {
		return emulate.ReachNever
	}
	switch k.state {
	case held:
		if _, e := peekAlive(k.tid); e != 0 {
			return emulate.ReachNever
		}
		return emulate.ReachNow
	case parked, away:
		if !k.kicked && !k.broken {
			k.kicked = true
			t.stops.Kicked++
			t.kick(k)
		}
		return emulate.ReachLater
	}
	return emulate.ReachLater
}

// peekAlive fails when a task is no longer in its stop, which only SIGKILL can bring about.
func peekAlive(tid int) (uint64, unix.Errno) {
	return eventMsg(tid)
}

// woken is a blocked call of a stopped task that the model has served.
func (t *Tracer) woken(c *emulate.Call, o emulate.Outcome) {
	k := t.tasks[c.Task.TID]
	k.state = running
	t.outcome(k, o)
}

// expire ends a wait at its deadline.
func (t *Tracer) expire(k *task) {
	switch k.state {
	case held:
		k.state = running
		t.outcome(k, t.kernel.Expire(&k.call))
	case parked:
		k.call.Expired = true
		if !k.kicked {
			k.kicked = true
			t.stops.Kicked++
			t.kick(k)
		}
	}
}

// roused is the stop of a parked task that was kicked.
func (t *Tracer) roused(k *task) {
	k.kicked = false
	o := t.kernel.Resume(&k.call)
	if o.Kind == emulate.KindBlock && o.Wait.Native == nil {
		t.cont(k, 0) // the kernel goes back into the pause
		return
	}
	k.state = running
	t.outcome(k, o)
}

// again is a wait's native half that the kernel restarts by itself after a signal without a handler. What
// changed since it was cut short nobody told the task: so the model is asked before it sleeps again.
func (t *Tracer) again(k *task) {
	k.broken = false
	o := t.kernel.Resume(&k.call)
	if o.Kind == emulate.KindBlock {
		t.cont(k, 0)
		return
	}
	k.entry = true
	k.state = running
	t.outcome(k, o)
}

func (t *Tracer) syscallStop(k *task) {
	switch k.state {
	case injecting:
		if k.plan.starts {
			k.plan.starts = false
			t.cont(k, 0)
			return
		}
		t.answered(k)
	case away:
		if !k.plan.starts {
			t.returned(k)
			return
		}
		k.plan.starts = false
		if k.broken && getSyscallInfo(k.tid, &t.info) == 0 && t.info.Nr == unix.SYS_RESTART_SYSCALL {
			t.again(k)
			return
		}
		t.cont(k, 0) // if it was cut short it begins anew, and the filter stops it next
	case hearing:
		t.heard(k)
	default:
		t.cont(k, 0)
	}
}
