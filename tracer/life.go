package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// cloned is the parent's side of fork, vfork, clone and clone3.
func (t *Tracer) cloned(k *task) {
	if who := t.busy[k.model.Files]; who != nil && who != k {
		// Another thread's change of the table is on its way: whether the child has it is known after it.
		saved := k.state
		k.state = queued
		k.after = func() { k.state = saved; t.cloned(k) }
		t.waiting = append(t.waiting, k)
		return
	}
	msg, e := eventMsg(k.tid)
	if e != 0 {
		return
	}
	if tid := int(msg); t.tasks[tid] == nil && unix.Kill(tid, 0) == nil {
		t.created(k, tid, t.cloneFlags(k))
	}
	t.unlock(k) // the table is copied, and a vfork may take long to return
	t.cont(k, 0)
	if child := t.tasks[int(msg)]; child != nil {
		t.begin(child)
	}
}

// created makes a task known that k created.
func (t *Tracer) created(k *task, tid int, flags uint64) {
	child := &task{tid: tid, mem: memory{tid}, state: newborn, opts: k.opts}
	child.model = t.kernel.Clone(k.model, tid, flags)
	if t.chronicle != nil {
		t.chronicle.Cloned(k.model, child.model)
	}
	if flags&unix.CLONE_THREAD != 0 {
		child.proc = k.proc
	} else {
		p := *k.proc
		p.tgid, p.tasks, p.leaving = tid, 0, 0
		p.armed = p.armed.Union(p.armed)
		p.coveredTable = nil
		child.proc = &p
	}
	child.proc.tasks++
	if flags&unix.CLONE_VM == 0 {
		child.proc.space = k.proc.space.fork(k.tid, tid)
	}
	t.tasks[tid] = child
	t.crowd.sized(len(t.tasks))
	k.free(tid)
}

// cloneFlags reads the flags of the call that made a task from its parent's registers.
func (t *Tracer) cloneFlags(k *task) uint64 {
	var r unix.PtraceRegs
	if getRegs(k.tid, &r) != 0 {
		return 0
	}
	switch r.Orig_rax {
	case unix.SYS_CLONE:
		return r.Rdi
	case unix.SYS_CLONE3:
		var b [8]byte
		k.mem.ReadMem(b[:], r.Rdi)
		f := uint64(0)
		for i, x := range b {
			f |= uint64(x) << (8 * i)
		}
		return f
	case unix.SYS_VFORK:
		return unix.CLONE_VM | unix.CLONE_VFORK
	}
	return 0
}

// fork is a copy of an address space for a child that begins as a copy of thread tid.
func (s *space) fork(tid, child int) *space {
	n := &space{mine: map[int]uint64{}, free: append([]uint64(nil), s.free...)}
	for who, at := range s.mine {
		if who == tid {
			n.mine[child] = at
		} else {
			n.free = append(n.free, at)
		}
	}
	return n
}

// leave keeps a thread's scratch for the next one.
func (s *space) leave(tid int) {
	if at, ok := s.mine[tid]; ok {
		delete(s.mine, tid)
		s.free = append(s.free, at)
	}
}

// born is a new task's first stop.
func (t *Tracer) born(k *task) {
	if k.opts&unix.PTRACE_O_TRACEEXIT != 0 && k.proc != t.root {
		k.opts = options
		ptrace(unix.PTRACE_SETOPTIONS, k.tid, 0, options)
	}
	k.state = running
	t.cont(k, 0)
}

// execed is a successful execve, reported under the group's id whichever thread made it.
func (t *Tracer) execed(k *task) {
	if msg, e := eventMsg(k.tid); e == 0 && int(msg) != k.tid {
		// Another thread took the leader's place; the leader's own end is not reported.
		if was := t.tasks[int(msg)]; was != nil {
			t.drop(k)
			delete(t.tasks, was.tid)
			old := was.tid
			was.tid, was.mem.tid = k.tid, k.tid
			was.model.TID = k.tid
			delete(t.kernel.Tasks, old)
			t.kernel.Tasks[k.tid] = was.model
			k = was
			t.tasks[k.tid] = k
		}
	}
	p := k.proc
	p.tasks = 1
	p.leaving = 0
	p.space.leave(k.tid)
	p.space = &space{mine: map[int]uint64{}}
	p.foreign, p.undumpable = false, false
	k.model.Native = false
	k.ip = 0
	t.abandon(k)
	t.unlock(k)
	k.model.Name = comm(k.tid)
	t.kernel.Exec(k.model, k.tid)
	if t.chronicle != nil {
		t.chronicle.Execed(k.model)
	}
	k.state = running
	t.started = true
	t.cont(k, 0)
	for tid, o := range t.orphans { // the threads that made them ended with the exec
		if o.ppid == p.tgid {
			t.foster(tid)
		}
	}
}

// abandon takes a task out of whatever it waited for.
func (t *Tracer) abandon(k *task) {
	if k.active {
		t.kernel.Abort(&k.call)
		k.active = false
	}
	k.kicked, k.broken, k.masked = false, false, false
	k.suppose, k.after = nil, nil
	k.plan = run{}
}

// leaving is PTRACE_EVENT_EXIT, which only the root process's tasks report. Its last task is let go when
// everything about it is written: whoever waits for the program finds the log complete.
func (t *Tracer) leaving(k *task) {
	t.abandon(k)
	t.unlock(k)
	k.state = exiting
	p := k.proc
	if p.leaving++; p.leaving >= p.tasks && p == t.root {
		t.settle()
		t.finishReport(k)
	}
	t.cont(k, 0)
}

// gone is the end of a task.
func (t *Tracer) gone(tid int, ws uint32) {
	k := t.tasks[tid]
	if k == nil {
		delete(t.orphans, tid)
		return
	}
	t.bequeath(k)
	t.drop(k)
	if k.proc == t.root && tid == k.proc.tgid {
		if t.exitLike = int(ws >> 8 & 0xff); ws&0x7f != 0 {
			t.exitLike = 128 + int(ws&0x7f)
		}
		t.rootEnded()
	}
}

// drop forgets a task and what it held.
func (t *Tracer) drop(k *task) {
	t.abandon(k)
	t.unlock(k)
	k.bound = false
	if k.state == exiting {
		k.proc.leaving--
	}
	k.state = exiting // lists that still name it pass it over
	k.proc.tasks--
	k.proc.space.leave(k.tid)
	delete(t.tasks, k.tid)
	t.crowd.sized(len(t.tasks))
	t.kernel.Exit(k.model)
}

var _ emulate.Memory = (*memory)(nil)
