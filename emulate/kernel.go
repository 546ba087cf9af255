package emulate

import (
	"sort"

	"golang.org/x/sys/unix"

	"sluice/emulate/choice"
)

// A Host answers what only the machine under the model knows. Every answer may fail; the model then does
// what the kernel would do without the thing asked for.
type Host interface {
	// Creds are the task's thread group and real user and group (current_uid_gid).
	Creds(t *Task) unix.Ucred
	// Allowed tells whether t may send cr as its SCM_CREDENTIALS (net/core/scm.c: scm_check_creds).
	Allowed(t *Task, cr unix.Ucred) unix.Errno
	// PipeSize is the capacity in bytes of the placeholder behind a new pipe's descriptor.
	PipeSize(t *Task, fd int) int
	// Resize makes the placeholder of a pipe that many bytes large, and tells whether the kernel agreed.
	Resize(t *Task, fd, size int) bool
	// Link reads the link of a path as the task sees it: /proc/self is the task's own; dirfd is as in readlinkat.
	Link(t *Task, dirfd int, path string) (string, bool)
	// Target says what a descriptor leads to, as the links in /proc/PID/fd do; "" when it is not open. path tells
	// that it is good for nothing but to name a path (O_PATH).
	Target(t *Task, fd int) (link string, path bool)
	// Autobind gives the socket behind f a name (net/unix/af_unix.c: unix_autobind) and returns it, nil if it cannot.
	Autobind(f *File) []byte
	// Disconnect takes the peer, which is gone, from the datagram socket behind f.
	Disconnect(f *File)
	// Limit is the task's soft RLIMIT_NOFILE.
	Limit(t *Task) uint64
	// SysctlPipeMax is /proc/sys/fs/pipe-max-size, SysctlWmemMax and SysctlRmemMax those of net.core.
	Sysctl(name string, otherwise int) int
	// Capable tells whether t has the capability (CAP_SYS_RESOURCE, CAP_NET_ADMIN ...) in its effective set.
	Capable(t *Task, capability int) bool
	// Raise signals f's owner as the kernel does when something happened to f: In or Out with O_ASYNC on it, Pri
	// for SIGURG.
	Raise(f *File, band Events)
	// PidfdTarget is the process that a pidfd of t refers to, 0 if none.
	PidfdTarget(t *Task, pidfd int) int
	// Epoll looks at an epoll of t that the model does not know; nil when fd is none. Tasks that sleep in the
	// kernel with a descriptor of t's table make their call anew, so that the model can take the epoll over.
	Epoll(t *Task, fd int) *Foundling
	// Lend puts something into the empty placeholder of p, which t's descriptor fd leads to: as many slots of one
	// byte as taken says, and slots as far as they fit. It tells how many bytes of those went in, and whether
	// the placeholder could be reached. other is t's descriptor at the other end of the transfer: only where
	// that is a pipe does it show whether a slot is a packet or may be appended to.
	Lend(t *Task, fd, other int, p *Pipe, taken int, slots []Slot) (int, bool)
	// Reclaim empties the placeholder again and returns what lies behind the first taken slots; the bytes are to be
	// copied before the next call.
	Reclaim(t *Task, fd, other int, p *Pipe, taken int) ([]Slot, bool)
	// Keep holds on to f's placeholder, to which t's descriptor fd leads, until Drop. Kept says where t finds it then: a
	// process and its descriptor; 0 if it may not.
	Keep(t *Task, fd int, f *File) bool
	Kept(t *Task, f *File) (pid, fd int)
	Drop(f *File)
	// Demote gives f's object back to the kernel: the bytes in it are written to the placeholder.
	Demote(f *File, why string)
}

// A Kernel is the model's whole state.
type Kernel struct {
	Now    int64 // ns on the driver's monotonic clock, set by the driver before each entry
	Host   Host
	Choose choice.Chooser
	Tasks  map[int]*Task

	Observer Observer // nil for none

	dirty   []*Queue
	asking  []*Call
	seq     uint64
	pipes   int // made so far; of the pairs and so on likewise
	living  int // pipes that somebody holds
	pairs   int
	others  int
	epolls  int
	procs   int
	alarms  map[int]int64  // by process: until when its interval timer may go off
	objects map[Object]int // live objects, for reports and statistics: the number is the order of creation
	vec     Vec
	in      incoming

	eventfds   int
	longWrites answer // to an eventfd
}

// New returns a model with nothing in it.
func New(h Host, ch choice.Chooser) *Kernel {
	return &Kernel{Host: h, Choose: ch, Tasks: map[int]*Task{}, objects: map[Object]int{}, alarms: map[int]int64{}}
}

// A Task is a thread as the model knows it.
type Task struct {
	TID, TGID int
	Files     *FDTable
	Name      string // comm, for logs
	Nth       int    // its process is the tree's Nth, the first one 1
	// Native is set for a task whose new objects are left to the kernel (a foreign architecture, io_uring).
	Native bool
	// Drives is set for one whose eventfds are left to the kernel, where a device may signal them.
	Drives bool
}

// Root makes the first task known.
func (k *Kernel) Root(tid int) *Task {
	k.procs++
	t := &Task{TID: tid, TGID: tid, Files: newFDTable(), Nth: k.procs}
	k.Tasks[tid] = t
	return t
}

// Clone makes a task known that parent created with the clone flags.
func (k *Kernel) Clone(parent *Task, tid int, flags uint64) *Task {
	t := &Task{TID: tid, TGID: tid, Name: parent.Name, Native: parent.Native, Drives: parent.Drives}
	if flags&unix.CLONE_THREAD != 0 {
		t.TGID, t.Nth = parent.TGID, parent.Nth
	} else {
		k.procs++
		t.Nth = k.procs
		delete(k.alarms, tid) // of an earlier process with this number: alarms are not inherited (fork(2))
	}
	if flags&unix.CLONE_FILES != 0 {
		t.Files = parent.Files
		t.Files.users++
	} else {
		t.Files = parent.Files.clone()
	}
	k.Tasks[tid] = t
	return t
}

// Adopt makes a task known whose creator is not; its table is empty.
func (k *Kernel) Adopt(tid, tgid int) *Task {
	t := k.Root(tid)
	t.TGID = tgid
	for _, o := range k.Tasks {
		if o.TGID == tgid && o != t {
			t.Nth = o.Nth
			k.procs--
			break
		}
	}
	return t
}

// Install puts f at a descriptor where the driver found it.
func (k *Kernel) Install(t *Task, fd int, f *File, cloexec bool) { k.install(t.Files, fd, f, cloexec) }

// Exec is the task's successful execve: its table becomes its own and loses what is close-on-exec.
// The other threads of its group must have exited before; was is the id that the task had, if another.
func (k *Kernel) Exec(t *Task, was int) {
	if was != t.TID {
		delete(k.Tasks, was)
	}
	k.Unshare(t)
	for _, fd := range t.Files.FDs() {
		if t.Files.slots[fd].cloexec {
			k.remove(t.Files, fd)
		}
	}
}

// Unshare gives t a table of its own (unshare(CLONE_FILES), execve).
func (k *Kernel) Unshare(t *Task) {
	if t.Files.users > 1 {
		own := t.Files.clone()
		t.Files.users--
		t.Files = own
	}
}

// Exit ends a task; the last user of a table closes what is in it.
func (k *Kernel) Exit(t *Task) {
	delete(k.Tasks, t.TID)
	if t.Files == nil {
		return
	}
	if t.Files.users--; t.Files.users == 0 {
		for _, fd := range t.Files.FDs() {
			k.remove(t.Files, fd)
		}
	}
	t.Files = nil
}

// Do runs a call's handler. A call that blocks stands in its objects' queues when Do returns.
func (k *Kernel) Do(c *Call) Outcome {
	if c.Seq == 0 {
		k.seq++
		c.Seq = k.seq
	}
	return k.run(c)
}

func (k *Kernel) run(c *Call) Outcome {
	if c.Sys == nil || c.Sys.Do == nil {
		return Pass()
	}
	var o Outcome
	if c.lost != nil {
		o = k.drift(c)
	} else {
		o = c.Sys.Do(k, c)
	}
	if k.Observer != nil {
		k.Observer.Tried(c, o)
	}
	switch o.Kind {
	case KindAsk:
		k.leave(c)
		return o
	case KindDone, KindPass:
		k.Cancel(c)
		return o
	}
	c.last = o.Wait
	if len(c.wait) > 0 && !c.stands(&o.Wait) {
		k.leave(c) // it waits for something else now: for the other pipe of a splice, or for the kernel
	}
	if len(c.wait) == 0 {
		k.enqueue(c, &o.Wait)
	}
	return o
}

// stands tells whether the call is in the queues of w already.
func (c *Call) stands(w *Wait) bool {
	if len(c.wait) != len(w.On) {
		return false
	}
	for i := range w.On {
		if c.wait[i].q != w.On[i].Queue {
			return false
		}
	}
	return true
}

func (k *Kernel) enqueue(c *Call, w *Wait) {
	c.wait = c.one[:0]
	if len(w.On) > len(c.one) {
		c.wait = make([]watcher, 0, len(w.On))
	}
	c.wait = c.wait[:len(w.On)]
	for i, on := range w.On {
		p := &c.wait[i]
		*p = watcher{want: on.Want | Err | Hup, exclusive: w.Exclusive, last: w.Last, call: c}
		on.Queue.add(p)
	}
}

// Cancel takes a call out of every queue and lets go of all that it holds: it ended, or its task did.
func (k *Kernel) Cancel(c *Call) {
	k.leave(c)
	c.wakeUp()
	k.unpin(c)
	k.alight(c)
	if x := c.xfer; x != nil {
		c.xfer = nil
		x.finish(k, c)
	}
}

// wakeUp ends the sleep of a stream's reader.
func (c *Call) wakeUp() {
	if s := c.dozing; s != nil {
		c.dozing = nil
		s.waitdata--
	}
}

// leave takes a call out of every queue.
func (k *Kernel) leave(c *Call) {
	for i := range c.wait {
		w := &c.wait[i]
		q := w.q
		if q == nil {
			continue
		}
		q.remove(w)
		if !w.exclusive {
			continue
		}
		q.owed = max(0, q.owed-1)
		if q.owed > 0 || !c.peeks() {
			// What woke it may serve the next one as well (fs/pipe.c: wake_next_reader).
			k.poke(q, w.want)
		}
	}
	c.wait = c.wait[:0]
	pins := c.pins
	c.pins = nil
	for _, f := range pins {
		k.put(f)
	}
}

// Requeue moves a blocked call to the tail of its queues, where the kernel puts a wait that a signal
// interrupted and restarted.
func (k *Kernel) Requeue(c *Call) {
	for i := range c.wait {
		w := &c.wait[i]
		if q := w.q; q != nil {
			q.remove(w)
			q.add(w)
		}
	}
}

// Expire asks a blocked call for its result at its deadline.
func (k *Kernel) Expire(c *Call) Outcome {
	c.Expired = true
	return k.Resume(c)
}

// Interrupt is what a signal makes of a blocked call: the bytes already moved, or the error that its wait
// names (fs/read_write.c callers: any progress is a short count, never EINTR). The call leaves its queues.
func (k *Kernel) Interrupt(c *Call) Outcome {
	if s, ok := c.ops().(*Socket); ok && s.roomFor(c) {
		if o := k.Resume(c); o.Kind != KindBlock {
			return o
		}
	}
	o := Fail(c.last.Restart)
	if c.Moved > 0 {
		o = Done(c.Moved)
	}
	if len(c.wait) == 1 && c.wait[0].exclusive {
		if p, ok := c.wait[0].q.owner.(*Pipe); ok && c.wait[0].q == &p.wr {
			o = p.interrupted(k, c)
		}
	}
	if c.Moved > 0 {
		if e := k.cutShort(c); e != 0 {
			o = Fail(e)
		}
	}
	if s, ok := c.ops().(*Socket); ok {
		s.interrupted(c)
	}
	k.Cancel(c)
	return o
}

// Abort takes a blocked call of a task that is killed out of its queues. To the call that is a signal like any other.
func (k *Kernel) Abort(c *Call) {
	if s, ok := c.ops().(*Socket); ok && c.Blocked() {
		s.interrupted(c)
	}
	k.Cancel(c)
}

// Saw tells the handler of a passed call what the kernel answered.
func (k *Kernel) Saw(c *Call, ret int64) {
	if c.Sys != nil && c.Sys.Saw != nil {
		c.Sys.Saw(k, c, ret)
	}
}

// Objects returns the live objects in the order of their creation.
func (k *Kernel) Objects() []Object {
	out := make([]Object, 0, len(k.objects))
	for o := range k.objects {
		out = append(out, o)
	}
	sort.Slice(out, func(i, j int) bool { return k.objects[out[i]] < k.objects[out[j]] })
	return out
}

// born registers a new object.
func (k *Kernel) born(o Object) {
	k.others++
	k.objects[o] = k.others
	if _, pipe := o.(*Pipe); pipe {
		k.living++
	}
}

func (k *Kernel) gone(o Object) {
	if _, live := k.objects[o]; !live {
		return
	}
	delete(k.objects, o)
	if _, pipe := o.(*Pipe); pipe {
		k.living--
	}
}
