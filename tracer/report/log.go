package report

import (
	"bufio"
	"io"

	"sluice/emulate"
)

// A Log writes one line for every call that concerns an emulated object, when its result stands.
type Log struct {
	JSON   bool
	Color  bool
	All    bool   // also the calls that concern none
	Live   bool   // write each line at once, and do not mind when nobody takes it
	Prefix string // before each line

	now   func() int64
	began int64
	to    io.Writer
	w     *bufio.Writer
	open  map[int]*entry // by thread
	line  []byte
	err   error
}

// An entry is a call between its trap and its result.
type entry struct {
	task *emulate.Task
	view *emulate.View
	at   int64
}

// NewLog makes a log whose times count from now.
func NewLog(w io.Writer, now func() int64) *Log {
	return &Log{now: now, began: now(), to: w, w: bufio.NewWriterSize(w, 64<<10), open: map[int]*entry{}}
}

// Enter reads what the call gives to the kernel.
func (l *Log) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	l.open[c.Task.TID] = &entry{c.Task, emulate.See(c), l.now()}
	return emulate.Outcome{}, false
}

// Leave writes the line.
func (l *Log) Leave(c *emulate.Call, ret int64) {
	e := l.open[c.Task.TID]
	if e == nil || e.task != c.Task {
		return
	}
	delete(l.open, c.Task.TID)
	e.view.End(c, ret)
	if len(e.view.Named) == 0 && !l.All {
		return
	}
	r := record{call: c, view: e.view, ret: ret, at: l.now() - l.began, blocked: -1}
	if waited(c) {
		r.blocked = l.now() - e.at
	}
	r.end = ending(c, ret)
	l.line = append(l.line[:0], l.Prefix...)
	if l.JSON {
		l.line = r.json(l.line)
	} else {
		l.line = r.text(l.line, l.Color)
	}
	l.write(append(l.line, '\n'))
}

func (l *Log) write(line []byte) {
	if l.Live {
		l.to.Write(line)
		return
	}
	if _, err := l.w.Write(line); err != nil && l.err == nil {
		l.err = err
	}
}

// Flush writes what is kept back, and tells the first error that there was.
func (l *Log) Flush() error {
	if err := l.w.Flush(); err != nil && l.err == nil {
		l.err = err
	}
	return l.err
}

// waited tells whether the call could not be served at once. One that the kernel made as it stands, a splice with
// a file, did not have to wait.
func waited(c *emulate.Call) bool {
	w := c.Waiting()
	return len(w.On) > 0 || w.Native != nil && w.Native.Nr != c.Sys.Nr
}

// The ways in which a call ends.
const (
	returned    = "returned"    // with a result or an error
	interrupted = "interrupted" // a signal cut it short; it may be made again
	passed      = "passed"      // the kernel ran it, and nobody looked at its answer
	unfinished  = "unfinished"  // its task ended first
)

func ending(c *emulate.Call, ret int64) string {
	switch {
	case ret == emulate.Unknown && c.Blocked():
		return unfinished
	case ret == emulate.Unknown:
		return passed
	case ret <= -512 && ret >= -516:
		return interrupted
	}
	return returned
}
