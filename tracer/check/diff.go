package check

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// How a difference is told.

const remembered = 8 // calls on an object

func text(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// char shows a byte as Go would quote it.
func char(b byte) string { return strconv.QuoteToASCII(string([]byte{b})) }

// text is the model's answer to an attempt.
func (s *step) text(o emulate.Outcome) string {
	switch {
	case s.blocked && s.moved > 0:
		return fmt.Sprintf("%d, and it waits with the rest", s.moved)
	case s.blocked:
		return "it waits"
	case s.asked:
		return strconv.Itoa(s.moved)
	case s.was > 0 && s.errno == 0:
		return fmt.Sprintf("%d more, %d in all", s.moved, o.Ret)
	}
	return result(o.Ret)
}

// answer is the kernel's.
func answer(n int, errno unix.Errno) string {
	if errno == unix.EAGAIN {
		return "-1 EAGAIN: it would wait, or not be served"
	}
	if errno != 0 {
		return result(-int64(errno))
	}
	return result(int64(n))
}

func result(ret int64) string {
	if ret >= 0 || ret < -4095 {
		return strconv.FormatInt(ret, 10)
	}
	e := unix.Errno(-ret)
	return fmt.Sprintf("-1 %s (%s)", unix.ErrnoName(e), e.Error())
}

var eventNames = []struct {
	bit  emulate.Events
	name string
}{{emulate.In, "IN"}, {emulate.Pri, "PRI"}, {emulate.Out, "OUT"}, {emulate.Err, "ERR"}, {emulate.Hup, "HUP"}, {emulate.RdNorm, "RDNORM"},
	{emulate.RdBand, "RDBAND"}, {emulate.WrNorm, "WRNORM"}, {emulate.WrBand, "WRBAND"}, {emulate.RdHup, "RDHUP"}}

func events(e emulate.Events) string {
	var names []string
	for _, n := range eventNames {
		if e&n.bit != 0 {
			names = append(names, n.name)
			e &^= n.bit
		}
	}
	if e != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(e)))
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, "|")
}

// number compares one.
func (k *Checker) number(e *entry, c *emulate.Call, what string, mine, theirs int) {
	if mine != theirs && !k.failed {
		k.differ(e, c, text("%s is %d", what, mine), text("%s is %d", what, theirs))
	}
}

func (k *Checker) differ(e *entry, c *emulate.Call, mine, theirs string) {
	var t *twin
	for _, f := range e.files {
		if en := k.files[f]; f != nil && en != nil {
			t = en.twin
			break
		}
	}
	k.differOn(e, c, t, mine, theirs)
}

// differOn ends the run.
func (k *Checker) differOn(e *entry, c *emulate.Call, t *twin, mine, theirs string) {
	if k.failed {
		return
	}
	k.failed = true
	lines := []string{"check: the kernel answers otherwise than the model"}
	call := c.Sys.Name
	if e != nil && e.call == c {
		if e.view == nil {
			e.view = emulate.See(c)
		}
		call = line(e, c)
	} else {
		call = task(c.Task) + " " + call
	}
	if c.Attempt > 0 {
		call += text("   (attempt %d)", c.Attempt+1)
	}
	lines = append(lines, "  call:    "+call, "  model:   "+mine, "  kernel:  "+theirs)
	if t != nil && len(t.history) > 0 {
		lines = append(lines, "the last calls on "+t.name+" before it:")
		for _, h := range t.history {
			lines = append(lines, "  "+h)
		}
	}
	k.Fail(strings.Join(lines, "\n"))
}

// line is a call as the log has it.
func line(e *entry, c *emulate.Call) string {
	var args []string
	for _, a := range e.view.Args {
		args = append(args, a.Text)
	}
	return task(c.Task) + " " + c.Sys.Name + "(" + strings.Join(args, ", ") + ")"
}

func task(t *emulate.Task) string {
	if t.TID != t.TGID {
		return text("%s[%d/%d]", t.Name, t.TGID, t.TID)
	}
	return text("%s[%d]", t.Name, t.TGID)
}

// remember keeps a call among the last ones on its objects.
func (k *Checker) remember(e *entry, c *emulate.Call, ret int64) {
	if e.view == nil {
		return
	}
	var l string
	for _, f := range e.files {
		var t *twin
		if f != nil {
			t = k.twins[f.Object()]
		}
		if t == nil || t.gone != "" {
			continue
		}
		if l == "" {
			l = "?"
			if ret != emulate.Unknown {
				e.view.End(c, ret)
				l = result(ret)
			}
			l = line(e, c) + " = " + l
		}
		if n := len(t.history); n > 0 && t.history[n-1] == l {
			continue
		}
		if len(t.history) >= remembered {
			t.history = append(t.history[:0], t.history[1:]...)
		}
		t.history = append(t.history, l)
	}
}
