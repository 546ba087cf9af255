package main

import (
	"slices"
	"time"
)

// shrink finds a small program with a difference in it. Candidates are tried many to a world, since a world costs
// more to begin than to run.
func (w *worker) shrink(f *finding, limit time.Duration) *finding {
	w.patience = 2 * time.Second
	end := time.Now().Add(limit)
	best := f
	try := func(list []prog) bool {
		for len(list) > 0 && time.Now().Before(end) {
			n := min(len(list), 64)
			if g := w.firstDifferent(list[:n]); g != nil {
				best = g
				return true
			}
			list = list[n:]
		}
		return false
	}
	for size := len(best.prog) / 2; size > 0; {
		var list []prog
		// From the end: what comes after the difference goes at once.
		for at := len(best.prog) - size; at > -size; at -= size {
			from := max(0, at)
			list = append(list, slices.Delete(slices.Clone(best.prog), from, at+size))
		}
		if !try(list) || size > len(best.prog) {
			size /= 2
		}
		if size == 0 && try(simpler(best.prog)) {
			size = 1
		}
		if time.Now().After(end) {
			break
		}
	}
	// The runs were made in company: is it still there alone, and what was said then?
	if g := w.firstDifferent([]prog{best.prog}); g != nil {
		best = g
	}
	best.shrunk = true
	return best
}

// firstDifferent runs candidates both ways and returns the first that differs, if it always does natively what it
// did.
func (w *worker) firstDifferent(list []prog) *finding {
	native, again := w.run(list, false), w.run(list, false)
	got := w.run(list, true)
	for i, p := range list {
		if !slices.Equal(native.answers[i], again.answers[i]) || slices.Equal(native.answers[i], got.answers[i]) {
			continue
		}
		f := &finding{prog: p, native: native.answers[i], got: got.answers[i], said: got.said, broken: got.broken}
		if got.answers[i] == nil && i > 0 {
			return nil // never reached
		}
		if !w.loose(p) {
			return f
		}
	}
	return nil
}

// simpler makes variants of a program, each with one argument that is simpler.
func simpler(p prog) (list []prog) {
	for i := range p {
		for j := range p[i].op().args {
			v := p[i][1+j]
			for _, to := range []int64{0, 1, v & 0xffffffff, v &^ (v & -v)} {
				if to == v || to == 1 && (v < 2 || v > 1<<31) {
					continue
				}
				q := slices.Clone(p)
				q[i][1+j] = to
				list = append(list, q)
			}
		}
	}
	return list
}
