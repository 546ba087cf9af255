package report

import (
	"sluice/emulate"
)

// Stats adds up, for every object, what the calls on it moved and how long they waited.
type Stats struct {
	kernel *emulate.Kernel
	now    func() int64
	rows   map[string]*row
	order  []*row // as the objects were first seen
	open   map[int]*visit
	seen   map[int]sight // by process
}

// A row is one object. It outlives the object, so it holds only its name.
type row struct {
	name    string
	in, out int64
	calls   uint64
	blocked int64
	peak    [3]int // bytes, slots, ring
	holders []*holder
	more    int // holders beyond those kept
}

// A holder is one descriptor of one process that led to an object.
type holder struct {
	tgid, fd int
	end      string // read, write, both; "" where an object is an end by itself
	comm     string
	moved    int64
}

// maxHolders bounds what a row remembers: a jobserver's pipe is held by every process of a build.
const maxHolders = 32

// A sight is what was last known of a process's table.
type sight struct {
	table *emulate.FDTable
	gen   int
	comm  string
}

// A visit is a call between its trap and its result.
type visit struct {
	task  *emulate.Task
	at    int64
	n     int
	files [2]touched
}

type touched struct {
	arg  int
	file *emulate.File
	row  *row
	who  *holder
}

// filler is an object that knows how full it is: a pipe's bytes, the slots they take, and the slots there are. An
// eventfd has its count for bytes.
type filler interface {
	Fill() (bytes, slots, ring int)
}

// NewStats makes an empty collector.
func NewStats(k *emulate.Kernel, now func() int64) *Stats {
	return &Stats{kernel: k, now: now, rows: map[string]*row{}, open: map[int]*visit{}, seen: map[int]sight{}}
}

// Enter notes which objects the call names.
func (s *Stats) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	s.look(c.Task)
	v := s.open[c.Task.TID]
	if v == nil {
		v = new(visit)
		s.open[c.Task.TID] = v
	}
	*v = visit{task: c.Task, at: s.now()}
	c.Ends(func(arg int, f *emulate.File) {
		if v.n == len(v.files) {
			return
		}
		r := s.row(f.Object())
		r.fill(f.Object())
		v.files[v.n] = touched{arg, f, r, r.holder(c.Task, c.Arg(arg), f)}
		v.n++
	})
	return emulate.Outcome{}, false
}

// Leave adds the call to what it named.
func (s *Stats) Leave(c *emulate.Call, ret int64) {
	v := s.open[c.Task.TID]
	if v == nil || v.task != c.Task {
		return
	}
	for i := range v.files[:v.n] {
		t := &v.files[i]
		in, out := c.Flow(t.arg, t.file, ret)
		t.row.calls++
		t.row.in += in
		t.row.out += out
		if t.who != nil {
			t.who.moved += in + out
		}
		t.row.fill(t.file.Object())
	}
	if waited(c) {
		s.waited(c, v)
	}
	if c.Task.Files != nil {
		s.look(c.Task)
	}
	*v = visit{}
}

// waited adds the time to the object that the call named, or to all that it watched.
func (s *Stats) waited(c *emulate.Call, v *visit) {
	ns := s.now() - v.at
	if v.n > 0 {
		v.files[0].row.blocked += ns
		return
	}
	var last emulate.Object
	for _, w := range c.Waiting().On {
		if o := w.Queue.Owner(); o != nil && o != last {
			last = o
			s.row(o).blocked += ns
		}
	}
}

// look notes who holds what, whenever a process may hold something new or is another program now.
func (s *Stats) look(t *emulate.Task) {
	now := sight{t.Files, t.Files.Gen(), t.Name}
	if s.seen[t.TGID] == now {
		return
	}
	s.seen[t.TGID] = now
	for _, fd := range t.Files.FDs() {
		f := t.Files.Get(fd)
		s.row(f.Object()).holds(t, fd, f)
	}
}

func (s *Stats) row(o emulate.Object) *row {
	name := o.Name()
	r := s.rows[name]
	if r == nil {
		r = &row{name: name}
		s.rows[name] = r
		s.order = append(s.order, r)
	}
	return r
}

func (r *row) fill(o emulate.Object) {
	if f, ok := o.(filler); ok {
		if bytes, slots, ring := f.Fill(); bytes > r.peak[0] || slots > r.peak[1] {
			r.peak = [3]int{max(bytes, r.peak[0]), max(slots, r.peak[1]), ring}
		}
	}
}

// holder finds the entry of a descriptor; nil when it is not kept.
func (r *row) holder(t *emulate.Task, fd int, f *emulate.File) *holder {
	end := f.End()
	for _, h := range r.holders {
		if h.tgid == t.TGID && h.fd == fd && h.end == end {
			h.comm = t.Name
			return h
		}
	}
	return nil
}

func (r *row) holds(t *emulate.Task, fd int, f *emulate.File) {
	switch {
	case r.holder(t, fd, f) != nil:
	case len(r.holders) == maxHolders:
		r.more++
	default:
		r.holders = append(r.holders, &holder{tgid: t.TGID, fd: fd, end: f.End(), comm: t.Name})
	}
}
