package emutest

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The log: one line for each thing that happens, in the order in which it happens.

func (s *Sim) note(format string, args ...any) {
	if !s.Quiet {
		s.log = append(s.log, fmt.Sprintf(format, args...))
	}
}

// Log is everything that happened so far.
func (s *Sim) Log() string { return strings.Join(s.log, "\n") + "\n" }

// Note adds a line of the test's own.
func (s *Sim) Note(text string) { s.note("# %s", text) }

// text is a call with its arguments as far as they are known.
func (tr *Trap) text() string {
	name := callName(tr.nr)
	if tr.view == nil {
		return fmt.Sprintf("%s(%d)", name, int32(tr.Args[0]))
	}
	args := make([]string, len(tr.view.Args))
	for i, a := range tr.view.Args {
		args[i] = a.Text
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

func (tr *Trap) result() string {
	if tr.Ret >= 0 && tr.view != nil {
		return tr.view.Result(tr.Ret)
	}
	return resultText(tr.Ret)
}

func resultText(ret int64) string {
	if ret >= 0 || ret < -4095 {
		return strconv.FormatInt(ret, 10)
	}
	switch e := unix.Errno(-ret); e {
	case emulate.ERESTARTSYS:
		return "ERESTARTSYS"
	case emulate.ERESTARTNOHAND:
		return "ERESTARTNOHAND"
	default:
		return unix.ErrnoName(e)
	}
}

// The calls that the filter lets through, and the model asks for.
var unlisted = map[int]string{unix.SYS_PREAD64: "pread64", unix.SYS_LSEEK: "lseek"}

func callName(nr int) string {
	if sys := emulate.ByNr(uint64(nr)); sys != nil {
		return sys.Name
	}
	if name := unlisted[nr]; name != "" {
		return name
	}
	return "call " + strconv.Itoa(nr)
}

// brief is a call of the kernel's with the descriptor that it is about.
func brief(kc *emulate.KernelCall) string {
	sys := emulate.ByNr(uint64(kc.Nr))
	if sys != nil && sys.Args[0].Kind != emulate.FD {
		return sys.Name
	}
	return callName(kc.Nr) + "(" + strconv.Itoa(int(int32(kc.Args[0]))) + ")"
}

// waitText says what a call waits for.
func waitText(w *emulate.Wait) string {
	var b strings.Builder
	for i, on := range w.On {
		b.WriteString([]string{" for ", ", "}[min(i, 1)])
		b.WriteString(on.Queue.Owner().Name())
		b.WriteByte(' ')
		b.WriteString(eventText(on.Want))
	}
	if w.Exclusive {
		b.WriteString(", alone")
	}
	if w.Deadline != 0 {
		b.WriteString(", until ")
		b.WriteString(seconds(w.Deadline))
	}
	return b.String()
}

func seconds(ns int64) string { return strconv.FormatFloat(float64(ns)/1e9, 'f', -1, 64) + "s" }

var eventNames = []struct {
	bit  emulate.Events
	name string
}{{emulate.In, "IN"}, {emulate.Pri, "PRI"}, {emulate.Out, "OUT"}, {emulate.Err, "ERR"}, {emulate.Hup, "HUP"},
	{0x20, "NVAL"}, {emulate.RdHup, "RDHUP"}, {emulate.RdNorm, "RDNORM"}, {emulate.RdBand, "RDBAND"},
	{emulate.WrNorm, "WRNORM"}, {emulate.WrBand, "WRBAND"}, {unix.EPOLLEXCLUSIVE, "EXCLUSIVE"},
	{unix.EPOLLONESHOT, "ONESHOT"}, {1 << 31, "ET"}}

func eventText(e emulate.Events) string {
	if e == emulate.AnyEvent {
		return "anything"
	}
	var names []string
	for _, n := range eventNames {
		if e&n.bit != 0 {
			names = append(names, n.name)
			e &^= n.bit
		}
	}
	if e != 0 || len(names) == 0 {
		names = append(names, strconv.FormatUint(uint64(e), 16))
	}
	return strings.Join(names, "|")
}
