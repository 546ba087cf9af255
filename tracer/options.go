package tracer

import (
	"fmt"
	"os"

	"sluice/emulate"
)

// Options are what a run is asked for.
type Options struct {
	Log        string // a file, "-" for stderr, "" for none
	LogFormat  string // text or json
	Stats      bool
	Strict     bool
	Quiet      bool
	Verbose    bool
	Check      bool     // make every served call on real objects as well, and compare
	Inject     []string // rules of faults, as tracer/fault reads them
	Seed       string   // of what they leave to chance: a number, "random" or ""
	Stop       []int    // calls that stop in every process, on whatever descriptor
	Apart      bool     // leave every task where the kernel puts it
	Audit      bool     // hold the model's descriptors against the kernel's at every call
	OnDeadlock string   // report, kill or wait
	Verdict    string   // a file for the run's verdict, "" for none
	Program    string   // the file to execute
	Args       []string
	Env        []string
}

// A LayerEnv is what layers may use of the tracer.
type LayerEnv struct {
	Now    func() int64 // the monotonic clock in ns
	Kernel *emulate.Kernel
	Color  bool        // stderr is a terminal that wants it
	Fail   func(error) // ends the run; an Error brings the exit status along
	Proc   Proc
}

// A Proc tells what the kernel knows of a task of the tree.
type Proc interface {
	// Exe is the file that its process executes, "" if that cannot be told.
	Exe(tid int) string
	// Handles tells whether a handler is set for a signal that somebody may send.
	Handles(tid int) bool
	// Flags are a descriptor's, as F_GETFL has them.
	Flags(tid, fd int) (int, bool)
	// Regular tells whether a descriptor leads to a file on a disk.
	Regular(tid, fd int) bool
}

// A Reporter is the layers' voice at the end.
type Reporter interface {
	// Flush writes what was collected so far.
	Flush() error
	// Finish writes the end of the report; still names the processes that live on.
	Finish(stops Stops, still []string) error
}

// Layers builds the layers of a run. It is set before Stage is called; nil means none.
var Layers func(Options, LayerEnv) ([]emulate.Layer, Reporter, error)

// An Error is what ends a run, or keeps it from beginning, with its exit status. Its message may have several lines.
type Error struct {
	Status int
	Msg    string
}

func (e *Error) Error() string { return e.Msg }

func failf(format string, args ...any) *Error {
	return &Error{Status: 125, Msg: fmt.Sprintf(format, args...)}
}

// warn says something on stderr in sluice's name.
func (t *Tracer) warn(format string, args ...any) {
	if !t.opts.Quiet {
		fmt.Fprintf(os.Stderr, "sluice: "+format+"\n", args...)
	}
}
