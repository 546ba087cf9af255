package emulate

import "golang.org/x/sys/unix"

// poll and select wait on several descriptors at once. Those that the model owns it answers itself; the
// others are the kernel's half: a scratch copy of the program's request in which ours are masked out. An
// emulated epoll belongs to both halves, since its members do.

// nval is POLLNVAL: the descriptor is not open.
const nval Events = 0x20

// An interest is one emulated descriptor of such a wait.
type interest struct {
	fd   int
	at   int    // its place in poll's array; for select the sets that name it, as bits
	want Events // which readiness ends the wait
	got  Events // what the last look found
	file *File
}

// several is what poll and select have in common.
type several struct {
	ours   []interest
	real   int  // descriptors that only the kernel can answer
	epolls int  // interests that lie in both halves
	masked bool // the call changes the signal mask while it waits
	parked bool // the call waits in its kernel half
	ready  int  // interests with something to tell, at the last look
	timeout
	few [4]interest
}

// A request is a poll or a select: it knows its own arguments.
type request interface {
	common() *several
	// ask is the kernel's half with a timeout of zero.
	ask() KernelCall
	// park is the kernel's half, or a mere sleep where that is empty, for the rest of the time.
	park(k *Kernel, c *Call) *KernelCall
	// finish writes the result; heard tells that ret is what the kernel said about its half.
	finish(k *Kernel, c *Call, ret int64, heard bool) Outcome
}

func (s *several) common() *several { return s }

// mixed tells whether the kernel's half can have anything to say.
func (s *several) mixed() bool {
	if s.real > 0 {
		return true
	}
	for i := range s.ours {
		if f := s.ours[i].file; s.epolls > 0 && f != nil {
			if ep, ok := f.ops.(*Epoll); ok && ep.real() {
				return true
			}
		}
	}
	return false
}

// look asks the model about every interest. Descriptors are looked up again each time, as do_poll and
// do_select do: one that was closed meanwhile is POLLNVAL. It reports false when one went back to the kernel.
func (s *several) look(c *Call) bool {
	s.ready = 0
	for i := range s.ours {
		in := &s.ours[i]
		if in.file != nil && in.file.native {
			return false
		}
		in.got = nval
		if f := c.Task.Files.Get(in.fd); f != nil {
			in.got = f.ops.poll(f) & in.want
			if len(c.pins) == 0 {
				in.file = f
			}
		}
		if in.got != 0 {
			s.ready++
		}
	}
	return true
}

// await takes a poll or select one attempt further. A result comes of either half being ready, or of the
// time being over (fs/select.c: do_poll, do_select look at everything once before they look at the clock).
func (k *Kernel) await(c *Call, r request) Outcome {
	s := r.common()
	heard := c.Results
	c.Results = nil
	if !s.look(c) {
		return Pass() // demoted: from now on the kernel knows all there is to know
	}
	// With a mask of its own even a call that does not wait may be interrupted: do_poll looks for signals
	// before it gives up. Only the kernel can do that.
	over := c.Expired || s.zero() && !s.masked
	if heard != nil {
		ret, slept := heard[0], s.parked
		switch {
		case ret < 0 && !interrupted(ret):
			return Outcome{Kind: KindDone, Ret: ret}
		case ret > 0:
			return r.finish(k, c, ret, true)
		case s.ready > 0 || over || slept && ret == 0:
			return r.finish(k, c, 0, ret == 0)
		}
		return k.suspend(c, r)
	}
	switch {
	case s.ready == 0 && !over:
		return k.suspend(c, r)
	case s.mixed() && !(s.parked && s.ready > 0):
		s.parked = false
		return Ask(r.ask())
	}
	// A call that sleeps in its kernel half is taken out of it: that half had nothing to tell so far, and
	// loses nothing, since asking for readiness changes none.
	return r.finish(k, c, 0, false)
}

// interrupted tells whether a kernel call ended only because a signal is pending.
func interrupted(ret int64) bool {
	switch unix.Errno(-ret) {
	case unix.EINTR, ERESTARTSYS, ERESTARTNOHAND, ERESTART_RESTARTBLOCK, 513: // 513 is ERESTARTNOINTR
		return ret < 0
	}
	return false
}

// suspend puts the call to sleep: in the model alone at first, or in its kernel half.
func (k *Kernel) suspend(c *Call, r request) Outcome {
	s := r.common()
	w := Wait{Deadline: s.deadline(), Restart: ERESTARTNOHAND}
	if c.Blocked() {
		w.On = c.last.On
	} else {
		w.On = make([]Watch, 0, len(s.ours))
		for i := range s.ours {
			in := &s.ours[i]
			if in.file == nil {
				continue
			}
			in.file.refs++ // fs/select.c: __pollwait holds the file
			c.pins = append(c.pins, in.file)
			for _, q := range in.file.ops.queues(in.file) {
				w.On = append(w.On, Watch{q, in.want})
			}
		}
	}
	if s.parked = s.parked || c.Park || s.mixed() || s.zero(); s.parked {
		w.Native = r.park(k, c)
	}
	return Block(w)
}

// A polling is one poll or ppoll.
type polling struct {
	several
	addr  uint64
	raw   []byte   // the program's struct pollfd[], as last read or written
	half  *Scratch // the kernel's half
	small [8 * pollfdSize]byte
	rev   [8]uint16
}

const pollfdSize = 8 // struct pollfd: int fd, short events, short revents

func (k *Kernel) poll(c *Call) Outcome {
	if p, ok := c.State.(*polling); ok {
		return k.await(c, p)
	}
	p := k.newPolling(c)
	if p == nil {
		return Pass()
	}
	p.timeout = k.millis(c, c.Arg(2))
	return k.await(c, p)
}

func (k *Kernel) ppoll(c *Call) Outcome {
	if p, ok := c.State.(*polling); ok {
		return k.await(c, p)
	}
	t, ok := k.timespec(c, c.Args[2])
	if !ok || !c.sigset(c.Args[3], c.Args[4]) {
		return Pass() // EFAULT or EINVAL, says the kernel
	}
	p := k.newPolling(c)
	if p == nil {
		return Pass()
	}
	p.timeout, p.masked = t, c.Args[3] != 0
	return k.await(c, p)
}

// newPolling reads the program's array. It is nil for a call that is all the kernel's: nothing of ours is
// in it, or the kernel refuses it at once (fs/select.c: do_sys_poll: EINVAL beyond RLIMIT_NOFILE, EFAULT).
func (k *Kernel) newPolling(c *Call) *polling {
	const plenty = 64 // below this a limit leaves no room for a program that polls so many
	n := int(uint32(c.Args[1]))
	if n == 0 || n > plenty && uint64(n) > k.Host.Limit(c.Task) {
		return nil
	}
	p := &polling{addr: c.Args[0]}
	p.raw = p.small[:0]
	if n*pollfdSize > len(p.small) {
		p.raw = make([]byte, 0, n*pollfdSize)
	}
	p.raw = p.raw[:n*pollfdSize]
	if c.get(p.raw, p.addr) != 0 {
		return nil
	}
	p.ours = p.few[:0]
	for i := range n {
		fd := int(int32(le32(p.raw[i*pollfdSize:])))
		if fd < 0 {
			continue // ignored, its revents become 0
		}
		f := c.Task.Files.Get(fd)
		if f == nil {
			p.real++
			continue
		}
		if _, ok := f.ops.(*Epoll); ok {
			p.epolls++
		}
		want := Events(le16(p.raw[i*pollfdSize+4:])) | Err | Hup
		p.ours = append(p.ours, interest{fd: fd, at: i, want: want, file: f})
	}
	if len(p.ours) == 0 {
		return nil
	}
	c.State = p
	return p
}

// kernelHalf makes the copy of the array that the kernel may see; nil when none of it is the kernel's.
func (p *polling) kernelHalf() []*Scratch {
	if p.real+p.epolls == 0 {
		return nil
	}
	data := append([]byte(nil), p.raw...)
	for _, in := range p.ours {
		if in.file != nil {
			if _, ok := in.file.ops.(*Epoll); ok {
				continue
			}
		}
		put32(data[in.at*pollfdSize:], 0xffffffff)
	}
	p.half = &Scratch{Data: data, Arg: 0, Back: true}
	return []*Scratch{p.half}
}

func (p *polling) ask() KernelCall {
	n := uint64(len(p.raw) / pollfdSize)
	return KernelCall{Nr: unix.SYS_POLL, Args: [6]uint64{0, n, 0}, Scratch: p.kernelHalf()}
}

func (p *polling) park(k *Kernel, c *Call) *KernelCall {
	// A call that a signal ends leaves every revents at 0 (do_sys_poll writes them whatever the result).
	p.write(c, p.blank())
	call := &KernelCall{Nr: c.Sys.Nr, Args: c.Args, Scratch: p.kernelHalf(), MayWait: true}
	if call.Args[0] = 0; call.Scratch == nil {
		call.Args[1] = 0
	}
	if c.Sys.Nr == unix.SYS_POLL {
		call.Args[2] = p.ms(k.Now)
	} else {
		call.Scratch = p.lend(k, c, call.Scratch, 2)
	}
	return call
}

func (p *polling) finish(k *Kernel, c *Call, _ int64, heard bool) Outcome {
	rev := p.blank()
	if heard && p.half != nil {
		for i := range rev {
			rev[i] = le16(p.half.Data[i*pollfdSize+6:])
		}
	}
	for _, in := range p.ours {
		rev[in.at] |= uint16(in.got)
	}
	count := 0
	for _, r := range rev {
		if r != 0 {
			count++
		}
	}
	e := p.write(c, rev)
	p.giveBack(k, c)
	if e != 0 {
		return Fail(e)
	}
	return Done(count)
}

// blank is a row of revents with nothing in it.
func (p *polling) blank() []uint16 {
	n := len(p.raw) / pollfdSize
	if n > len(p.rev) {
		return make([]uint16, n)
	}
	clear(p.rev[:])
	return p.rev[:n]
}

// write stores every revents. The kernel touches nothing else of the array, which another thread may be
// changing: so a few are written one by one, and many into a fresh copy.
func (p *polling) write(c *Call, rev []uint16) unix.Errno {
	const few = 4
	changed := 0
	for i, r := range rev {
		if le16(p.raw[i*pollfdSize+6:]) != r {
			changed++
		}
	}
	if changed > few {
		if e := c.get(p.raw, p.addr); e != 0 {
			return e
		}
		for i, r := range rev {
			put16(p.raw[i*pollfdSize+6:], r)
		}
		return c.put(p.addr, p.raw)
	}
	for i, r := range rev {
		at := i*pollfdSize + 6
		if i > 0 && le16(p.raw[at:]) == r {
			continue // but the first is always written: the array may be read-only
		}
		put16(p.raw[at:], r)
		if e := c.put(p.addr+uint64(at), p.raw[at:at+2]); e != 0 {
			return e
		}
	}
	return 0
}
