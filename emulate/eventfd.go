package emulate

import (
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// An Eventfd is a counter that a read takes and a write adds to (fs/eventfd.c: struct eventfd_ctx). Its placeholder
// keeps a count of 0, whatever the program asked for.
type Eventfd struct {
	name      string
	count     uint64
	semaphore bool // EFD_SEMAPHORE: a read takes one
	file      *File
	wq        Queue // wqh: readers, writers and pollers
}

// eventfd serves eventfd and eventfd2. Where the count is not to begin with 0 the placeholder is made by a call with
// another argument.
func (k *Kernel) eventfd(c *Call) Outcome {
	switch {
	case c.Step == 1:
		k.sawEventfd(c, c.Results[0])
		return Outcome{Kind: KindDone, Ret: c.Results[0]}
	case c.Task.Native || c.Task.Drives || k.sharedWithout(c.Task):
		return Pass()
	case uint32(c.Args[0]) == 0:
		return Hear()
	}
	c.Step = 1
	zero := c.Args
	zero[0] = 0
	return Ask(KernelCall{Nr: c.Sys.Nr, Args: zero})
}

func (k *Kernel) sawEventfd(c *Call, ret int64) {
	if ret < 0 {
		return
	}
	flags := 0
	if c.Sys.Nr == unix.SYS_EVENTFD2 {
		flags = c.Arg(1)
	}
	k.eventfds++
	e := &Eventfd{name: "eventfd:" + strconv.Itoa(k.eventfds), count: uint64(uint32(c.Args[0])), semaphore: flags&unix.EFD_SEMAPHORE != 0}
	e.wq.owner = e
	e.file = &File{ops: e, Flags: unix.O_RDWR | flags&unix.O_NONBLOCK}
	k.born(e)
	k.install(c.Task.Files, int(ret), e.file, flags&unix.O_CLOEXEC != 0)
}

// Name is the eventfd's name.
func (e *Eventfd) Name() string { return e.name }

// Kind is "eventfd".
func (e *Eventfd) Kind() string { return "eventfd" }

// Fill is the count; there are no slots.
func (e *Eventfd) Fill() (count, slots, ring int) { return int(min(e.count, math.MaxInt)), 0, 0 }

// Drain takes the whole count, for a driver that gives it back to the kernel.
func (e *Eventfd) Drain() uint64 {
	n := e.count
	e.count = 0
	return n
}

// poll follows eventfd_poll. EPOLLERR is for a count of ULLONG_MAX, which no write leads to.
func (e *Eventfd) poll(*File) (got Events) {
	if e.count > 0 {
		got |= In
	}
	if e.count < math.MaxUint64-1 {
		got |= Out
	}
	return got
}

func (e *Eventfd) queues(*File) []*Queue { return []*Queue{&e.wq} }

func (e *Eventfd) release(k *Kernel, _ *File) { k.gone(e) }

const eventfdSize = 8 // what one read or write moves

// read follows eventfd_read: what it took is gone even if it cannot be stored.
func (e *Eventfd) read(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	switch {
	case v.Len() < eventfdSize:
		return Fail(unix.EINVAL)
	case e.count > 0:
	case nonblock:
		return Fail(unix.EAGAIN)
	default:
		return e.sleep(k, c, f, In)
	}
	n := e.count
	if e.semaphore {
		n = 1
	}
	e.count -= n
	var raw [eventfdSize]byte
	put64(raw[:], n)
	_, err := v.Out(raw[:])
	k.wake(&e.wq, Out)
	if err != 0 {
		return Fail(err)
	}
	return Done(eventfdSize)
}

// write follows eventfd_write. There is no write_iter: writev is a write for each buffer, as long as that moves all of
// it (fs/read_write.c: do_loop_readv_writev).
func (e *Eventfd) write(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	v.Skip(c.Moved)
	began := c.Moved
	for {
		if c.Moved > 0 { // iov_iter_advance skips empty buffers, but not the first
			for len(v.segs) > 1 && v.segs[0].len == 0 {
				v.segs = v.segs[1:]
			}
		}
		o := e.add(k, c, f, v, nonblock)
		switch {
		case o.Kind == KindBlock && c.Moved > began:
			k.Requeue(c) // another write, another wait
			return o
		case o.Kind != KindDone:
			return o
		case o.Ret < 0 && c.Moved > 0:
			return Done(c.Moved)
		case o.Ret < 0:
			return o
		}
		c.Moved += eventfdSize
		if o.Ret == 0 || v.Len() == 0 {
			return Done(c.Moved)
		}
		nonblock = f.nonblock()
	}
}

// add is one write, of v's next buffer. Its result is 0 instead of 8 when it did not take all of that.
func (e *Eventfd) add(k *Kernel, c *Call, f *File, v *Vec, nonblock bool) Outcome {
	size := v.segs[0].len
	if size > eventfdSize && k.longWrites == unasked {
		if c.Task.Files.Get(c.Arg(0)) != f {
			return Fail(unix.EINVAL)
		}
		if c.Results == nil {
			return Ask(KernelCall{Nr: unix.SYS_WRITE, Args: [6]uint64{c.Args[0], 0, eventfdSize + 1}})
		}
		k.longWrites = refused
		if c.Results[0] == -int64(efault) {
			k.longWrites = taken
		}
		c.Results = nil
	}
	var raw [eventfdSize]byte
	if size < eventfdSize || size > eventfdSize && k.longWrites == refused {
		return Fail(unix.EINVAL)
	}
	if _, err := v.mem.ReadMem(raw[:], v.segs[0].base); err != 0 { // v stays: a write that has to wait reads again
		return Fail(err)
	}
	n := le64(raw[:])
	switch {
	case n == math.MaxUint64:
		return Fail(unix.EINVAL)
	case math.MaxUint64-e.count > n:
	case nonblock:
		return Fail(unix.EAGAIN)
	default:
		return e.sleep(k, c, f, Out)
	}
	e.count += n
	k.wake(&e.wq, In)
	v.Skip(eventfdSize)
	if size > eventfdSize {
		return Done(0)
	}
	return Done(eventfdSize)
}

// An answer says whether the kernel takes a write of more than 8 bytes to an eventfd, as it did before some version
// of Linux 6: then the buffer's first 8 count. One without a buffer tells, since the size is looked at first.
type answer uint8

const (
	unasked answer = iota
	refused
	taken
)

// sleep waits at the queue's tail, behind exclusive pollers, though not exclusive itself: whoever waits is woken, and
// the first takes all (wait_event_interruptible_locked_irq, do_wait_intr_irq).
func (e *Eventfd) sleep(k *Kernel, c *Call, f *File, want Events) Outcome {
	k.pin(c, f)
	return Block(Wait{On: c.on(&e.wq, want), Restart: ERESTARTSYS, Last: true})
}
