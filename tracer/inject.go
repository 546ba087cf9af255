package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A run is a plan on its way through the kernel.
type run struct {
	plan    emulate.Plan
	at      int
	results []int64
	starts  bool // the call's entry is still to be stopped at
	then    func([]int64)
}

// inject makes a stopped task run the calls of plan, one after the other, and continues with then. At a
// call's entry the first replaces it at no extra stop; later ones run by going back to the syscall
// instruction, with all signals blocked so that no handler starts in between.
func (t *Tracer) inject(k *task, plan emulate.Plan, then func([]int64)) {
	k.load()
	k.plan = run{plan: plan, then: then}
	t.nextCall(k)
}

func (t *Tracer) nextCall(k *task) {
	r := &k.plan
	if r.at == len(r.plan) {
		k.state = running
		then, results := r.then, r.results
		k.plan = run{}
		then(results)
		return
	}
	kc := &r.plan[r.at]
	args := kc.Args
	if len(kc.Scratch) > 0 {
		base, ok := k.proc.space.mine[k.tid]
		if !ok {
			saved := k.plan
			t.needScratch(k, func(e unix.Errno) {
				if e != 0 {
					saved.results = append(saved.results, -int64(e))
					saved.at = len(saved.plan)
				}
				k.plan = saved
				t.nextCall(k)
			})
			return
		}
		if !t.lay(k, kc, &args, base) {
			r.results = append(r.results, -int64(unix.ENOMEM))
			r.at = len(r.plan)
			t.nextCall(k)
			return
		}
	}
	if len(k.proc.own) > 0 && !k.proc.lets(kc.Nr, args) {
		r.results = append(r.results, -int64(unix.EPERM))
		if r.at++; kc.Must {
			r.at = len(r.plan)
		}
		t.nextCall(k)
		return
	}
	t.stops.Injected++
	k.state = injecting
	t.launch(k, kc.Nr, args)
}

// launch sets a call up and lets the task run it, to be stopped at its end.
func (t *Tracer) launch(k *task, nr int, args [6]uint64) {
	r := k.regs
	setArgs(&r, args)
	if k.entry {
		r.Orig_rax = uint64(nr)
		k.plan.starts = false
	} else {
		if !k.masked && k.state == injecting {
			k.masked, k.sigmask = true, getSigmask(k.tid)
			setSigmask(k.tid, ^uint64(0))
		}
		r.Rip -= 2
		r.Rax, r.Orig_rax = uint64(nr), ^uint64(0)
		k.plan.starts = true
	}
	setRegs(k.tid, &r)
	t.cont(k, 0)
}

// lay places a call's scratch and puts the addresses where they belong.
func (t *Tracer) lay(k *task, kc *emulate.KernelCall, args *[6]uint64, base uint64) bool {
	at := base
	where := make(map[*emulate.Scratch]uint64, len(kc.Scratch))
	for _, s := range kc.Scratch {
		where[s] = at
		at += uint64(len(s.Data)+15) &^ 15
	}
	if at > base+scratchSize {
		return false
	}
	for _, s := range kc.Scratch {
		if s.In != nil {
			b := s.In.Data[s.At:]
			for i := range 8 {
				b[i] = byte(where[s] >> (8 * i))
			}
		} else if s.Arg >= 0 {
			args[s.Arg] = where[s]
		}
	}
	for _, s := range kc.Scratch {
		if len(s.Data) > 0 {
			if _, e := k.mem.WriteMem(where[s], s.Data); e != 0 {
				return false
			}
		}
	}
	return true
}

// fetch reads scratch back.
func (t *Tracer) fetch(k *task, kc *emulate.KernelCall) {
	at := k.proc.space.mine[k.tid]
	for _, s := range kc.Scratch {
		if s.Back && len(s.Data) > 0 {
			k.mem.ReadMem(s.Data, at)
		}
		at += uint64(len(s.Data)+15) &^ 15
	}
}

// answered is the end of an injected call.
func (t *Tracer) answered(k *task) {
	var regs unix.PtraceRegs
	if getRegs(k.tid, &regs) != 0 {
		return
	}
	r := &k.plan
	ret := int64(regs.Rax)
	k.entry = false
	kc := &r.plan[r.at]
	t.fetch(k, kc)
	r.results = append(r.results, ret)
	r.at++
	if ret < 0 && kc.Must {
		r.at = len(r.plan)
	}
	t.nextCall(k)
}

// mmapArgs ask for a mapping of scratchSize.
var mmapArgs = [6]uint64{0, scratchSize, unix.PROT_READ | unix.PROT_WRITE,
	unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE, ^uint64(0), 0}

// needScratch gives a task memory of ours in its address space: a piece that another thread left, or a new
// mapping. Nothing is ever written below a program's stack pointer: small goroutine stacks end there.
func (t *Tracer) needScratch(k *task, then func(unix.Errno)) {
	s := k.proc.space
	if n := len(s.free); n > 0 {
		s.mine[k.tid] = s.free[n-1]
		s.free = s.free[:n-1]
		then(0)
		return
	}
	mmap := emulate.KernelCall{Nr: unix.SYS_MMAP, Args: mmapArgs}
	k.plan = run{plan: emulate.Plan{mmap}, then: func(res []int64) {
		if res[0] < 0 && res[0] > -4096 {
			then(unix.Errno(-res[0]))
			return
		}
		s.mine[k.tid] = uint64(res[0])
		then(0)
	}}
	t.nextCall(k)
}
