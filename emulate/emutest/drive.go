package emutest

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What happens to a call between its entry and its result: the kernel's part in it, kicks, signals, deadlines.

// run makes a task run a plan. It ends early at a call that fails and must not.
func (s *Sim) run(tr *Trap, plan emulate.Plan) []int64 {
	results := make([]int64, 0, len(plan))
	for i := range plan {
		kc := &plan[i]
		ret := tr.task.kernel(kc.Nr, tr.task.lay(kc))
		if ret == sleeps {
			panic("emutest: a planned call sleeps: " + callName(kc.Nr))
		}
		tr.task.fetch(kc)
		s.note("%d   asks %s = %s", tr.task.TID, brief(kc), resultText(ret))
		results = append(results, ret)
		if ret < 0 && kc.Must {
			break
		}
	}
	return results
}

const scratchSize = 1 << 16

// lay puts a call's scratch into the task's memory and returns the arguments with the addresses in them.
func (t *Task) lay(kc *emulate.KernelCall) [6]uint64 {
	args := kc.Args
	if len(kc.Scratch) == 0 {
		return args
	}
	if t.scratch == 0 {
		t.scratch = 0x7f0000000000 + uint64(t.TID)<<20
		t.Mem.Map(t.scratch, scratchSize, Both)
	}
	where := map[*emulate.Scratch]uint64{}
	at := t.scratch
	for _, p := range kc.Scratch {
		where[p] = at
		at += uint64(len(p.Data)+15) &^ 15
	}
	if at > t.scratch+scratchSize {
		panic("emutest: too much scratch")
	}
	for _, p := range kc.Scratch {
		if p.In != nil {
			binary.LittleEndian.PutUint64(p.In.Data[p.At:], where[p])
		} else if p.Arg >= 0 {
			args[p.Arg] = where[p]
		}
	}
	for _, p := range kc.Scratch {
		t.Mem.Put(where[p], p.Data)
	}
	return args
}

// fetch reads back what the call left in its scratch.
func (t *Task) fetch(kc *emulate.KernelCall) {
	at := t.scratch
	for _, p := range kc.Scratch {
		if p.Back {
			copy(p.Data, t.Mem.Bytes(at, len(p.Data)))
		}
		at += uint64(len(p.Data)+15) &^ 15
	}
}

// goAway starts the native half of a wait.
func (s *Sim) goAway(tr *Trap, w *emulate.Wait) {
	tr.native, tr.state = w.Native, away
	tr.args = tr.task.lay(w.Native)
	s.note("%d %s goes into %s%s", tr.task.TID, tr.text(), callName(w.Native.Nr), waitText(w))
	if ret := tr.task.kernel(tr.native.Nr, tr.args); ret != sleeps {
		s.returned(tr, ret)
	}
}

// returned is the native half's own end.
func (s *Sim) returned(tr *Trap, ret int64) {
	tr.task.fetch(tr.native)
	s.note("%d   %s = %s", tr.task.TID, callName(tr.native.Nr), resultText(ret))
	tr.state = held
	tr.Results = []int64{ret}
	o := s.K.Resume(&tr.Call)
	tr.Results = nil
	s.outcome(tr, o)
}

// settle lets everything go on that became ready, until nothing does.
func (s *Sim) settle() {
	for range 1000 {
		s.K.Settle(s.woken, s.reach)
		switch {
		case len(s.later) > 0:
			f := s.later[0]
			s.later = s.later[1:]
			s.outcome(f.trap, f.outcome)
		case len(s.kicked) > 0:
			tr := s.kicked[0]
			s.kicked = s.kicked[1:]
			s.roused(tr)
		case len(s.anew) > 0:
			tr := s.anew[0]
			s.anew = s.anew[1:]
			s.begin(tr, 0)
		case !s.again():
			return
		}
	}
	panic("emutest: it does not settle\n" + s.Log())
}

// woken is a blocked call that the model served.
func (s *Sim) woken(c *emulate.Call, o emulate.Outcome) {
	tr := s.tasks[c.Task.TID].trap
	if o.Kind == emulate.KindDone {
		s.outcome(tr, o)
		return
	}
	s.later = append(s.later, finding{tr, o})
}

// reach says whether a blocked call can be served where it stands. A task in the kernel is kicked first.
func (s *Sim) reach(c *emulate.Call) emulate.Reach {
	t := s.tasks[c.Task.TID]
	if t == nil || t.Dying {
		return emulate.ReachNever
	}
	switch tr := t.trap; tr.state {
	case held:
		return emulate.ReachNow
	case paused, away:
		if !tr.kicked {
			tr.kicked = true
			s.kicked = append(s.kicked, tr)
		}
	}
	return emulate.ReachLater
}

// roused is the stop of a task that was kicked.
func (s *Sim) roused(tr *Trap) {
	tr.kicked = false
	if tr.state != paused && tr.state != away {
		return
	}
	if o := s.K.Resume(&tr.Call); tr.state != paused || o.Kind != emulate.KindBlock || o.Wait.Native != nil {
		tr.state = held
		s.outcome(tr, o)
	}
}

// again tries the kernel calls that sleep, and reports whether one of them ended.
func (s *Sim) again() bool {
	for _, t := range s.sorted() {
		tr := t.trap
		if tr == nil {
			continue
		}
		switch tr.state {
		case passing:
			if ret := t.kernel(tr.nr, tr.Args); ret != sleeps {
				s.heard(tr, ret)
				return true
			}
		case away:
			if ret := t.kernel(tr.native.Nr, tr.args); ret != sleeps {
				s.returned(tr, ret)
				return true
			}
		}
	}
	return false
}

// Park moves a task that waits in its stop into the kernel, as the tracer does after a while.
func (t *Task) Park() {
	tr := t.trap
	if tr == nil || tr.state != held {
		panic(fmt.Sprintf("emutest: task %d is not held", t.TID))
	}
	tr.Park = true
	t.sim.outcome(tr, t.sim.K.Resume(&tr.Call))
	t.sim.settle()
}

// Interrupt is a signal with a handler, which was set with SA_RESTART or without, at a task that sleeps.
func (t *Task) Interrupt(restart bool) {
	s, tr := t.sim, t.trap
	if tr == nil || tr.state == ended {
		panic(fmt.Sprintf("emutest: task %d does not sleep", t.TID))
	}
	s.note("%d is interrupted", t.TID)
	if tr.state == passing {
		s.heard(tr, minus(unix.EINTR))
		return
	}
	until := tr.Waiting().Deadline
	o := s.K.Interrupt(&tr.Call)
	switch e := o.Errno(); {
	case e == emulate.ERESTARTSYS && restart:
		s.leave(tr, o.Ret)
		s.begin(tr, until)
	case e >= emulate.ERESTARTSYS:
		s.leave(tr, o.Ret)
		s.end(tr, minus(unix.EINTR), 0)
	default:
		s.outcome(tr, o)
	}
	s.settle()
}

// Stop is a signal that stops the task, and another that continues it: no handler runs, and most calls begin anew. A
// wait with a timeout then ends when it would have ended without that.
func (t *Task) Stop() {
	s, tr := t.sim, t.trap
	s.note("%d is stopped and continued", t.TID)
	if tr == nil || tr.state == ended || tr.state == passing {
		return
	}
	until := tr.Waiting().Deadline
	o := s.K.Interrupt(&tr.Call)
	if e := o.Errno(); e >= emulate.ERESTARTSYS {
		s.leave(tr, o.Ret)
		s.begin(tr, until)
	} else {
		s.outcome(tr, o)
	}
	s.settle()
}

// Sleep lets time pass; what has a deadline on the way ends there.
func (s *Sim) Sleep(ns int64) {
	to := s.K.Now + ns
	for {
		first, at := (*Trap)(nil), to
		for _, t := range s.sorted() {
			if d := t.trap.deadline(); d != 0 && (d < at || d == at && first == nil) {
				first, at = t.trap, d
			}
		}
		if first == nil {
			break
		}
		s.at(at)
		s.expire(first)
		s.settle()
	}
	s.at(to)
}

func (s *Sim) at(now int64) {
	if now > s.K.Now {
		s.K.Now = now
		s.note("at %s", seconds(now))
	}
}

// deadline is when the call must end, 0 for never.
func (tr *Trap) deadline() int64 {
	switch {
	case tr == nil || tr.state == ended:
		return 0
	case tr.state == passing, tr.state == delayed:
		return tr.until
	}
	return tr.Waiting().Deadline
}

// expire ends a wait whose time is over.
func (s *Sim) expire(tr *Trap) {
	t := tr.task
	nr, args := tr.nr, tr.Args
	switch tr.state {
	case delayed:
		tr.state = held
		tr.then()
		return
	case held, paused:
		tr.state = held
		s.outcome(tr, s.K.Expire(&tr.Call))
		return
	case away:
		nr, args = tr.native.Nr, tr.args
	}
	t.over = true
	ret := t.kernel(nr, args)
	t.over = false
	if tr.state == away {
		s.returned(tr, ret)
	} else {
		s.heard(tr, ret)
	}
}
