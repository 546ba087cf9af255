package emulate

import (
	"sort"

	"golang.org/x/sys/unix"
)

// An Object is a kernel object that the model owns.
type Object interface {
	Name() string // pipe:3, pair:2.a
	Kind() string // pipe, pair, epoll
}

// An ops is what an object does behind an open file description. A pipe is one object behind two files.
type ops interface {
	Object
	// poll is the file's present readiness (the kernel's vfs_poll).
	poll(f *File) Events
	// queues are where changes of that readiness are announced; at most two.
	queues(f *File) []*Queue
	// read and write serve read(2) and write(2) with v as the program's buffers, blocking unless nonblock.
	read(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome
	write(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome
	// release runs when the file's last reference goes.
	release(k *Kernel, f *File)
}

// A File is an open file description.
type File struct {
	ops   ops
	Flags int  // access mode and O_NONBLOCK, O_DIRECT, O_APPEND, O_ASYNC: what F_GETFL would tell
	refs  int  // descriptors, pinning calls and messages in flight
	sleep int  // the pinning calls among them
	kept  bool // the driver holds its placeholder (drift.go)
	owner Owner
	sig   unix.Signal // F_SETSIG; 0 means SIGIO
	// asyncFD is the number under which O_ASYNC was switched on: siginfo's si_fd.
	asyncFD int
	native  bool // demoted: the kernel serves it
	patient bool // RWF_NOWAIT is refused: splice or vmsplice used it (fs/splice.c: pipe_clear_nowait)
	// items are the epoll interests in this file (file.f_ep): they end with it.
	items []*epitem
}

// An Owner is whom F_SETOWN named. Pid is negative for a group; Thread tells F_OWNER_TID.
type Owner struct {
	Pid    int
	Thread bool
}

// Object is what the description leads to.
func (f *File) Object() Object { return f.ops }

// Name is the object's name, with the end for objects that have two.
func (f *File) Name() string { return f.ops.Name() }

// Refs counts the references that the model knows.
func (f *File) Refs() int { return f.refs }

// Patient tells whether RWF_NOWAIT is refused by now, for a driver that gives the file back.
func (f *File) Patient() bool { return f.patient }

func (f *File) nonblock() bool { return f.Flags&unix.O_NONBLOCK != 0 }
func (f *File) reads() bool    { return f.Flags&unix.O_ACCMODE != unix.O_WRONLY }
func (f *File) writes() bool   { return f.Flags&unix.O_ACCMODE != unix.O_RDONLY }

// nonblock tells whether the call is not to wait for f. Who sleeps already does not hear of an O_NONBLOCK that
// is set meanwhile: fs/pipe.c looks at it before a sleep, net/socket.c once, and nobody is woken for it.
func (c *Call) nonblock(f *File) bool { return f.nonblock() && !c.Blocked() }

type slot struct {
	file    *File
	cloexec bool
}

// An FDTable is a descriptor table, as far as it holds emulated files (struct files_struct).
type FDTable struct {
	slots map[int]slot
	users int    // tasks that share it
	gen   int    // grows whenever a descriptor is added
	added [8]int // the last ones, at their gen
}

func newFDTable() *FDTable { return &FDTable{slots: map[int]slot{}, users: 1} }

func (t *FDTable) clone() *FDTable {
	n := newFDTable()
	n.gen = t.gen
	for fd, s := range t.slots {
		s.file.refs++
		n.slots[fd] = s
	}
	return n
}

// Users counts the tasks that share the table.
func (t *FDTable) Users() int { return t.users }

// Gen changes whenever a descriptor has been added.
func (t *FDTable) Gen() int { return t.gen }

// Since lists what was added since Gen was gen, for as long as that is remembered.
func (t *FDTable) Since(gen int) (fds []int, ok bool) {
	if gen > t.gen || t.gen-gen > len(t.added) {
		return nil, false
	}
	for ; gen < t.gen; gen++ {
		fds = append(fds, t.added[gen%len(t.added)])
	}
	return fds, true
}

// Len counts the emulated descriptors.
func (t *FDTable) Len() int { return len(t.slots) }

// FDs lists the emulated descriptors in order.
func (t *FDTable) FDs() []int {
	fds := make([]int, 0, len(t.slots))
	for fd := range t.slots {
		fds = append(fds, fd)
	}
	sort.Ints(fds)
	return fds
}

// Get returns the emulated file at fd, or nil.
func (t *FDTable) Get(fd int) *File { return t.slots[fd].file }

// Cloexec tells the descriptor's FD_CLOEXEC.
func (t *FDTable) Cloexec(fd int) bool { return t.slots[fd].cloexec }

// file is the emulated file that argument i of the call names; nil when the descriptor is not ours.
// While a call is parked its file stays the one it began with (fdget holds the reference).
func (k *Kernel) file(c *Call, i int) *File {
	if c.file != nil {
		if c.file.native {
			return nil
		}
		return c.file
	}
	return c.Task.Files.slots[c.Arg(i)].file
}

// pin keeps f alive and found while c is blocked on it.
func (k *Kernel) pin(c *Call, f *File) {
	if c.file == nil {
		c.file = f
		f.refs++
		f.sleep++
	}
}

func (k *Kernel) unpin(c *Call) {
	if f := c.file; f != nil {
		c.file = nil
		f.sleep--
		k.put(f)
	}
}

// install puts f at fd and takes one reference; what was there is closed.
func (k *Kernel) install(t *FDTable, fd int, f *File, cloexec bool) {
	if k.Observer != nil && f.refs == 0 {
		k.Observer.Opened(f)
	}
	f.refs++
	k.remove(t, fd)
	t.slots[fd] = slot{f, cloexec}
	t.added[t.gen%len(t.added)] = fd
	t.gen++
}

// remove closes an emulated descriptor; any other it leaves alone.
func (k *Kernel) remove(t *FDTable, fd int) {
	if s, ok := t.slots[fd]; ok {
		delete(t.slots, fd)
		k.put(s.file)
	}
}

// put drops one reference; the last one releases the object (fs/file_table.c: fput).
func (k *Kernel) put(f *File) {
	if f.refs--; f.refs > 0 {
		return
	}
	for len(f.items) > 0 {
		f.items[0].drop(k)
	}
	f.ops.release(k, f)
	if f.kept {
		f.kept = false
		k.Host.Drop(f)
	}
	if k.Observer != nil {
		k.Observer.Released(f)
	}
}

// Holder finds a task and descriptor through which f's placeholder can be reached.
func (k *Kernel) Holder(f *File) (*Task, int, bool) {
	for _, t := range k.byTID() {
		for _, fd := range t.Files.FDs() {
			if t.Files.Get(fd) == f {
				return t, fd, true
			}
		}
	}
	return nil, 0, false
}
