// Package fault makes calls fail on purpose, as rules say. It promises that the same rules with the same seed do
// the same to the same calls, and that they do nothing which the kernel could not do, unless a rule is marked as
// unsound. It changes calls and results only as any layer can: no handler of the model knows of it.
package fault

import (
	"fmt"
	"math/rand/v2"
	"path"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A Proc tells what the kernel knows of a task.
type Proc interface {
	Exe(tid int) string
	Handles(tid int) bool
	Flags(tid, fd int) (int, bool)
	Regular(tid, fd int) bool
}

// A Config is what a layer works with.
type Config struct {
	Rules  []*Rule
	Seed   uint64
	Now    func() int64 // ns
	Kernel *emulate.Kernel
	Proc   Proc         // nil: nothing of that is known, and everything possible
	Say    func(string) // nil: nobody listens
}

// A Layer carries out rules.
type Layer struct {
	Config
	began   int64
	states  []*state
	place   map[stream]int64 // how far each stream is, where a rule asks
	tracks  bool             // some rule asks,
	passed  bool             // also of what the kernel serves
	stalled map[string]int64 // until when a channel stands still
	open    map[int]*pending // by thread
}

// A state is a rule's memory.
type state struct {
	*Rule
	counts map[counted]uint64
	ops    map[string]uint64
	storms map[storm]int
	random *rand.Rand
	seen   int // calls that it was about
	fired  int
	told   map[string]bool // why it did not
}

// counted is what when= counts by.
type counted struct{ tid, nr int }

// A storm is whom EAGAIN meets again and again.
type storm struct {
	tid int
	on  stream
}

// New makes the layer for a run.
func New(c Config) *Layer {
	l := &Layer{Config: c, began: c.Now(), place: map[stream]int64{}, stalled: map[string]int64{}, open: map[int]*pending{}}
	if l.Say == nil {
		l.Say = func(string) {}
	}
	for i, r := range c.Rules {
		l.tracks = l.tracks || r.ranged || r.breaks()
		l.passed = l.passed || r.ranged && r.Wide()
		l.states = append(l.states, &state{Rule: r, counts: map[counted]uint64{}, ops: map[string]uint64{}, storms: map[storm]int{},
			random: rand.New(rand.NewPCG(c.Seed, uint64(i))), told: map[string]bool{}})
	}
	return l
}

// Enter does to a call what the rules ask for.
func (l *Layer) Enter(c *emulate.Call) (emulate.Outcome, bool) {
	p := &pending{task: c.Task, mem: c.Mem}
	l.open[c.Task.TID] = p
	list := ends(c)
	for _, s := range l.states {
		if !s.calls[c.Sys.Nr] || !l.process(s.Rule, c) {
			continue
		}
		if s.capacity > 0 { // the pipe's name is known only when it is made
			p.makes = append(p.makes, s)
			continue
		}
		for i := range list {
			if e := &list[i]; e.is(s.Rule) && (e.dir != NoDir || !s.moves()) {
				l.consider(s, c, e, p)
				break
			}
		}
	}
	for i := range list {
		e := &list[i]
		if until := l.stalled[e.key(c)]; e.dir != NoDir && until > l.Now() {
			c.Also.Before, c.Also.Delayed = max(c.Also.Before, until-l.Now()), true
		}
	}
	if l.tracks {
		p.ends = list
		for i := range list {
			if l.passed && list[i].file == nil && list[i].dir != NoDir { // how much the kernel moves must be known
				c.Also.Hear = true
			}
		}
	}
	return p.outcome, p.decided
}

// process tells whether the rule is about the call's process.
func (l *Layer) process(r *Rule, c *emulate.Call) bool {
	if r.pid != 0 && r.pid != c.Task.TGID || r.nth != 0 && r.nth != c.Task.Nth {
		return false
	}
	if r.exe == "" || r.exe == c.Task.Name {
		return true
	}
	file := ""
	if l.Proc != nil {
		file = l.Proc.Exe(c.Task.TID)
	}
	return file != "" && (r.exe == file || r.exe == path.Base(file))
}

// consider carries a rule out on a call that it is about, if it is the turn of this one.
func (l *Layer) consider(s *state, c *emulate.Call, e *end, p *pending) {
	here := stream{e.key(c), e.dir}
	if left := s.storms[storm{c.Task.TID, here}]; left > 1 {
		s.storms[storm{c.Task.TID, here}] = left - 1
		p.decide(c, emulate.Fail(unix.EAGAIN))
		return
	} else if left == 1 { // a storm is over when a call comes through
		delete(s.storms, storm{c.Task.TID, here})
		return
	}
	if s.ranged && !s.bytes.meets(l.place[here], wanted(c)) || s.match != nil && !s.match.Match(payload(c, e)) {
		return
	}
	if !l.due(s, counted{c.Task.TID, c.Sys.Nr}, here.channel) {
		return
	}
	if why := l.can(s.Rule, c, e); why != "" {
		l.tell(s, c, why)
		return
	}
	if why := l.may(s.Rule, c, e); why != "" && !s.unsound {
		l.tell(s, c, why+" (:unsound does it all the same)")
		return
	}
	l.fire(s, c, e, p, here)
}

// due counts a call and tells whether it is one that the rule counts on.
func (l *Layer) due(s *state, by counted, channel string) bool {
	s.seen++
	s.counts[by]++
	s.ops[channel]++
	return s.when.meets(s.counts[by]) && s.op.meets(s.ops[channel]) && l.Now()-l.began >= s.after &&
		(s.prob >= 1 || s.random.Float64() < s.prob)
}

// tell says once why a rule does nothing.
func (l *Layer) tell(s *state, c *emulate.Call, why string) {
	if !s.told[why] {
		s.told[why] = true
		l.Say(fmt.Sprintf("the rule %q was not carried out on %s by %s: %s", s.Text, c.Sys.Name, who(c), why))
	}
}

// Finish reports the rules that never fired.
func (l *Layer) Finish() {
	for _, s := range l.states {
		switch {
		case s.fired > 0:
		case s.seen == 0:
			l.Say(fmt.Sprintf("the rule %q never fired: it met no call that it is about", s.Text))
		case len(s.told) > 0:
			l.Say(fmt.Sprintf("the rule %q never fired: of the calls that it is about (%d) it could be carried out on none whose turn it was", s.Text, s.seen))
		default:
			l.Say(fmt.Sprintf("the rule %q never fired: the calls that it is about (%d) gave no occasion", s.Text, s.seen))
		}
	}
}
