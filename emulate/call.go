// Package emulate is a pure model of the kernel objects that sluice serves: pipes, socketpairs, eventfds, and what
// waits on them. It promises the kernel's answers and nothing else: it starts no goroutine, takes no lock,
// reads no clock and makes no system call. Whoever drives it (the tracer, or a test) hands it calls and
// moves its results into a program.
package emulate

import "golang.org/x/sys/unix"

// Memory is one task's address space. A transfer that stops early returns the bytes moved and EFAULT.
type Memory interface {
	ReadMem(p []byte, addr uint64) (int, unix.Errno)
	WriteMem(addr uint64, p []byte) (int, unix.Errno)
}

// A Call is one system call of one task, from its trap to its result.
type Call struct {
	Seq     uint64
	Task    *Task
	Sys     *Syscall  // the table's row
	Args    [6]uint64 // a layer may change them before Do (a short read is a smaller count)
	Mem     Memory
	Attempt int   // 0 at the trap, +1 per retry: whoever counts calls looks only at 0
	Moved   int   // bytes that earlier attempts of this call moved
	Expired bool  // the wait's deadline has passed; Do is asked for the result at the deadline
	Until   int64 // the deadline that an interrupted and restarted wait began with; 0 for none
	Park    bool  // the driver is about to park the task: a Block may now name a native call to park in
	Shows   bool  // it may open a file that shows on which processors a task may run

	// Results holds what the kernel answered to each call of the plan last asked (or, for a wait that parked
	// in a native call, that call's one answer). Nil when nothing was asked yet. Step and State are for the
	// handler alone: where it is in a conversation of several plans, and what it remembers between attempts.
	Results []int64
	Step    int
	State   any

	file *File     // pinned while parked: the fd may be closed meanwhile
	pins []*File   // the files that a poll or select holds while it is blocked
	wait []watcher // where the call is queued while it blocks
	one  [2]watcher
	ons  [2]Watch

	// What a call that sends or receives remembers between attempts.
	in     *incoming
	out    *outgoing
	riding *ride
	holds  []*File // the files in a message that is not on its way yet
	dozing *Socket // whose data it sleeps for
	xfer   *transfer
	last   Wait
	lost   *drift // its file was given back, and its number leads elsewhere
}

// Arg returns argument i as the signed 32-bit number that descriptors and flags are.
func (c *Call) Arg(i int) int { return int(int32(c.Args[i])) }

// File is the open file description that the call waits on, nil when it does not wait on one.
func (c *Call) File() *File { return c.file }

// on is a wait's one queue, in memory of the call's own.
func (c *Call) on(q *Queue, want Events) []Watch {
	c.ons[0] = Watch{q, want}
	return c.ons[:1]
}

// Waiting says what the call waits for; meaningful while it is blocked.
func (c *Call) Waiting() Wait { return c.last }

// Blocked tells whether the call stands in a queue of the model.
func (c *Call) Blocked() bool { return len(c.wait) > 0 }

// ops is the object that a blocked call sleeps on, nil if it is several or none.
func (c *Call) ops() Object {
	if c.file == nil {
		return nil
	}
	return c.file.ops
}

// Kind is how an Outcome ends or continues a call.
type Kind uint8

// The five ways a handler can answer.
const (
	KindDone  Kind = iota // Ret stands (a negative errno for a failure)
	KindBlock             // parked; Do runs again when the wait is satisfied
	KindPass              // the kernel runs it; Saw hears the answer
	KindAsk               // the kernel runs the plan in the task, then Do runs again
)

// An Outcome is what a handler decided.
type Outcome struct {
	Kind   Kind
	Ret    int64       // KindDone
	Signal unix.Signal // raised in the task when the result stands; 0 for none
	Wait   Wait        // KindBlock
	Plan   Plan        // KindAsk
	Hear   bool        // KindPass: Saw wants the kernel's answer, which costs a second stop
}

// Done is a served call with result n.
func Done(n int) Outcome { return Outcome{Kind: KindDone, Ret: int64(n)} }

// Fail is a served call that ends with errno e.
func Fail(e unix.Errno) Outcome { return Outcome{Kind: KindDone, Ret: -int64(e)} }

// Block parks the call until w is satisfied.
func Block(w Wait) Outcome { return Outcome{Kind: KindBlock, Wait: w} }

// Pass lets the kernel run the call as it stands.
func Pass() Outcome { return Outcome{Kind: KindPass} }

// Hear lets the kernel run the call and tells Saw what it answered.
func Hear() Outcome { return Outcome{Kind: KindPass, Hear: true} }

// Ask has the kernel run p in the task; Do runs again with its answers in Call.Results.
// Before the task goes on in any way, the driver makes sure that the filter stops calls on every descriptor
// that its table holds: an empty plan asks for just that.
func Ask(p ...KernelCall) Outcome { return Outcome{Kind: KindAsk, Plan: p} }

// Raising adds a signal that the result brings with it (EPIPE comes with SIGPIPE).
func (o Outcome) Raising(s unix.Signal) Outcome { o.Signal = s; return o }

// Errno is the errno of a failed outcome, 0 for any other.
func (o Outcome) Errno() unix.Errno {
	if o.Kind == KindDone && o.Ret < 0 && o.Ret >= -4095 {
		return unix.Errno(-o.Ret)
	}
	return 0
}

// Events is a set of poll(2) and epoll(7) event bits.
type Events uint32

// The event bits that the model speaks of: <linux/eventpoll.h>, equal to poll's where both have them.
const (
	In     Events = unix.EPOLLIN
	Pri    Events = unix.EPOLLPRI
	Out    Events = unix.EPOLLOUT
	Err    Events = unix.EPOLLERR
	Hup    Events = unix.EPOLLHUP
	RdNorm Events = unix.EPOLLRDNORM
	RdBand Events = unix.EPOLLRDBAND
	WrNorm Events = unix.EPOLLWRNORM
	WrBand Events = unix.EPOLLWRBAND
	RdHup  Events = unix.EPOLLRDHUP
	// AnyEvent is the key of a wake-up that names no event (the kernel's wake_up_all): it reaches everybody.
	AnyEvent Events = 0xffffffff
)

// What a signal leaves of a call it interrupts, as the kernel's internal error numbers (include/linux/errno.h).
const (
	ERESTARTSYS           unix.Errno = 512 // EINTR, or again with SA_RESTART
	ERESTARTNOHAND        unix.Errno = 514 // EINTR if a handler ran
	ERESTART_RESTARTBLOCK unix.Errno = 516
)

// A Wait is data: it can be printed, tested, recorded and reported.
type Wait struct {
	On        []Watch
	Deadline  int64       // ns on Kernel.Now's clock; 0 for none
	Restart   unix.Errno  // what a signal makes of it: ERESTARTSYS, EINTR or ERESTARTNOHAND
	Exclusive bool        // one wake-up serves one such waiter, first come first served
	Last      bool        // it stands behind exclusive waiters without being one
	Native    *KernelCall // park in this call, at once; nil: hold a while, then ask again with Call.Park set
}

// A Watch is one object's queue and the events of it that a wait is for.
type Watch struct {
	Queue *Queue
	Want  Events
}

// A Plan is data too: calls that the kernel must run in the task, in order. It ends early at a call that
// fails when that call's Must is set.
type Plan []KernelCall

// A KernelCall is one system call that the driver makes the task run. Scratch names what must lie in the
// task's memory meanwhile: the driver places each piece in memory of its own within the task's address
// space and puts its address where the piece says.
type KernelCall struct {
	Nr      int
	Args    [6]uint64
	Scratch []*Scratch
	Must    bool // a negative answer ends the plan
	MayWait bool // it may sleep for long, and a signal may interrupt it
}

// A Scratch is bytes lent to a kernel call.
type Scratch struct {
	Data []byte
	Arg  int      // the argument that takes its address, or -1
	In   *Scratch // or: its address is stored in that piece (placed before it) ...
	At   int      // ... at this offset, as 8 bytes
	Back bool     // after the call, Data is read back
}
