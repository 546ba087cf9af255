package fault

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A pending is what is still to be done when a call's result stands.
type pending struct {
	task    *emulate.Task
	mem     emulate.Memory // the program's, behind what may stand before it
	ends    []end
	outcome emulate.Outcome
	decided bool
	makes   []*state // that are about the pipe to come
	cuts    []cut    // connections to end when their stream has come so far
	bounds  []limit  // transfers that were made short
	astray  []*state
	flips   *flips // of bytes that the kernel is to bring
	file    *emulate.File
}

// A cut is the end of a connection to come.
type cut struct {
	*state
	end end
	at  int64
}

// A limit is how much of a transfer was allowed.
type limit struct {
	*state
	n int64
}

// decide sets what the call's result is to be. The first rule has its way.
func (p *pending) decide(c *emulate.Call, o emulate.Outcome) {
	if !p.decided {
		p.outcome, p.decided = o, true
	}
	c.Also.Injected = true
}

// fire carries a rule out.
func (l *Layer) fire(s *state, c *emulate.Call, e *end, p *pending, here stream) {
	also := &c.Also
	fired := true
	switch {
	case s.retval != nil:
		p.decide(c, emulate.Outcome{Ret: *s.retval})
	case s.errno != 0:
		p.decide(c, l.failure(s.errno, c, e))
	case s.eagain > 0:
		s.storms[storm{c.Task.TID, here}] = s.eagain
		p.decide(c, emulate.Fail(unix.EAGAIN))
	case s.shortens():
		n := s.length(c, e)
		fired = n > 0 && bound(c, e, n)
		if fired {
			also.Injected = true
			p.bounds = append(p.bounds, limit{s, n})
			fired = false // that shows when it stands
		}
	case s.breaks():
		fired = l.cut(s, c, e, p, here)
	case s.corrupt >= 0:
		l.corrupt(s, c, e, p, here)
	case s.astray():
		p.astray, p.file = append(p.astray, s), e.file
		fired = false
	}
	if s.kill {
		also.Signal, also.Injected = unix.SIGKILL, true
	} else if s.signal != 0 && also.Signal != unix.SIGKILL {
		also.Signal = s.signal
	}
	if s.stall > 0 {
		l.stalled[here.channel] = l.Now() + s.stall
		also.Before, also.Delayed = max(also.Before, s.stall), true
	}
	if enter := s.enter + s.coalesce; enter+s.exit > 0 {
		also.Before, also.After, also.Delayed = also.Before+enter, also.After+s.exit, true
	}
	if fired || s.enter+s.coalesce+s.exit+s.stall > 0 || s.signal != 0 {
		s.fired++
	}
}

// failure is an error with the signal that the kernel sends along.
func (l *Layer) failure(errno unix.Errno, c *emulate.Call, e *end) emulate.Outcome {
	o := emulate.Fail(errno)
	if errno == unix.EPIPE && e.dir == Write && flags(c)&unix.MSG_NOSIGNAL == 0 && (e.file == nil || !e.file.Packets() || l.piped(c, e)) {
		return o.Raising(unix.SIGPIPE)
	}
	return o
}

// length is how many bytes a transfer is to have, 0 when there is nothing to shorten.
func (s *state) length(c *emulate.Call, e *end) int64 {
	want := wanted(c)
	there := want
	if e.dir == Read && e.file != nil {
		if n := int64(len(e.file.Ahead(int(min(want, 64<<10))))); n > 0 {
			there = n
		}
	}
	switch {
	case there < 2:
		return 0
	case s.split:
		return (there + 1) / 2
	case s.short == anyLength:
		return 1 + s.random.Int64N(there-1)
	case int64(s.short) >= want:
		return 0
	}
	return int64(s.short)
}

// cut ends a connection, now or when its stream has come to the byte that the rule names.
func (l *Layer) cut(s *state, c *emulate.Call, e *end, p *pending, here stream) bool {
	at, n := l.place[here], wanted(c)
	whole := e.file.Packets() || e.dir == Write && l.piped(c, e) && n <= pipeBuf // cannot be divided
	if !s.ranged || at >= s.bytes.from || whole {
		c.Also.Injected = true
		return l.sever(s, e)
	}
	if bound(c, e, s.bytes.from-at) {
		c.Also.Injected = true
		p.cuts = append(p.cuts, cut{s, *e, s.bytes.from})
	}
	return false
}

// sever ends a connection. A reader finds nothing any more; a writer leaves behind what it wrote.
func (l *Layer) sever(s *state, e *end) bool {
	if e.dir == Read {
		l.Kernel.Discard(e.file)
	}
	return l.Kernel.Sever(e.file, s.reset)
}
