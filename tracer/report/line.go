package report

import (
	"strconv"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A record is what a line tells about one call.
type record struct {
	call    *emulate.Call
	view    *emulate.View
	ret     int64
	at      int64  // when its result stood, ns since the log began
	blocked int64  // ns between its trap and its result if it had to wait, else -1
	end     string // returned, interrupted, passed, unfinished
}

// The colours of a terminal.
const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// text appends the record as a line of the kind strace writes:
//
//	0.001234 sort[4711] read(0<pipe:1>, "1\n2\n", 4096) = 4 <blocked 1.203ms>
func (r *record) text(b []byte, color bool) []byte {
	paint := func(b []byte, c string) []byte {
		if color {
			b = append(b, c...)
		}
		return b
	}
	b = paint(b, dim)
	b = appendSeconds(b, r.at)
	b = append(b, ' ')
	b = appendTask(b, r.call.Task)
	b = append(paint(b, plain), ' ')
	b = append(b, r.call.Sys.Name...)
	b = append(b, '(')
	for i, a := range r.view.Args {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, a.Text...)
	}
	b = append(b, ") = "...)
	if r.ret < 0 {
		b = paint(b, red)
	}
	b = r.appendResult(b)
	if r.ret < 0 {
		b = paint(b, plain)
	}
	if r.call.Also.Injected { // as strace has it
		b = append(b, " (INJECTED)"...)
	}
	if r.call.Also.Delayed {
		b = append(b, " (DELAYED)"...)
	}
	if r.blocked >= 0 {
		b = paint(b, yellow)
		b = append(b, " <blocked "...)
		b = appendDuration(b, r.blocked)
		b = append(b, '>')
		b = paint(b, plain)
	}
	return b
}

func (r *record) appendResult(b []byte) []byte {
	switch r.end {
	case passed:
		return append(b, '?')
	case unfinished:
		return append(b, "? <unfinished>"...)
	case interrupted:
		b = append(b, "? "...)
		b = append(b, errnoName(-r.ret)...)
		return append(b, " (interrupted by a signal)"...)
	}
	if r.ret >= 0 || r.ret < -4095 {
		return append(b, r.view.Result(r.ret)...)
	}
	b = append(b, "-1 "...)
	b = append(b, errnoName(-r.ret)...)
	b = append(b, " ("...)
	b = append(b, unix.Errno(-r.ret).Error()...)
	return append(b, ')')
}

// errnoName also knows what the kernel says to itself of an interrupted call (include/linux/errno.h).
func errnoName(n int64) string {
	switch n {
	case 512:
		return "ERESTARTSYS"
	case 513:
		return "ERESTARTNOINTR"
	case 514:
		return "ERESTARTNOHAND"
	case 516:
		return "ERESTART_RESTARTBLOCK"
	}
	if s := unix.ErrnoName(unix.Errno(n)); s != "" {
		return s
	}
	return "errno " + strconv.FormatInt(n, 10)
}

// appendTask appends comm[pid], or comm[pid/tid] for a thread.
func appendTask(b []byte, t *emulate.Task) []byte {
	b = append(b, t.Name...)
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(t.TGID), 10)
	if t.TID != t.TGID {
		b = append(b, '/')
		b = strconv.AppendInt(b, int64(t.TID), 10)
	}
	return append(b, ']')
}

// appendSeconds appends a time with microseconds.
func appendSeconds(b []byte, ns int64) []byte {
	b = strconv.AppendInt(b, ns/1e9, 10)
	micros := strconv.FormatInt(1e6+ns%1e9/1e3, 10)
	b = append(b, '.')
	return append(b, micros[1:]...)
}

// appendDuration appends a time with three decimals in the unit that suits it.
func appendDuration(b []byte, ns int64) []byte {
	unit, per := "µs", 1e3
	switch {
	case ns == 0:
		return append(b, '0')
	case ns >= 1e9:
		unit, per = "s", 1e9
	case ns >= 1e6:
		unit, per = "ms", 1e6
	}
	b = strconv.AppendFloat(b, float64(ns)/per, 'f', 3, 64)
	return append(b, unit...)
}
