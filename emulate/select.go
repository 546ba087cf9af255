package emulate

import "golang.org/x/sys/unix"

// What makes a descriptor readable, writable and exceptional to select: POLLIN_SET, POLLOUT_SET and
// POLLEX_SET of fs/select.c. A descriptor that is closed meanwhile is all three.
const (
	selIn  = RdNorm | RdBand | In | Hup | Err | nval
	selOut = WrBand | WrNorm | Out | Err | nval
	selEx  = Pri | nval
)

var selSets = [3]Events{selIn, selOut, selEx}

// A selecting is one select or pselect6.
type selecting struct {
	several
	n     int
	sets  [3][]byte // the program's sets as read, nil where it gave none
	half  [3]*Scratch
	small [3 * 128]byte
}

func (k *Kernel) sel(c *Call) Outcome {
	if s, ok := c.State.(*selecting); ok {
		return k.await(c, s)
	}
	t, ok := k.timeval(c, c.Args[4])
	if !ok {
		return Pass()
	}
	s := k.newSelecting(c)
	if s == nil {
		return Pass()
	}
	s.timeout = t
	return k.await(c, s)
}

func (k *Kernel) pselect6(c *Call) Outcome {
	if s, ok := c.State.(*selecting); ok {
		return k.await(c, s)
	}
	t, ok := k.timespec(c, c.Args[4])
	if !ok {
		return Pass()
	}
	// The last argument leads to the mask and its size (fs/select.c: get_sigset_argpack).
	var pack [16]byte
	if c.Args[5] != 0 && c.get(pack[:], c.Args[5]) != 0 {
		return Pass()
	}
	mask := le64(pack[:])
	if !c.sigset(mask, le64(pack[8:])) {
		return Pass()
	}
	s := k.newSelecting(c)
	if s == nil {
		return Pass()
	}
	s.timeout, s.masked = t, mask != 0
	return k.await(c, s)
}

// newSelecting reads the program's sets; it is nil for a call that is all the kernel's.
func (k *Kernel) newSelecting(c *Call) *selecting {
	n := c.Arg(0)
	const usual = 1024 // FD_SETSIZE
	if n > usual {
		// core_sys_select cuts n to the size of the descriptor table, which is not known here: it is beyond
		// every descriptor of ours, and below the limit unless that was lowered.
		n = min(n, max(int(min(k.Host.Limit(c.Task), 1<<30)), usual))
	}
	if n <= 0 {
		return nil
	}
	s := &selecting{n: n}
	size := (n + 63) / 64 * 8 // FDS_BYTES
	room := s.small[:]
	for i := range s.sets {
		addr := c.Args[1+i]
		if addr == 0 {
			continue
		}
		if len(room) >= size {
			s.sets[i], room = room[:size:size], room[size:]
		} else {
			s.sets[i] = make([]byte, size)
		}
		if c.get(s.sets[i], addr) != 0 {
			return nil
		}
	}
	s.ours = s.few[:0]
	for at := 0; at < size; at++ {
		bits := s.byteOf(0, at) | s.byteOf(1, at) | s.byteOf(2, at)
		for bit := 0; bits != 0; bit, bits = bit+1, bits>>1 {
			fd := at*8 + bit
			if bits&1 == 0 || fd >= n {
				continue
			}
			f := c.Task.Files.Get(fd)
			if f == nil {
				s.real++
				continue
			}
			if _, ok := f.ops.(*Epoll); ok {
				s.epolls++
			}
			in := interest{fd: fd, file: f}
			for i, set := range selSets {
				if s.has(i, fd) {
					in.want |= set
					in.at |= 1 << i
				}
			}
			s.ours = append(s.ours, in)
		}
	}
	if len(s.ours) == 0 {
		return nil
	}
	c.State = s
	return s
}

func (s *selecting) byteOf(set, at int) byte {
	if s.sets[set] == nil {
		return 0
	}
	return s.sets[set][at]
}

func (s *selecting) has(set, fd int) bool { return s.byteOf(set, fd/8)>>(fd%8)&1 != 0 }

// kernelHalf makes copies of the sets without what is ours.
func (s *selecting) kernelHalf() []*Scratch {
	if s.real+s.epolls == 0 {
		return nil
	}
	var out []*Scratch
	for i, set := range s.sets {
		if set == nil {
			continue
		}
		data := append([]byte(nil), set...)
		for _, in := range s.ours {
			if in.file != nil {
				if _, ok := in.file.ops.(*Epoll); ok {
					continue
				}
			}
			data[in.fd/8] &^= 1 << (in.fd % 8)
		}
		s.half[i] = &Scratch{Data: data, Arg: 1 + i, Back: true}
		out = append(out, s.half[i])
	}
	return out
}

func (s *selecting) ask() KernelCall {
	now := &Scratch{Data: make([]byte, 16), Arg: 4}
	return KernelCall{Nr: unix.SYS_SELECT, Args: [6]uint64{uint64(s.n)}, Scratch: append(s.kernelHalf(), now)}
}

func (s *selecting) park(k *Kernel, c *Call) *KernelCall {
	call := &KernelCall{Nr: c.Sys.Nr, Args: c.Args, Scratch: s.kernelHalf(), MayWait: true}
	call.Args[0], call.Args[1], call.Args[2], call.Args[3] = uint64(s.n), 0, 0, 0
	if call.Scratch == nil {
		call.Args[0] = 0
	}
	call.Scratch = s.lend(k, c, call.Scratch, 4)
	return call
}

func (s *selecting) finish(k *Kernel, c *Call, ret int64, heard bool) Outcome {
	count := int(ret)
	for i, set := range s.sets {
		if set == nil {
			continue
		}
		clear(set)
		if heard && s.half[i] != nil {
			copy(set, s.half[i].Data)
		}
	}
	for _, in := range s.ours {
		for i, set := range selSets {
			if in.at>>i&1 != 0 && in.got&set != 0 && !s.has(i, in.fd) {
				s.sets[i][in.fd/8] |= 1 << (in.fd % 8)
				count++
			}
		}
	}
	defer s.giveBack(k, c)
	for i, set := range s.sets {
		if set == nil {
			continue
		}
		if e := c.put(c.Args[1+i], set); e != 0 {
			return Fail(e)
		}
	}
	return Done(count)
}

// A timeout says how long a wait may last.
type timeout struct {
	start     int64 // when the wait began
	sec, nsec int64
	forever   bool
	micro     bool   // the program's is a struct timeval
	addr      uint64 // where the program wants to find the rest of it; 0 for nowhere
}

const second = 1e9

// timespec reads a timeout; it fails where the kernel would (fs/select.c: poll_select_set_timeout).
func (k *Kernel) timespec(c *Call, addr uint64) (timeout, bool) {
	if addr == 0 {
		return timeout{forever: true}, true
	}
	var raw [16]byte
	if c.get(raw[:], addr) != 0 {
		return timeout{}, false
	}
	t := timeout{start: k.Now, sec: int64(le64(raw[:])), nsec: int64(le64(raw[8:])), addr: addr}
	return t.since(c), t.sec >= 0 && t.nsec >= 0 && t.nsec < second
}

// timeval reads select's timeout. Microseconds beyond a second are carried over (fs/select.c: kern_select).
func (k *Kernel) timeval(c *Call, addr uint64) (timeout, bool) {
	if addr == 0 {
		return timeout{forever: true}, true
	}
	var raw [16]byte
	if c.get(raw[:], addr) != 0 {
		return timeout{}, false
	}
	sec, usec := int64(le64(raw[:])), int64(le64(raw[8:]))
	t := timeout{start: k.Now, sec: sec + usec/1e6, nsec: usec % 1e6 * 1e3, addr: addr, micro: true}
	return t.since(c), t.sec >= 0 && t.nsec >= 0
}

// millis is the timeout of poll and epoll_wait.
func (k *Kernel) millis(c *Call, ms int) timeout {
	if ms < 0 {
		return timeout{forever: true}
	}
	t := timeout{start: k.Now, sec: int64(ms) / 1e3, nsec: int64(ms) % 1e3 * 1e6}
	return t.since(c)
}

// since makes a restarted wait end when it would have ended without the signal.
func (t timeout) since(c *Call) timeout {
	if c.Until != 0 && !t.zero() {
		left := max(c.Until-t.start, 1)
		t.sec, t.nsec = left/second, left%second
	}
	return t
}

func (t *timeout) zero() bool { return !t.forever && t.sec == 0 && t.nsec == 0 }

// deadline is when the wait ends, 0 for never: a time that the clock does not reach is as good.
func (t *timeout) deadline() int64 {
	const ages = 1 << 32 // seconds
	if t.forever || t.sec > ages {
		return 0
	}
	return t.start + t.sec*second + t.nsec
}

// left is what remains of it.
func (t *timeout) left(now int64) (sec, nsec int64) {
	passed := now - t.start
	sec, nsec = t.sec-passed/second, t.nsec-passed%second
	if nsec < 0 {
		sec, nsec = sec-1, nsec+second
	}
	if sec < 0 {
		return 0, 0
	}
	return sec, nsec
}

// ms is what remains as poll and epoll_wait take it, rounded up.
func (t *timeout) ms(now int64) uint64 {
	if t.forever {
		return ^uint64(0)
	}
	sec, nsec := t.left(now)
	return uint64(sec*1000 + (nsec+1e6-1)/1e6)
}

// bytes is what remains as the program's structure, rounded up for a wait and down for a report.
func (t *timeout) bytes(now int64, up bool) []byte {
	sec, nsec := t.left(now)
	if t.micro {
		if up {
			nsec += 999
		}
		if nsec /= 1e3; nsec == 1e6 {
			sec, nsec = sec+1, 0
		}
	}
	raw := make([]byte, 16)
	put64(raw, uint64(sec))
	put64(raw[8:], uint64(nsec))
	return raw
}

// lend prepares argument arg of a native wait: the rest of the timeout. It goes into the program's own
// structure, where the kernel leaves what a signal finds of it (poll_select_finish), or, if that is
// read-only, into scratch.
func (t *timeout) lend(k *Kernel, c *Call, s []*Scratch, arg int) []*Scratch {
	if t.addr == 0 || k.Now == t.start {
		return s
	}
	rest := t.bytes(k.Now, true)
	if c.put(t.addr, rest) == 0 {
		return s
	}
	return append(s, &Scratch{Data: rest, Arg: arg})
}

// giveBack tells the program how much of its timeout was left, if it can be told (poll_select_finish; a
// zero timeout stays as it is).
func (t *timeout) giveBack(k *Kernel, c *Call) {
	if t.addr != 0 && !t.zero() {
		c.put(t.addr, t.bytes(k.Now, false))
	}
}

// sigset tells whether the kernel would take a signal mask (kernel/signal.c: set_user_sigmask).
func (c *Call) sigset(addr, size uint64) bool {
	var mask [8]byte
	return addr == 0 || size == uint64(len(mask)) && c.get(mask[:], addr) == 0
}
