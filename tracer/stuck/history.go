package stuck

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A History is a layer that changes nothing and remembers who touched an object last and how descriptors came to
// where they are. What it costs a call is a few look-ups in maps; what it keeps is bounded by what lives.
type History struct {
	// Stack makes, for each picture, what finds a task's frames and what fills in their names; nil for none.
	Stack func() (find func(*emulate.Standing) []Frame, name func())

	kernel *emulate.Kernel
	began  int64
	now    func() int64
	pasts  map[emulate.Object]*past
	procs  map[int]*process
}

// A past is what happened to one object.
type past struct {
	births []birth
	read   Act
	wrote  Act
	by     map[int]int64 // bytes that each process put in
	more   bool          // others did as well, and were not kept
}

// A birth is a descriptor that a call made.
type birth struct {
	pid, fd int
	Step
}

// A process is how one came to be.
type process struct {
	parent int
	name   string // of the parent, then
	at     int64
	execs  []Step
}

const (
	maxBirths  = 64
	maxWriters = 64
	maxExecs   = 8
)

// NewHistory begins one whose times count from now.
func NewHistory(k *emulate.Kernel, now func() int64) *History {
	return &History{kernel: k, began: now(), now: now, pasts: map[emulate.Object]*past{}, procs: map[int]*process{}}
}

// Enter has nothing to say.
func (h *History) Enter(*emulate.Call) (emulate.Outcome, bool) { return emulate.Outcome{}, false }

// Leave notes what moved and what was made.
func (h *History) Leave(c *emulate.Call, ret int64) {
	if ret < 0 || c.Task.Files == nil {
		return
	}
	switch c.Sys.Nr {
	case unix.SYS_PIPE, unix.SYS_PIPE2:
		h.pair(c, c.Args[0])
	case unix.SYS_SOCKETPAIR:
		h.pair(c, c.Args[3])
	case unix.SYS_DUP, unix.SYS_DUP2, unix.SYS_DUP3, unix.SYS_FCNTL, unix.SYS_OPEN, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_PIDFD_GETFD,
		unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD, unix.SYS_EVENTFD2:
		if c.Sys.Nr != unix.SYS_FCNTL || c.Args[1] == unix.F_DUPFD || c.Args[1] == unix.F_DUPFD_CLOEXEC {
			h.born(c, int(ret), "")
		}
	case unix.SYS_RECVMSG, unix.SYS_RECVMMSG:
		h.moved(c, ret)
		h.received(c)
	default:
		if ret > 0 {
			h.moved(c, ret)
		}
	}
}

// moved notes who read and who wrote.
func (h *History) moved(c *emulate.Call, ret int64) {
	c.Ends(func(arg int, f *emulate.File) {
		in, out := c.Flow(arg, f, ret)
		if in == 0 && out == 0 {
			return
		}
		to := f.Object()
		if s, ok := to.(*emulate.Socket); ok && in > 0 { // what is written at one end lies at the other
			if s.Peer() == nil {
				return
			}
			to = s.Peer()
		}
		p := h.past(to)
		act := Act{PID: c.Task.TGID, TID: c.Task.TID, Comm: c.Task.Name, At: h.kernel.Now - h.began}
		if out > 0 {
			p.read = act
		}
		if in > 0 {
			p.wrote = act
			if _, known := p.by[act.PID]; !known && len(p.by) >= maxWriters {
				p.more = true
				return
			}
			p.by[act.PID] += in
		}
	})
}

func (h *History) pair(c *emulate.Call, addr uint64) {
	var raw [8]byte
	if n, _ := c.Mem.ReadMem(raw[:], addr); n < len(raw) {
		return
	}
	for _, b := range [][]byte{raw[:4], raw[4:]} {
		h.born(c, int(b[0])|int(b[1])<<8|int(b[2])<<16|int(b[3])<<24, "")
	}
}

// born notes a descriptor that the call made.
func (h *History) born(c *emulate.Call, fd int, from string) {
	f := c.Task.Files.Get(fd)
	if f == nil {
		return
	}
	p := h.past(f.Object())
	b := birth{c.Task.TGID, fd, Step{What: c.Sys.Name + from, PID: c.Task.TGID, Comm: c.Task.Name, At: h.now() - h.began}}
	for i, old := range p.births {
		if old.pid == b.pid && old.fd == fd {
			p.births = append(p.births[:i], p.births[i+1:]...)
			break
		}
	}
	if len(p.births) == maxBirths {
		p.births = append(p.births[:1], p.births[2:]...)
	}
	p.births = append(p.births, b)
}

// received notes the descriptors that came with a message: those that nothing else explains.
func (h *History) received(c *emulate.Call) {
	file := c.Task.Files.Get(c.Arg(0))
	if file == nil {
		return
	}
	var raw [24]byte // of struct msghdr: msg_control and msg_controllen
	if n, _ := c.Mem.ReadMem(raw[:16], c.Args[1]+32); n < 16 || raw[8]|raw[9] == 0 {
		return // no control message came
	}
	for _, fd := range c.Task.Files.FDs() {
		f := c.Task.Files.Get(fd)
		if h.how(c.Task.TGID, fd, f.Object(), 1<<62) == nil {
			h.born(c, fd, " (SCM_RIGHTS) over "+file.Name())
		}
	}
}

func (h *History) past(o emulate.Object) *past {
	p := h.pasts[o]
	if p == nil {
		if len(h.pasts) >= 256 && len(h.pasts)&(len(h.pasts)-1) == 0 {
			h.prune()
		}
		p = &past{by: map[int]int64{}}
		h.pasts[o] = p
	}
	return p
}

// prune forgets the objects that are gone.
func (h *History) prune() {
	live := map[emulate.Object]bool{}
	for _, o := range h.kernel.Objects() {
		live[o] = true
	}
	for o := range h.pasts {
		if !live[o] {
			delete(h.pasts, o)
		}
	}
}

// Cloned notes a new process.
func (h *History) Cloned(parent, child *emulate.Task) {
	if parent.TGID == child.TGID {
		return
	}
	if len(h.procs) >= 1024 && len(h.procs)&(len(h.procs)-1) == 0 {
		h.pruneProcs()
	}
	h.procs[child.TGID] = &process{parent: parent.TGID, name: parent.Name, at: h.now() - h.began}
}

// pruneProcs forgets the processes that neither live nor have living descendants.
func (h *History) pruneProcs() {
	keep := map[int]bool{}
	for _, t := range h.kernel.Tasks {
		for pid := t.TGID; h.procs[pid] != nil && !keep[pid]; pid = h.procs[pid].parent {
			keep[pid] = true
		}
	}
	for pid := range h.procs {
		if !keep[pid] {
			delete(h.procs, pid)
		}
	}
}

// Execed notes a new program.
func (h *History) Execed(t *emulate.Task) {
	p := h.procs[t.TGID]
	if p == nil {
		p = &process{}
		h.procs[t.TGID] = p
	}
	if len(p.execs) == maxExecs {
		p.execs = append(p.execs[:0], p.execs[1:]...)
	}
	p.execs = append(p.execs, Step{What: "exec", PID: t.TGID, Comm: t.Name, At: h.now() - h.began})
}

// how tells the way of a descriptor to where it was at a time; nil when it is not known.
func (h *History) how(pid, fd int, o emulate.Object, until int64) []Step {
	p := h.procs[pid]
	var steps []Step
	after := int64(0)
	found := false
	if past := h.pasts[o]; past != nil {
		for i := len(past.births) - 1; i >= 0 && !found; i-- {
			if b := past.births[i]; b.pid == pid && b.fd == fd && b.At <= until && (p == nil || b.At >= p.at) {
				steps, after, found = append(steps, b.Step), b.At, true
			}
		}
	}
	if !found {
		if p == nil || p.parent == 0 || p.at > until {
			return nil
		}
		if steps = h.how(p.parent, fd, o, p.at); steps == nil {
			return nil
		}
		steps = append(steps, Step{What: "fork", PID: p.parent, Comm: p.name, At: p.at})
		after = p.at
	}
	if p != nil {
		for _, e := range p.execs {
			if e.At > after && e.At <= until {
				steps = append(steps, e)
			}
		}
	}
	return steps
}
