package stuck

import (
	"encoding/json"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Draw looks where everybody stands. What it returns makes a report of that, for people and as one JSON object; it
// may take its time, on any thread.
func (h *History) Draw(all []emulate.Standing, dead bool) func() (text, json []byte) {
	p, name := h.Picture(all, dead)
	return func() (text, json []byte) {
		name()
		return p.render()
	}
}

func (p *Picture) render() (text, raw []byte) {
	raw, err := json.Marshal(p)
	if err != nil { // nothing in it can fail
		panic(err)
	}
	return p.Text(), raw
}

// Picture finds out who waits for whom; name fills in the names of the frames.
func (h *History) Picture(all []emulate.Standing, dead bool) (p *Picture, name func()) {
	p = &Picture{Dead: dead, At: h.now() - h.began, Tasks: []Task{}, Circle: []Link{}, Findings: []string{}}
	all = h.ordered(all)
	p.Objects = h.objects(all)
	p.index, p.threads = map[string]int{}, map[int][]int{}
	for i := range p.Objects {
		p.index[p.Objects[i].Name] = i
	}
	for i := range all {
		t := all[i].Task
		p.threads[t.TGID] = append(p.threads[t.TGID], t.TID)
	}
	var stack func(*emulate.Standing) []Frame
	name = func() {}
	if h.Stack != nil {
		stack, name = h.Stack()
	}
	for i := range all {
		p.Tasks = append(p.Tasks, h.task(p, all, &all[i], stack))
	}
	p.Circle = circle(p.Tasks)
	p.Findings = p.find()
	return p, name
}

// ordered puts older processes before younger ones, and a process's first thread before the others: numbers wrap.
func (h *History) ordered(all []emulate.Standing) []emulate.Standing {
	all = slices.Clone(all)
	sort.SliceStable(all, func(i, j int) bool {
		x, y := all[i].Task, all[j].Task
		switch {
		case x.TGID != y.TGID:
			return h.before(x.TGID, y.TGID)
		case (x.TID == x.TGID) != (y.TID == y.TGID):
			return x.TID == x.TGID
		}
		return x.TID < y.TID
	})
	return all
}

// before tells whether one process is older than another.
func (h *History) before(x, y int) bool {
	var born [2]int64
	for i, pid := range [2]int{x, y} {
		if p := h.procs[pid]; p != nil {
			born[i] = p.at
		}
	}
	if born[0] != born[1] {
		return born[0] < born[1]
	}
	return x < y
}

func (p *Picture) object(name string) *Object {
	if i, ok := p.index[name]; ok {
		return &p.Objects[i]
	}
	return &Object{Name: name}
}

func (h *History) task(p *Picture, all []emulate.Standing, s *emulate.Standing, stack func(*emulate.Standing) []Frame) Task {
	t := Task{PID: s.Task.TGID, TID: s.Task.TID, Comm: s.Task.Name, Command: s.Command, State: s.State, Why: s.Why, Waits: []Wait{}, Stack: []Frame{}}
	if t.Command == nil {
		t.Command = []string{}
	}
	switch {
	case s.Call != nil:
		t.Call = shown(s.Call)
		for _, a := range s.Call.Awaits() {
			t.Waits = append(t.Waits, p.wait(a))
		}
	case s.Sleeps:
		var w []Wait
		t.Call, w = native(s, all)
		t.Waits = append(t.Waits, w...)
	}
	for i := range t.Waits {
		t.Waits[i].Who = p.whoOf(&t.Waits[i], s.Task)
	}
	if stack != nil && s.IP != 0 {
		if frames := stack(s); frames != nil {
			t.Stack = frames
		}
	}
	return t
}

// shown is a blocked call with its arguments.
func shown(c *emulate.Call) string {
	b := c.Sys.Name + "("
	for i, a := range emulate.See(c).Args {
		if i > 0 {
			b += ", "
		}
		b += a.Text
	}
	return b + ")"
}

// wait tells what a wait for a file is about, and who holds the other end.
func (p *Picture) wait(a emulate.Awaited) Wait {
	o := p.object(a.File.Name())
	w := Wait{On: o.Name, Verb: "read", full: false}
	reads := a.Want&(emulate.In|emulate.RdNorm) != 0
	switch end := a.File.End(); o.Kind {
	case "pipe":
		if end == "read" || end == "both" && reads {
			w.For = "data from " + o.Name
			w.pids = o.holders("write")
		} else {
			w.Verb, w.full = "write", true
			w.For = "room in " + o.Name
			w.pids = o.holders("read")
		}
	case "pair":
		w.For = "data from " + o.Peer + " at " + o.Name
		if o.Peer == "" {
			w.For = "data at " + o.Name + ", whose other end is closed"
		}
		if !reads && a.Want&(emulate.Out|emulate.WrNorm) != 0 {
			w.Verb, w.full = "write", true
			w.For = "room at " + o.Peer
		}
		w.pids = p.object(o.Peer).holders("")
	default:
		w.For, w.pids = o.Name, o.holders("")
		if !reads {
			w.Verb = "write"
		}
	}
	return w
}

// wakers bounds how many processes are named that could end one wait.
const wakers = 64

// holders are the processes that hold an end, each once.
func (o *Object) holders(end string) []int {
	var out []int
	for _, h := range o.Holders {
		if len(out) == wakers {
			break
		}
		if h.PID != 0 && (end == "" || h.End == end || h.End == "both" || h.End == "") && !slices.Contains(out, h.PID) {
			out = append(out, h.PID)
		}
	}
	return out
}

// whoOf turns processes into their tasks. A task waits for itself only when it is all that its process has.
func (p *Picture) whoOf(w *Wait, self *emulate.Task) []int {
	who := append([]int{}, w.Who...)
	for _, pid := range w.pids {
		for _, tid := range p.threads[pid] {
			if tid != self.TID || len(p.threads[pid]) == 1 {
				who = append(who, tid)
			}
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// names are the calls that programs usually sleep in, beside those of the model's table.
var names = map[uint64]string{
	unix.SYS_FUTEX: "futex", unix.SYS_WAIT4: "wait4", unix.SYS_WAITID: "waitid", unix.SYS_PAUSE: "pause",
	unix.SYS_NANOSLEEP: "nanosleep", unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep", unix.SYS_RT_SIGSUSPEND: "rt_sigsuspend",
	unix.SYS_RT_SIGTIMEDWAIT: "rt_sigtimedwait", unix.SYS_ACCEPT: "accept", unix.SYS_ACCEPT4: "accept4",
	unix.SYS_FLOCK: "flock", unix.SYS_MSGRCV: "msgrcv", unix.SYS_MSGSND: "msgsnd", unix.SYS_SEMOP: "semop",
	unix.SYS_SEMTIMEDOP: "semtimedop", unix.SYS_RESTART_SYSCALL: "restart_syscall", unix.SYS_PREAD64: "pread64",
	unix.SYS_FSYNC: "fsync", unix.SYS_IO_URING_ENTER: "io_uring_enter",
}
