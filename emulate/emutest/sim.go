// Package emutest drives the model without a program, without ptrace and without a kernel: Mem is memory with
// holes, and Sim is a machine whose tasks make one system call after the other. What the model leaves to the kernel
// a small fake answers. Nothing here depends on time, chance or the machine at hand, so a log can be a golden file.
package emutest

import (
	"fmt"
	"sort"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/choice"
)

// A Sim is a model and all that lies around it. It is the model's Host as well.
type Sim struct {
	K       *emulate.Kernel
	Layers  emulate.Stack
	Sysctls map[string]int    // what /proc/sys says otherwise than usual
	Links   map[string]string // what paths are links to
	Pipes   int               // slots of a new pipe's placeholder, if not 16
	Quiet   bool              // keep no log
	// LongWrites has eventfds take the first 8 bytes of a write of more, as older kernels do.
	LongWrites bool
	Devices    bool     // whatever is opened below /dev is there
	Raised     []string // what was signalled: "pipe:1 IN"
	Demoted    []string // what was given back to the kernel, and why

	tasks  map[int]*Task
	log    []string
	later  []finding
	kicked []*Trap
	anew   []*Trap // to be entered again
}

// A finding is what the model decided about a call while it settled.
type finding struct {
	trap    *Trap
	outcome emulate.Outcome
}

// A Task is one thread of a simulated program.
type Task struct {
	*emulate.Task
	Mem      *Mem
	Pid      int32 // what SCM_CREDENTIALS tells, if not the thread group
	Uid, Gid uint32
	Root     bool // it has every capability
	Dying    bool // it was killed and has not ended yet: nothing more can be stored for it

	sim     *Sim
	table   *table
	trap    *Trap
	over    bool // the kernel call under way has no time left
	scratch uint64
}

// The states of a call.
type state uint8

const (
	ended   state = iota
	held          // the task is in its stop
	paused        // it sleeps in pause(2), where signals reach it
	away          // it sleeps in the native half of its wait
	passing       // the kernel runs the call itself
)

// A Trap is one system call of a task, from its entry to its result.
type Trap struct {
	emulate.Call
	Ret    int64
	Signal unix.Signal // raised with the result

	task   *Task
	nr     int
	state  state
	hear   bool
	kicked bool
	until  int64 // when a passed wait ends, 0 for never
	native *emulate.KernelCall
	args   [6]uint64 // native's, with addresses
	view   *emulate.View
}

// New is a machine with one task, whose descriptors 0, 1 and 2 are files of the kernel's, ready for everything.
func New() (*Sim, *Task) {
	s := &Sim{tasks: map[int]*Task{}, Sysctls: map[string]int{}, Links: map[string]string{}}
	s.K = emulate.New(s, choice.Plain{})
	s.K.Now = 1e9
	t := &Task{Task: s.K.Root(firstTID), Mem: NewMem(), Uid: 1000, Gid: 1000, sim: s,
		table: &table{fds: map[int]entry{}, limit: 1024}}
	s.tasks[t.TID] = t
	for range 3 {
		t.Open("", emulate.In|emulate.Out)
	}
	return s, t
}

const firstTID = 100

// sorted lists the tasks by their ids.
func (s *Sim) sorted() []*Task {
	list := make([]*Task, 0, len(s.tasks))
	for _, t := range s.tasks {
		list = append(list, t)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].TID < list[j].TID })
	return list
}

// Call makes one system call and lets everything settle. What blocked is not ended when it returns.
func (t *Task) Call(nr int, args ...uint64) *Trap {
	tr := t.trap
	if tr != nil && tr.state != ended {
		panic(fmt.Sprintf("emutest: task %d is in a call", t.TID))
	}
	tr = &Trap{task: t, nr: nr, state: held}
	copy(tr.Args[:], args)
	t.trap = tr
	t.sim.begin(tr, 0)
	t.sim.settle()
	return tr
}

// begin enters a call, or enters it again after a signal; until is the deadline that it began with then.
func (s *Sim) begin(tr *Trap, until int64) {
	t := tr.task
	tr.Call = emulate.Call{Task: t.Task, Sys: emulate.ByNr(uint64(tr.nr)), Args: tr.Args, Mem: t.Mem, Until: until}
	tr.state = held
	if tr.Sys == nil { // the filter lets it through
		s.pass(tr, false)
		return
	}
	if !s.Quiet {
		tr.view = emulate.See(&tr.Call)
	}
	o, decided := s.Layers.Enter(&tr.Call)
	if !decided {
		o = s.K.Do(&tr.Call)
	}
	s.outcome(tr, o)
}

// outcome carries out what the model decided about a task that is stopped.
func (s *Sim) outcome(tr *Trap, o emulate.Outcome) {
	c := &tr.Call
	switch o.Kind {
	case emulate.KindDone:
		s.leave(tr, o.Ret)
		s.end(tr, o.Ret, o.Signal)
	case emulate.KindPass:
		if c.Moved > 0 { // given back in the middle of a transfer
			s.outcome(tr, emulate.Done(c.Moved))
			return
		}
		s.pass(tr, o.Hear)
	case emulate.KindAsk:
		c.Results = s.run(tr, o.Plan)
		s.outcome(tr, s.K.Resume(c))
	case emulate.KindBlock:
		if o.Wait.Native != nil {
			s.goAway(tr, &o.Wait)
			return
		}
		tr.state = held
		does := "waits"
		if c.Park {
			tr.state, does = paused, "pauses"
		}
		s.note("%d %s %s%s", tr.task.TID, tr.text(), does, waitText(&o.Wait))
	}
}

func (s *Sim) leave(tr *Trap, ret int64) {
	if tr.Sys != nil {
		s.Layers.Leave(&tr.Call, ret)
	}
}

// end writes a call's result down.
func (s *Sim) end(tr *Trap, ret int64, sig unix.Signal) {
	tr.state, tr.Ret, tr.Signal = ended, ret, sig
	if tr.view != nil {
		tr.view.End(&tr.Call, ret)
	}
	if s.Quiet {
		return
	}
	line := fmt.Sprintf("%d %s = %s", tr.task.TID, tr.text(), tr.result())
	if sig != 0 {
		line += " " + unix.SignalName(sig)
	}
	s.note("%s", line)
}

// pass has the fake kernel run a call.
func (s *Sim) pass(tr *Trap, hear bool) {
	if !hear {
		s.leave(tr, emulate.Unknown)
	}
	tr.hear = hear
	ret := tr.task.kernel(tr.nr, tr.Args)
	if ret != sleeps {
		s.heard(tr, ret)
		return
	}
	tr.state, tr.until = passing, 0
	if ns := tr.task.timeout(tr.nr, tr.Args); ns >= 0 {
		tr.until = s.K.Now + ns
	}
	s.note("%d %s waits in the kernel", tr.task.TID, tr.text())
}

// heard is the end of a call that the kernel ran.
func (s *Sim) heard(tr *Trap, ret int64) {
	if tr.hear {
		s.K.Saw(&tr.Call, ret)
		s.leave(tr, ret)
	}
	s.end(tr, ret, 0)
}
