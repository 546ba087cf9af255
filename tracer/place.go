package tracer

import (
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Placement outweighs everything else that a stop costs: a task woken on another processor takes several times as long
// to come back as one woken here. But tasks that compute between their calls want processors of their own. Which of the
// two a tree does is not guessed: both ways are tried, each for a window of stops, and the one with the better pace is
// kept for a while.
//
// In the gathered way the tracer is bound to one processor and so is each task that it continues, until the task has
// been gone for a moment, or the way changes. The calls that would tell are stopped too, and what a bound task creates
// gets the mask that its parent should have had.

type cpuMask [16]uint64 // 1,024 processors

type placement struct {
	off    bool    // one processor, or the kernel does not let us
	own    cpuMask // the tracer's
	gather bool    // the way in use
	bound  bool    // the tracer is bound to here
	here   cpuMask
	tasks  []*task // that are bound to here
	shy    int64   // until then nobody is bound: somebody looks
	masks  int     // counts the changes that the program made to masks

	last  int64    // when the last stop was
	stops int      // of this window
	took  int64    // ns between them, no more than leisure for each
	kept  bool     // the way that is gone between trials: gathered
	score [2]int64 // ns that the windows of this trial took: apart, gathered
	trial int      // windows left of this trial
	left  int      // windows until the next one
	keep  int      // what left begins with
}

const (
	window   = 32      // stops
	rounds   = 8       // windows of a trial, which take turns: what a program does changes, too
	leisure  = 200_000 // ns since the last stop, from which on a stop's cost hardly matters
	keepMin  = 16      // windows
	keepMax  = 512
	restless = tick / 2 // a task that was not seen for so long computes or sleeps
	// shyness is how long nobody is bound after a file was opened that shows masks.
	shyness = 100 * tick
)

func affinity(tid int, m *cpuMask) int {
	n, _, e := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
	if e != 0 {
		return 0
	}
	return int(n)
}

func setAffinity(tid int, m *cpuMask) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
	return e
}

func (m *cpuMask) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

func (m *cpuMask) covers(o *cpuMask) bool {
	for i, w := range o {
		if w&^m[i] != 0 {
			return false
		}
	}
	return true
}

// placed is the policy's beginning: with one processor for the tracer there is nothing to choose.
func placed() placement {
	p := placement{gather: true, kept: true, keep: keepMin, left: keepMin / 4}
	p.off = affinity(0, &p.own) == 0 || p.own.count() <= 1
	return p
}

// resume lets a task go on after a call.
func (t *Tracer) resume(k *task) {
	if p := &t.place; !p.off {
		// In a process without a filter for the calls that tell, nobody would hide it.
		if p.judge(t.clock) && p.gather && !k.bound && k.proc.filters > 0 && t.clock >= p.shy {
			p.bind(k)
		}
	}
	t.cont(k, 0)
}

// judge counts a stop and tells whether it came soon after the last one. At a window's end it decides which way the
// next one goes.
func (p *placement) judge(now int64) bool {
	gap := now - p.last
	p.last = now
	soon := gap < leisure
	p.took += min(gap, leisure)
	if p.stops++; p.stops < window {
		return soon
	}
	took := p.took
	p.stops, p.took = 0, 0
	switch {
	case p.trial > 0:
		p.score[way(p.gather)] += took
		if p.trial--; p.trial > 0 {
			p.choose(!p.gather)
			return soon
		}
		if was, other := p.score[way(p.kept)], p.score[way(!p.kept)]; other < was-was/20 { // what is about even stays
			p.kept, p.keep = !p.kept, keepMin
		} else {
			p.keep = min(2*p.keep, keepMax)
		}
		p.left = p.keep
		p.choose(p.kept)
	case p.left > 0:
		p.left--
	default:
		p.score, p.trial = [2]int64{}, rounds
		p.choose(!p.gather)
	}
	return soon
}

func way(gathered bool) int {
	if gathered {
		return 1
	}
	return 0
}

func (p *placement) choose(gather bool) {
	if p.gather = gather; !gather {
		p.disperse()
	}
}

// bind ties a stopped task to the tracer's processor.
func (p *placement) bind(k *task) {
	if k.fixed == p.masks+1 {
		return
	}
	if !p.bound {
		var cpu uint32
		unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0)
		p.here = cpuMask{}
		p.here[cpu/64] = 1 << (cpu % 64)
		if setAffinity(0, &p.here) != 0 {
			p.off, p.gather = true, false
			return
		}
		p.bound = true
	}
	if affinity(k.tid, &k.ownMask) == 0 || !k.ownMask.covers(&p.here) || k.ownMask == p.here || setAffinity(k.tid, &p.here) != 0 {
		k.fixed = p.masks + 1 // until some mask changes
		return
	}
	k.bound = true
	p.tasks = append(p.tasks, k)
}

// release gives a task its own mask back, unless somebody has given it another meanwhile.
func (p *placement) release(k *task) {
	var now cpuMask
	if k.bound && affinity(k.tid, &now) != 0 && now == p.here {
		setAffinity(k.tid, &k.ownMask)
	}
	k.bound = false
}

// disperse releases everybody, the tracer too.
func (p *placement) disperse() {
	for _, k := range p.tasks {
		p.release(k)
	}
	clear(p.tasks)
	p.tasks = p.tasks[:0]
	if p.bound {
		p.bound = false
		setAffinity(0, &p.own)
	}
}

// rest releases the tasks that were not seen for a while; with the last of them the tracer is free as well.
func (p *placement) rest(now int64) {
	busy := p.tasks[:0]
	for _, k := range p.tasks {
		if k.bound && now-k.seen < restless {
			busy = append(busy, k)
		} else {
			p.release(k)
		}
	}
	clear(p.tasks[len(busy):])
	p.tasks = busy
	if len(busy) == 0 {
		p.disperse()
	}
}

// show is called before the program looks at a mask, or changes one.
func (p *placement) show(now int64, sys string) {
	switch sys {
	case "sched_setaffinity":
		p.masks++
	case "sched_getaffinity":
	default:
		p.shy = now + shyness
	}
	p.disperse()
}

// free gives a task that was created by a bound one the mask that its parent should have had.
func (k *task) free(child int) {
	if k.bound {
		setAffinity(child, &k.ownMask)
	}
}
