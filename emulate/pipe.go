package emulate

import (
	"math/bits"
	"strconv"

	"golang.org/x/sys/unix"
)

// pageSize is PAGE_SIZE on x86-64, and what one slot of a pipe holds.
const pageSize = 4096

// defaultSlots is PIPE_DEF_BUFFERS (include/linux/pipe_fs_i.h).
const defaultSlots = 16

// A Pipe is a ring of slots, each up to a page of bytes (struct pipe_inode_info). What counts as full is the
// number of slots in use, never the number of bytes: a slot is free again when its last byte is read.
type Pipe struct {
	name    string
	ring    pipeRing
	readers int // open file descriptions that read, and those that write
	writers int
	files   []*File
	severed bool      // its ends are counted as gone (sever.go)
	polled  bool      // pipe_poll ran once: from then on every write is announced (poll_usage)
	rd, wr  Queue     // rd_wait and wr_wait
	lent    *transfer // the placeholder is in use by it
}

// pipe serves pipe and pipe2. The kernel makes a placeholder, whose numbers the model takes over. A pipe for
// notifications (O_NOTIFICATION_PIPE, which is O_EXCL) is filled by the kernel itself and stays its own.
func (k *Kernel) pipe(c *Call) Outcome {
	if c.pipeFlags()&unix.O_EXCL != 0 {
		return Pass()
	}
	return k.create(c, 0, func(fds [2]int) { k.newPipe(c, fds) })
}

func (k *Kernel) sawPipe(c *Call, ret int64) {
	k.created(c, 0, ret, func(fds [2]int) { k.newPipe(c, fds) })
}

func (c *Call) pipeFlags() int {
	if c.Sys.Nr == unix.SYS_PIPE {
		return 0
	}
	return c.Arg(1)
}

// newPipe puts a pipe behind two descriptors (fs/pipe.c: create_pipe_files). O_DIRECT is the write end's alone.
func (k *Kernel) newPipe(c *Call, fds [2]int) {
	k.pipes++
	p := &Pipe{name: "pipe:" + strconv.Itoa(k.pipes)}
	p.ring.slots = defaultSlots
	if size := k.Host.PipeSize(c.Task, fds[0]); size > 0 {
		p.ring.slots = size / pageSize
	}
	p.rd.owner, p.wr.owner = p, p
	k.born(p)
	flags := c.pipeFlags()
	r := p.attach(unix.O_RDONLY | flags&unix.O_NONBLOCK)
	w := p.attach(unix.O_WRONLY | flags&(unix.O_NONBLOCK|unix.O_DIRECT))
	k.install(c.Task.Files, fds[0], r, flags&unix.O_CLOEXEC != 0)
	k.install(c.Task.Files, fds[1], w, flags&unix.O_CLOEXEC != 0)
}

func (p *Pipe) attach(flags int) *File {
	f := &File{ops: p, Flags: flags}
	p.files = append(p.files, f)
	if p.severed {
		return f
	}
	if f.reads() {
		p.readers++
	}
	if f.writes() {
		p.writers++
	}
	return f
}

// open makes a new description on the pipe (fs/pipe.c: fifo_open for a pipe without a name, which never waits).
func (p *Pipe) open(k *Kernel, flags int) *File {
	readers, writers := p.readers, p.writers
	f := p.attach(flags & (unix.O_ACCMODE | setflMask))
	f.patient = true // FMODE_NOWAIT is for the files that pipe2 makes (create_pipe_files)
	if readers == 0 && p.readers > 0 || writers == 0 && p.writers > 0 {
		k.wake(&p.rd, AnyEvent) // wake_up_partner
	}
	return f
}

// Name is the pipe's name.
func (p *Pipe) Name() string { return p.name }

// Kind is "pipe".
func (p *Pipe) Kind() string { return "pipe" }

// Fill is how many bytes lie in the pipe, how many slots they take, and how many slots there are.
func (p *Pipe) Fill() (bytes, slots, ring int) { return p.inq(), p.ring.used(), p.ring.slots }

// Ends counts the open file descriptions that read and that write.
func (p *Pipe) Ends() (readers, writers int) { return p.readers, p.writers }

// poll follows fs/pipe.c: pipe_poll.
func (p *Pipe) poll(f *File) Events {
	p.polled = true
	return p.ready(f)
}

func (p *Pipe) ready(f *File) Events {
	var e Events
	if f.reads() {
		if p.ring.used() > 0 {
			e |= In | RdNorm
		}
		if p.writers == 0 {
			e |= Hup
		}
	}
	if f.writes() {
		if p.ring.used() < p.ring.slots {
			e |= Out | WrNorm
		}
		if p.readers == 0 {
			e |= Err
		}
	}
	return e
}

func (p *Pipe) queues(f *File) []*Queue {
	switch {
	case f.reads() && f.writes():
		return []*Queue{&p.rd, &p.wr}
	case f.reads():
		return []*Queue{&p.rd}
	}
	return []*Queue{&p.wr}
}

// release follows fs/pipe.c: pipe_release. SIGIO is not raised here: the placeholder is closed at the same
// moment, and the kernel raises it.
func (p *Pipe) release(k *Kernel, f *File) {
	for i, other := range p.files {
		if other == f {
			p.files = append(p.files[:i], p.files[i+1:]...)
			break
		}
	}
	if f.reads() && !p.severed {
		p.readers--
	}
	if f.writes() && !p.severed {
		p.writers--
	}
	if (p.readers == 0) != (p.writers == 0) {
		k.wake(&p.rd, AnyEvent)
		k.wake(&p.wr, AnyEvent)
	}
	if len(p.files) == 0 {
		p.ring = pipeRing{slots: p.ring.slots}
		k.gone(p)
	}
}

// inq is FIONREAD, which both ends answer; a pipe knows none of the socket's questions.
func (p *Pipe) inq() int {
	n := 0
	for i := range p.ring.used() {
		n += p.ring.at(i).len
	}
	return n
}
func (p *Pipe) outq() int   { return -1 }
func (p *Pipe) atMark() int { return -1 }

// canResize tells how many slots F_SETPIPE_SZ with arg asks for and whether what lies in the pipe fits in
// (fs/pipe.c: round_pipe_size, pipe_resize_ring). 0 slots are for the placeholder to refuse.
func (p *Pipe) canResize(arg uint64) (int, unix.Errno) {
	size := uint32(arg) // fs/fcntl.c passes an unsigned int
	if size > 1<<31 {
		return 0, 0
	}
	size = max(size, pageSize)
	slots := 1 << bits.Len32((size-1)/pageSize)
	if slots < p.ring.used() {
		return slots, unix.EBUSY
	}
	return slots, 0
}

func (p *Pipe) resize(k *Kernel, slots int) {
	p.ring.resize(slots)
	k.wake(&p.wr, AnyEvent) // there may be more room now
	if w := p.wr.excl; w != nil && w.call != nil && p.ring.used() >= p.ring.slots && p.readers > 0 {
		k.Requeue(w.call) // woken for nothing (fs/pipe.c: pipe_resize_ring), it sleeps again, behind the others
	}
}

// A Slot is one piece of what lay in a pipe.
type Slot struct {
	Bytes  []byte
	Packet bool
	Merge  bool // a small write may be appended to it,
	Off    int  // as far as a page reaches in which its bytes begin here
}

// Drain takes out all that lies in the pipe, for a driver that gives it back to the kernel.
func (p *Pipe) Drain() []Slot {
	var out []Slot
	for p.ring.used() > 0 {
		s := p.ring.at(0)
		out = append(out, Slot{append([]byte(nil), p.ring.bytes(s)...), s.packet, s.merge, s.off})
		p.ring.pop()
	}
	return out
}

// front is the slots that hold the first n bytes of what lies in the pipe. They are the pipe's own memory.
func (p *Pipe) front(n int) []Slot {
	var out []Slot
	for i := 0; i < p.ring.used() && n > 0; i++ {
		s := p.ring.at(i)
		out = append(out, Slot{p.ring.bytes(s), s.packet, s.merge, s.off})
		n -= s.len
	}
	return out
}

// drop takes out the first n bytes and tells whether a slot became free. Packets have no bounds here.
func (p *Pipe) drop(n int) bool {
	used := p.ring.used()
	p.consume(n, false)
	return p.ring.used() < used
}

// put fills the next slot with a copy of s.
func (p *Pipe) put(s Slot) {
	if !s.Merge {
		p.ring.put(s.Bytes, s.Packet)
		return
	}
	copy(p.ring.reserve(1)[s.Off:], s.Bytes)
	p.ring.push(len(s.Bytes), false)
	p.ring.last().off = s.Off
}
