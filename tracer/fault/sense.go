package fault

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What can be said about a rule before the program starts: that it does nothing, contradicts itself, or asks for
// what no kernel does.

// sense refuses rules without any.
func (p *parser) sense() error {
	r := p.rule
	switch n := len(r.effects); {
	case n == 0:
		return p.fail(len(p.text), "the rule does nothing to the calls that it names; add error=E, short=N, delay_enter=T or another")
	case r.retval != nil && r.errno != 0:
		return p.fail(0, "a call has either a result or an error")
	case (r.retval != nil || r.errno != 0 || r.eagain > 0) && (r.shortens() || r.corrupt >= 0 || r.breaks() || r.astray() || r.kill || r.capacity > 0),
		r.eagain > 0 && (r.errno != 0 || r.retval != nil),
		r.capacity > 0 && n > 1,
		r.sever && r.reset, r.short != 0 && r.split,
		r.kill && n > 1:
		return p.fail(0, "%s cannot go together", strings.Join(r.effects, " and "))
	case r.reset && r.kind == "pipe":
		return p.fail(0, "a pipe knows no reset; say close")
	case r.channel != "" && r.capacity == 0 && strings.HasPrefix(r.kind, "std"):
		return p.fail(0, "%s has no number", r.kind)
	}
	if err := p.sound(); err != nil {
		return err
	}
	for _, sys := range emulate.Table {
		if !r.calls[sys.Nr] || r.eligible(sys) {
			continue
		}
		if r.named {
			return p.fail(0, "%s cannot befall %s", strings.Join(r.effects, " and "), sys.Name)
		}
		delete(r.calls, sys.Nr)
	}
	if len(r.calls) == 0 {
		return p.fail(0, "%s can befall none of the calls that the rule names", strings.Join(r.effects, " and "))
	}
	return nil
}

// sound refuses what the kernel never does, unless that is what is wanted.
func (p *parser) sound() error {
	r := p.rule
	if r.unsound {
		return nil
	}
	refuse := func(why string) error {
		return p.fail(0, "%s; add :unsound to have it all the same", why)
	}
	switch {
	case r.retval != nil:
		return refuse("retval makes up the result of a call that is not made, which no kernel does")
	case r.corrupt >= 0:
		return refuse("the kernel changes no byte in a pipe or a socketpair")
	case r.astray():
		return refuse("AF_UNIX datagrams are neither lost nor repeated nor put in another order (unix(7))")
	case r.capacity > 0 && !slices.Contains([]int{1, 2, 4, 8, 16}, r.capacity):
		return refuse("a new pipe has 1, 2, 4, 8 or 16 slots (fs.pipe-max-size, pipe(7))")
	case r.errno == unix.EINTR || r.errno == 0 || !r.named:
		return nil
	}
	for _, sys := range emulate.Table {
		switch {
		case !r.calls[sys.Nr] || possible(sys, r.errno):
		case sys.Nr == unix.SYS_CLOSE:
			return refuse("close gives the descriptor back whatever it answers (close(2)), and sluice does not when it fails")
		default:
			return refuse(sys.Name + " does not fail with " + unix.ErrnoName(r.errno) + " when everything about it is right")
		}
	}
	return nil
}
