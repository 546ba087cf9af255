package stuck

import (
	"sort"

	"sluice/emulate"
)

// objects are all that the tree holds, with their holders.
func (h *History) objects(all []emulate.Standing) []Object {
	out := []Object{}
	index := map[emulate.Object]int{}
	for _, o := range h.kernel.Objects() {
		v := Object{Name: o.Name(), Kind: o.Kind(), Holders: []Holder{}}
		if f, ok := o.(interface {
			Fill() (bytes, slots, ring int)
		}); ok {
			v.Bytes, v.Used, v.Slots = f.Fill()
			v.filled = true
		}
		if s, ok := o.(*emulate.Socket); ok && s.Peer() != nil {
			v.Peer = s.Peer().Name()
		}
		if past := h.pasts[o]; past != nil {
			v.Read, v.Wrote = past.read, past.wrote
		}
		index[o] = len(out)
		out = append(out, v)
	}
	seen := map[*emulate.FDTable]bool{}
	for i := range all {
		t := all[i].Task
		if t.Files == nil || seen[t.Files] {
			continue
		}
		seen[t.Files] = true
		for _, fd := range t.Files.FDs() {
			f := t.Files.Get(fd)
			o := f.Object()
			at, ok := index[o]
			if !ok {
				continue
			}
			hold := Holder{PID: t.TGID, Comm: t.Name, FD: fd, End: f.End(), Cloexec: t.Files.Cloexec(fd), How: h.how(t.TGID, fd, o, 1<<62)}
			if hold.How == nil {
				hold.How = []Step{}
			}
			hold.silent = h.silent(t.TGID, o)
			out[at].Holders = append(out[at].Holders, hold)
		}
	}
	underway(out, index, all)
	for o := range index {
		s, ok := o.(*emulate.Socket)
		if !ok {
			continue
		}
		for _, f := range s.Rights() {
			if at, ok := index[f.Object()]; ok {
				out[at].Holders = append(out[at].Holders, Holder{End: f.End(), Message: s.Name(), How: []Step{}, silent: true})
			}
		}
	}
	for i := range out {
		hs := out[i].Holders
		sort.SliceStable(hs, func(a, b int) bool {
			x, y := hs[a], hs[b]
			if x.PID != y.PID {
				return h.before(x.PID, y.PID)
			}
			if x.FD != y.FD {
				return x.FD < y.FD
			}
			return x.Message < y.Message
		})
	}
	return out
}

// silent tells whether a process is known never to have put anything into what o's other end reads.
func (h *History) silent(pid int, o emulate.Object) bool {
	if s, ok := o.(*emulate.Socket); ok {
		if s.Peer() == nil {
			return true
		}
		o = s.Peer()
	}
	past := h.pasts[o]
	return past == nil || past.by[pid] == 0 && !past.more
}

// underway counts what blocked calls have moved so far.
func underway(out []Object, index map[emulate.Object]int, all []emulate.Standing) {
	for i := range all {
		c := all[i].Call
		if c == nil || c.Moved == 0 || c.File() == nil {
			continue
		}
		act := Act{PID: c.Task.TGID, TID: c.Task.TID, Comm: c.Task.Name, Now: true}
		o := c.File().Object()
		in, _ := c.Flow(0, c.File(), int64(c.Moved))
		if s, ok := o.(*emulate.Socket); ok && in > 0 && s.Peer() != nil {
			o = s.Peer()
		}
		at, ok := index[o]
		switch {
		case !ok:
		case in > 0:
			out[at].Wrote = act
		default:
			out[at].Read = act
		}
	}
}
