package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/seccomp"
)

// A state says where a task is, as the tracer left it. It is never guessed from registers: a stopped call
// and a finished one can show the same.
type state uint8

const (
	running   state = iota // in the program, or in a call of its own that nobody watches
	newborn                // created, not yet continued for the first time
	held                   // blocked, in the stop that brought its call
	queued                 // in that stop too, until its descriptor table is free
	parked                 // blocked, in a pause of ours in the kernel
	away                   // blocked, in the native half of its wait (PTRACE_SYSCALL)
	injecting              // running one call of a plan (PTRACE_SYSCALL)
	hearing                // running its own call, whose answer is wanted (PTRACE_SYSCALL)
	passing                // rewound to run its own call; its next seccomp stop is let through
	stopped                // in a group-stop (PTRACE_LISTEN)
	exiting                // in PTRACE_EVENT_EXIT, held until the log is written
)

var stateNames = [...]string{"running", "newborn", "held", "queued", "parked", "away", "injecting",
	"hearing", "passing", "stopped", "exiting"}

func (s state) String() string { return stateNames[s] }

// watched tells whether the state is left by a syscall-stop, so that the task is continued with
// PTRACE_SYSCALL from whatever other stop comes between.
func (s state) watched() bool { return s == away || s == injecting || s == hearing }

// A task is one traced thread.
type task struct {
	tid   int
	proc  *process
	model *emulate.Task
	mem   memory
	state state
	opts  uintptr

	call   emulate.Call
	active bool   // call is between its trap and its result
	ip     uint64 // of the instruction after the call's syscall instruction
	entry  bool   // the stop is at the call's entry: continuing runs the call in the registers
	regs   unix.PtraceRegs
	loaded bool // regs are those of the trap
	heldAt int64
	hear   bool // passing: the answer is wanted

	roused    bool                // PTRACE_INTERRUPT was asked: a wait on an epoll begins anew (adopt.go)
	kicked    bool                // PTRACE_INTERRUPT was asked: the call is asked again at the stop
	suppose   *restarted          // the call that the kernel restarts next, after a signal without a handler
	native    *emulate.KernelCall // away: the call it runs
	broken    bool                // away: a signal cut it short, and the kernel may restart it
	brokenRet int64
	plan      run
	after     func() // queued: what to do instead of entering the call
	masked    bool   // all signals are blocked, and sigmask is the program's own mask
	sigmask   uint64
	deferred  []unix.Signal // stop signals that came during an injection

	bound     bool // to the tracer's processor; ownMask is its own
	ownMask   cpuMask
	fixed     int         // it cannot be bound, as of this count of placement.masks, plus one
	seen      int64       // when it last stopped
	strict    bool        // in seccomp's strict mode
	lingering bool        // parked without a pause: see linger
	raised    unix.Signal // sent by us for the kernel: its siginfo is put right at delivery
}

type restarted struct {
	nr       uint64
	args     [6]uint64
	ip       uint64
	deadline int64
}

// A process is a thread group.
type process struct {
	tgid         int
	tasks        int
	armed        seccomp.Set // descriptors that its filters stop
	filters      int         // of ours, in every thread
	space        *space
	foreign      bool
	undumpable   bool     // it asked to be, and believes that it is
	own          []filter // that the program installed itself
	listened     bool     // it installed one with a listener, which is not among them
	coveredGen   int
	coveredTable *emulate.FDTable
	leaving      int // tasks in PTRACE_EVENT_EXIT or past it
}

// A space is an address space, shared as CLONE_VM has it.
type space struct {
	free []uint64 // scratch areas nobody uses, each of scratchSize
	mine map[int]uint64
}

const scratchSize = 128 << 10
