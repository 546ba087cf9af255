package emulate

import "golang.org/x/sys/unix"

// epoll_wait, epoll_pwait and epoll_pwait2. While the kernel's half of an epoll has nothing in it the model
// answers alone. Otherwise both are asked, the kernel by an epoll_wait of the task's own that writes right
// into the program's array, behind what is there already: so what it takes out of its ready list (an edge, a
// one-shot) is with the program at once and cannot be lost.
//
// A wait that lasts sleeps in the kernel's epoll_wait whatever is in that half: it has the program's signal
// mask and timeout, and a file that is added meanwhile wakes it.

const (
	epollEventSize = 12                           // struct epoll_event is packed on x86-64
	epMaxEvents    = (1<<31 - 1) / epollEventSize // EP_MAX_EVENTS
	taskSize       = 1<<47 - 4096                 // TASK_SIZE_MAX: where access_ok ends
	epReady        = In | RdNorm                  // what an epoll announces
	epWant         = epReady | Err | Hup          // and what its sleepers want to hear
)

// A fishing is one wait for events (fs/eventpoll.c: "time to fish for events").
type fishing struct {
	timeout
	file   *File
	ep     *Epoll
	addr   uint64 // the program's array
	max    int
	sent   int  // events of the model's half in the array, while the kernel's is asked
	parked bool // the call sleeps in the kernel's half
}

func (k *Kernel) epollWait(c *Call) Outcome {
	if w, ok := c.State.(*fishing); ok {
		return k.fish(c, w)
	}
	ep := k.epollOf(c)
	if ep == nil || c.Sys.Nr == unix.SYS_EPOLL_PWAIT && !c.sigset(c.Args[4], c.Args[5]) {
		return Pass()
	}
	return k.cast(c, ep, k.millis(c, c.Arg(3)))
}

func (k *Kernel) epollPwait2(c *Call) Outcome {
	if w, ok := c.State.(*fishing); ok {
		return k.fish(c, w)
	}
	ep := k.epollOf(c)
	if ep == nil {
		return Pass()
	}
	t, ok := k.timespec(c, c.Args[3])
	if !ok || !c.sigset(c.Args[4], c.Args[5]) {
		return Pass()
	}
	t.addr = 0 // unlike ppoll it does not tell what was left
	return k.cast(c, ep, t)
}

// epollOf is the epoll that the call waits on, nil when the kernel is to answer.
func (k *Kernel) epollOf(c *Call) *Epoll {
	if f := k.file(c, 0); f != nil {
		ep, _ := f.ops.(*Epoll)
		return ep
	}
	return nil
}

// cast begins a wait (ep_check_params).
func (k *Kernel) cast(c *Call, ep *Epoll, t timeout) Outcome {
	w := &fishing{timeout: t, file: k.file(c, 0), ep: ep, addr: c.Args[1], max: c.Arg(2)}
	if w.max <= 0 || w.max > epMaxEvents {
		return Fail(unix.EINVAL)
	}
	if end := w.addr + uint64(w.max)*epollEventSize; end > taskSize || end < w.addr {
		return Fail(efault)
	}
	c.State = w
	return k.fish(c, w)
}

// fish takes a wait one attempt further.
func (k *Kernel) fish(c *Call, w *fishing) Outcome {
	heard := c.Results
	c.Results = nil
	got := 0
	if heard != nil && heard[0] > 0 {
		got = int(heard[0])
	}
	if f := k.file(c, 0); f != w.file {
		if w.sent+got > 0 {
			return Done(w.sent + got)
		}
		// Closed or given back to the kernel: what the number stands for now is asked from the start.
		c.State = nil
		return c.Sys.Do(k, c)
	}
	if heard != nil {
		return k.haul(c, w, heard[0], got)
	}
	ep := w.ep
	over := c.Expired || w.zero()
	// A call that slept in the kernel's half is taken out of it only when that half had nothing.
	mixed := !w.parked && ep.real() && w.reachable(c)
	// One that does not wait, and for which the model has nothing, is the kernel's as it stands: event loops that have
	// much to do make thousands.
	passes := mixed && over && c.Attempt == 0
	switch {
	case passes && ep.readyHead == nil:
		return Pass()
	case mixed && ep.kernelFirst() && ep.readyHead == nil && !over:
		return k.linger(c, w)
	case mixed && ep.kernelFirst():
		return Ask(w.ask(c))
	}
	n, e := ep.send(k, c, w.addr, w.max, nil)
	switch {
	case e != 0:
		return Fail(e)
	case n == 0 && passes:
		return Pass()
	case n > 0 && mixed && n < w.max && ep.nested == 0, n == 0 && mixed && over:
		w.sent = n
		return Ask(w.ask(c))
	case n > 0:
		if mixed {
			ep.turn = n == w.max && !ep.turn
		}
		return Done(n)
	case over:
		return Done(0)
	}
	return k.linger(c, w)
}

// haul joins the halves when the kernel has told what is in its own: got events, or ret if that is an error.
func (k *Kernel) haul(c *Call, w *fishing, ret int64, got int) Outcome {
	ep, all := w.ep, w.sent+got
	if ret < 0 && all == 0 {
		return Outcome{Kind: KindDone, Ret: ret}
	}
	ep.turn = w.sent == 0 && ep.kernelFirst() && got == w.max && !ep.turn
	if w.sent == 0 && got < w.max && ep.readyHead != nil {
		n, e := ep.send(k, c, w.addr+uint64(got)*epollEventSize, w.max-got, w.told(c, got))
		if all += n; e != 0 && all == 0 {
			return Fail(e)
		}
	}
	if all > 0 || w.parked || c.Expired || w.zero() {
		return Done(all)
	}
	return k.linger(c, w)
}

// kernelFirst tells which half is asked first. When the first one fills the array the other has its turn
// next time. With a nested epoll it is usually the kernel's: that one may report it too, and the model can
// then keep silent, while what the kernel reports cannot be taken back; when it is the model's turn the
// kernel's events wait for the next call.
func (ep *Epoll) kernelFirst() bool { return ep.turn != (ep.nested > 0) }

// told lists the data of the got events that the kernel's half has put into the array, if a nested epoll
// may be among them.
func (w *fishing) told(c *Call, got int) []uint64 {
	if w.ep.nested == 0 || got == 0 {
		return nil
	}
	raw := make([]byte, got*epollEventSize)
	c.get(raw, w.addr)
	out := make([]uint64, got)
	for i := range out {
		out[i] = le64(raw[i*epollEventSize+4:])
	}
	return out
}

// reachable tells whether the kernel can be asked by the call's number: another thread may have closed it,
// and the wait goes on with the file that it holds.
func (w *fishing) reachable(c *Call) bool { return c.Task.Files.Get(c.Arg(0)) == w.file }

// ask is the kernel's half with a timeout of zero; its events go behind the model's.
func (w *fishing) ask(c *Call) KernelCall {
	return KernelCall{Nr: unix.SYS_EPOLL_WAIT,
		Args: [6]uint64{c.Args[0], w.addr + uint64(w.sent)*epollEventSize, uint64(w.max - w.sent), 0}}
}

// linger puts the call to sleep: in the model alone at first, or in the kernel's half. A handler ends it with
// EINTR even under SA_RESTART, and so does a stop of the process (signal(7)).
func (k *Kernel) linger(c *Call, w *fishing) Outcome {
	wait := Wait{Deadline: w.deadline(), Restart: unix.EINTR, Exclusive: true}
	if c.Blocked() {
		wait.On = c.last.On
	} else {
		wait.On = []Watch{{&w.ep.wq, epReady}}
		k.pin(c, w.file)
		// The last to come is the first to be woken (ep_poll: __add_wait_queue_exclusive puts it at the head).
		c.one[0] = watcher{want: epWant, exclusive: true, call: c}
		c.wait = c.one[:1]
		w.ep.wq.addFirst(&c.one[0])
	}
	if w.parked = w.reachable(c) && (c.Park || w.ep.real()); w.parked {
		wait.Native = w.park(k, c)
	}
	return Block(wait)
}

// park is the wait in the kernel's half for the rest of the time.
func (w *fishing) park(k *Kernel, c *Call) *KernelCall {
	call := &KernelCall{Nr: c.Sys.Nr, Args: c.Args, MayWait: true}
	if c.Sys.Nr != unix.SYS_EPOLL_PWAIT2 {
		call.Args[3] = w.ms(k.Now)
	} else if !w.forever {
		call.Scratch = []*Scratch{{Data: w.bytes(k.Now, true), Arg: 3}}
	}
	return call
}

// send moves at most max events of the ready list into the program's array (ep_send_events) and returns how
// many. A nested epoll whose data is in told has been reported by the kernel's half already.
//
// What the array cannot take stays in the list with all behind it; EFAULT is the result only of the first.
func (ep *Epoll) send(k *Kernel, c *Call, addr uint64, max int, told []uint64) (int, unix.Errno) {
	out, raw := ep.out[:0], ep.raw[:0]
	var next *epitem
	for it := ep.readyHead; it != nil && len(out) < max; it = next {
		next = it.next
		got := it.poll()
		if got == 0 {
			ep.unlink(it)
			continue
		}
		if len(told) > 0 && it.told(told) {
			continue
		}
		out = append(out, it)
		raw = append(raw, make([]byte, epollEventSize)...)
		put32(raw[len(raw)-epollEventSize:], uint32(got))
		put64(raw[len(raw)-epollEventSize+4:], it.data)
	}
	n, e := 0, unix.Errno(0)
	if len(out) > 0 {
		n, e = c.Mem.WriteMem(addr, raw)
		if n /= epollEventSize; n > 0 {
			e = 0
		} else if e == 0 {
			e = efault
		}
	}
	for _, it := range out[:n] {
		ep.unlink(it)
		if it.events&epOneshot != 0 {
			it.events &= epPrivate
		} else if it.events&epET == 0 {
			ep.link(it) // level-triggered: looked at again by the next call, after the others
		}
	}
	clear(out)
	ep.out, ep.raw = out, raw
	if ep.readyHead != nil {
		k.poke(&ep.wq, epReady) // ep_done_scan: there is more for the next sleeper
	}
	return n, e
}

func (it *epitem) told(data []uint64) bool {
	if _, ok := it.file.ops.(*Epoll); !ok {
		return false
	}
	for _, d := range data {
		if d == it.data {
			return true
		}
	}
	return false
}
