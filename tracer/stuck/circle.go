package stuck

import (
	"fmt"
	"slices"
	"strings"
)

// fewest bounds how many holders a finding names.
const fewest = 4

// most bounds from how many tasks a circle is looked for.
const most = 256

// circle is the shortest way from a task over those that it waits for back to itself; that of the first task where
// several are as short. A task that waits for itself alone is a circle only when there is no other.
func circle(tasks []Task) []Link {
	byTID := map[int]*Task{}
	for i := range tasks {
		byTID[tasks[i].TID] = &tasks[i]
	}
	best := []Link{}
	for i := range tasks[:min(len(tasks), most)] {
		c := back(&tasks[i], byTID)
		if len(c) > 1 && (len(best) < 2 || len(c) < len(best)) || len(c) == 1 && len(best) == 0 {
			best = c
		}
	}
	return best
}

// back searches by breadth for the shortest circle through one task.
func back(start *Task, byTID map[int]*Task) []Link {
	type from struct {
		tid int
		w   *Wait
	}
	came := map[int]from{}
	queue := []*Task{start}
	var self []Link
	for len(queue) > 0 {
		t := queue[0]
		queue = queue[1:]
		for i := range t.Waits {
			w := &t.Waits[i]
			for _, tid := range w.Who {
				next := byTID[tid]
				if next == nil {
					continue
				}
				if t == start && next == start {
					self = []Link{{t.TID, nameOf(t.Comm, t.PID, t.TID), w.Verb, w.On}}
					continue
				}
				if _, seen := came[tid]; seen {
					continue
				}
				came[tid] = from{t.TID, w}
				if next == start {
					var links []Link
					for at := start.TID; ; {
						f := came[at]
						prev := byTID[f.tid]
						links = append(links, Link{f.tid, nameOf(prev.Comm, prev.PID, prev.TID), f.w.Verb, f.w.On})
						if at = f.tid; at == start.TID {
							break
						}
					}
					slices.Reverse(links)
					return links
				}
				queue = append(queue, next)
			}
		}
	}
	return self
}

// find says what is wrong, as far as it shows.
func (p *Picture) find() []string {
	out := []string{}
	said := map[string]bool{} // one task speaks for all that wait for the same
	for i := range p.Tasks {
		t := &p.Tasks[i]
		for j := range t.Waits {
			w := &t.Waits[j]
			if said[w.Verb+w.On] {
				continue
			}
			var s string
			switch {
			case w.On == "":
			case w.full:
				s = p.unread(t, w)
			case w.Verb == "read":
				s = p.endless(t, w)
			}
			if s != "" || len(p.object(w.On).Holders) > wakers {
				said[w.Verb+w.On] = true
			}
			if s != "" {
				out = append(out, p.crowd(t, w)+s)
			}
		}
	}
	return out
}

// crowd counts the others that wait for the same.
func (p *Picture) crowd(t *Task, w *Wait) string {
	n := 0
	for i := range p.Tasks {
		for j := range p.Tasks[i].Waits {
			if x := &p.Tasks[i].Waits[j]; x.On == w.On && x.Verb == w.Verb && p.Tasks[i].TID != t.TID {
				n++
				break
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d more like this: ", n)
}

// unread is about a writer for which there is no room: what lies unread, and who should take it.
func (p *Picture) unread(t *Task, w *Wait) string {
	o := p.object(w.On)
	where := o
	end := "read"
	if o.Kind == "pair" {
		where, end = p.object(o.Peer), ""
	}
	if len(w.pids) == 0 {
		return ""
	}
	all := 0
	var readers []string
	for _, h := range where.Holders {
		if h.PID != 0 && (end == "" || h.End == end || h.End == "both") {
			if all++; all > fewest {
				continue
			}
			readers = append(readers, fmt.Sprintf("%s at descriptor %d%s", nameOf(h.Comm, h.PID, h.PID), h.FD, p.meanwhile(h.PID, where.Name)))
		}
	}
	if all > fewest {
		readers = append(readers, fmt.Sprintf("%d more", all-fewest))
	}
	return fmt.Sprintf("%d bytes lie unread in %s, which is full: %s cannot go on until they are read by %s.", where.Bytes, where.Name,
		nameOf(t.Comm, t.PID, t.TID), either(readers))
}

// meanwhile tells what a process does in place of reading from an object.
func (p *Picture) meanwhile(pid int, instead string) string {
	for i := range p.Tasks {
		t := &p.Tasks[i]
		if t.PID != pid || len(t.Waits) == 0 {
			continue
		}
		if len(t.Waits) > 1 {
			return ""
		}
		return ", which waits for " + t.Waits[0].For
	}
	return ""
}

// endless is about a reader whose end of file does not come: what is still open for writing is so by oversight.
// Where somebody may well be meant to write it is a question of turns, and the circle says all there is to say.
func (p *Picture) endless(t *Task, w *Wait) string {
	o := p.object(w.On)
	if o.Kind != "pipe" {
		return ""
	}
	all := 0
	var keepers []string
	for _, h := range o.Holders {
		if h.End == "read" {
			continue
		}
		s := keeper(t, h, o)
		if s == "" {
			return ""
		}
		if all++; all <= fewest {
			keepers = append(keepers, s)
		}
	}
	switch {
	case all == 0:
		return ""
	case all > fewest:
		keepers = append(keepers, fmt.Sprintf("%d more", all-fewest))
	}
	return fmt.Sprintf("%s waits for data or the end of %s, and neither comes: it is still open for writing, by %s.",
		nameOf(t.Comm, t.PID, t.TID), o.Name, strings.Join(keepers, "; and by "))
}

// keeper tells of a descriptor that keeps an end of file from coming: how it got there, and what is missing; "" of
// one that may be meant to write.
func keeper(t *Task, h Holder, o *Object) string {
	if h.PID == 0 {
		return "a descriptor in a message that lies unread at " + h.Message
	}
	forked, execed := false, false
	for _, step := range h.How {
		forked = forked || step.What == "fork"
		execed = execed || step.What == "exec"
	}
	reads := false
	for _, other := range o.Holders {
		reads = reads || other.PID == h.PID && other.End != "write"
	}
	s := fmt.Sprintf("%s at descriptor %d (%s)", nameOf(h.Comm, h.PID, h.PID), h.FD, way(h.How))
	const standard = 2 // the last of the descriptors that programs expect
	switch {
	case h.PID == t.PID:
		return s + fmt.Sprintf(", which is the reader itself: close(%d) is missing there", h.FD)
	case !h.silent:
		return ""
	case execed && h.FD > standard:
		how := ", which never wrote to it and kept it over exec: O_CLOEXEC is missing"
		if forked {
			how = ", which never wrote to it and got it by fork and exec: O_CLOEXEC, or close before the exec, is missing"
		}
		return s + how
	case reads || o.Wrote.PID != 0:
		return s + fmt.Sprintf(", which never wrote to it: close(%d) is missing there", h.FD)
	}
	return ""
}

func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
