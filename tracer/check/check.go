// Package check holds the model against the kernel. Behind every emulated pipe and socketpair it keeps a real one, a
// twin, and makes each call that the model serves on that as well, attempt by attempt. The first answer in which the
// two differ ends the run. It looks at the program's memory and never changes it, and it never waits: a twin has
// O_NONBLOCK, and where the model has a call wait, the twin must say EAGAIN.
package check

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Status is the exit status of a run that ends with a difference.
const Status = 122

// A Config says what to check, and how to tell of it.
type Config struct {
	Kernel *emulate.Kernel
	Fail   func(msg string) // called once, with the first difference
	Quiet  bool
	Stderr io.Writer // nil: the process's own
}

// A Checker is a layer and the model's observer.
type Checker struct {
	Config
	files  map[*emulate.File]*end
	twins  map[emulate.Object]*twin
	open   map[int]*entry // by thread
	dirty  []*twin        // to be compared when the call under way is through
	failed bool

	compared uint64
	not      map[string]uint64

	hole   []byte // a page that cannot be touched
	arena  []byte // what the twins' calls read and write
	used   int
	kept   [][]byte
	helper [2]int // a pipe in which slots are made
	null   int    // /dev/null, written to
}

// An entry is one call between its trap and its result.
type entry struct {
	call     *emulate.Call
	task     *emulate.Task
	view     *emulate.View // nil for a call that names no emulated descriptor
	files    [6]*emulate.File
	sets     [3][]byte // what select was asked
	moved    int       // bytes that earlier attempts moved, in both
	step     int       // messages of sendmmsg and recvmmsg that are through
	compared bool
	why      string // it was not compared
	asked    bool   // the kernel was asked about its half at the last attempt,
	slept    bool   // or the call went on waiting
	mixed    *twin  // whose content comes from a real file, or goes to one
}

// New makes a checker and has the model tell it all.
func New(c Config) (*Checker, error) {
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	k := &Checker{Config: c, files: map[*emulate.File]*end{}, twins: map[emulate.Object]*twin{}, open: map[int]*entry{},
		not: map[string]uint64{}}
	raiseLimit()
	var err error
	if k.hole, err = unix.Mmap(-1, 0, pageSize, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	if k.null, err = unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("check: /dev/null: %w", err)
	}
	if err = unix.Pipe2(k.helper[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	c.Kernel.Observer = k
	return k, nil
}

// raiseLimit lets this process have as many descriptors as it may; the programs of the tree keep their own limit.
func raiseLimit() {
	var lim unix.Rlimit
	if unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &lim) == nil && lim.Cur < lim.Max {
		lim.Cur = lim.Max
		unix.Prlimit(0, unix.RLIMIT_NOFILE, &lim, nil)
	}
}

// Enter remembers which files the call is about.
func (k *Checker) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	e := &entry{call: c, task: c.Task}
	k.open[c.Task.TID] = e
	if k.failed {
		return emulate.Outcome{}, false
	}
	ours := false
	c.Ends(func(arg int, f *emulate.File) { e.files[arg], ours = f, true })
	if ours {
		e.view = emulate.See(c)
	}
	if c.Sys.Nr == unix.SYS_SELECT || c.Sys.Nr == unix.SYS_PSELECT6 {
		e.keepSets(c)
	}
	return emulate.Outcome{}, false
}

// Tried makes the attempt on the twins.
func (k *Checker) Tried(c *emulate.Call, o emulate.Outcome) {
	if k.failed {
		return
	}
	k.used, k.kept = 0, k.kept[:0]
	if e := k.open[c.Task.TID]; e != nil && e.call == c {
		k.try(e, c, o)
		e.asked, e.slept = o.Kind == emulate.KindAsk, o.Kind == emulate.KindBlock
	}
	k.settle(c)
}

func (k *Checker) try(e *entry, c *emulate.Call, o emulate.Outcome) {
	switch c.Sys.Nr {
	case unix.SYS_READ, unix.SYS_READV, unix.SYS_PREADV2:
		k.read(e, c, o)
	case unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PWRITEV2:
		k.write(e, c, o)
	case unix.SYS_SENDTO, unix.SYS_SENDMSG:
		k.send(e, c, o)
	case unix.SYS_RECVFROM, unix.SYS_RECVMSG:
		k.receive(e, c, o)
	case unix.SYS_SENDMMSG, unix.SYS_RECVMMSG:
		k.several(e, c, o)
	case unix.SYS_SPLICE, unix.SYS_TEE, unix.SYS_SENDFILE:
		k.splice(e, c, o)
	case unix.SYS_VMSPLICE:
		k.vmsplice(e, c, o)
	case unix.SYS_POLL, unix.SYS_PPOLL:
		k.poll(e, c, o)
	case unix.SYS_SELECT, unix.SYS_PSELECT6:
		k.selected(e, c, o)
	case unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2:
		k.epoll(e, c, o)
	case unix.SYS_FCNTL, unix.SYS_IOCTL, unix.SYS_SHUTDOWN, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT:
		if o.Kind == emulate.KindDone {
			k.setting(e, c, o.Ret)
		} else if o.Kind == emulate.KindPass && !o.Hear {
			k.setting(e, c, emulate.Unknown)
		}
	}
}

// Leave counts the call, and makes on the twins what the kernel did on the placeholder.
func (k *Checker) Leave(c *emulate.Call, ret int64) {
	e := k.open[c.Task.TID]
	if e == nil || e.call != c {
		return
	}
	delete(k.open, c.Task.TID)
	if k.failed {
		return
	}
	k.used, k.kept = 0, k.kept[:0]
	if ret != emulate.Unknown && !e.compared {
		k.heard(e, c, ret)
	}
	if t := e.mixed; t != nil {
		k.resync(t)
	}
	if en := k.twinOf(e, 0); en != nil && e.slept && ret > 0 && c.Sys.Nr == unix.SYS_RECVMMSG {
		// A signal cut it short, which the socket keeps as an error for its next call (net/socket.c: do_recvmmsg).
		k.drop(en.twin, "on a pair that keeps a signal as an error")
	}
	switch {
	case e.compared:
		k.compared++
	case e.why != "":
		k.not[e.why]++
	}
	k.remember(e, c, ret)
	k.settle(c)
}

// heard makes the calls whose answer the kernel gave.
func (k *Checker) heard(e *entry, c *emulate.Call, ret int64) {
	switch c.Sys.Nr {
	case unix.SYS_FCNTL, unix.SYS_SHUTDOWN, unix.SYS_SETSOCKOPT:
		k.setting(e, c, ret)
	case unix.SYS_EVENTFD, unix.SYS_EVENTFD2:
		k.counter(c, ret)
	}
}

// Finish tells how much was compared.
func (k *Checker) Finish() {
	if k.Quiet || k.failed {
		return
	}
	var parts []string
	total := uint64(0)
	for why, n := range k.not {
		parts = append(parts, fmt.Sprintf("%s %s", thousands(n), why))
		total += n
	}
	sort.Strings(parts)
	line := fmt.Sprintf("sluice: check: %s compared, %s not", calls(k.compared), thousands(total))
	if total > 0 {
		line += " (" + strings.Join(parts, "; ") + ")"
	}
	fmt.Fprintln(k.Stderr, line)
}

func calls(n uint64) string {
	if n == 1 {
		return "1 call"
	}
	return thousands(n) + " calls"
}

// thousands writes a number with commas.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
