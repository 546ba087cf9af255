package main

import (
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	slots  = 24
	actors = 6
)

// kinds are the objects under test, as --only names them.
var kinds = []string{"pipe", "stream", "seqpacket", "dgram", "eventfd", "epoll"}

// An object is what the generator believes of one. It need not be right: calls that fail are compared too. It only
// makes most calls meaningful, and few of them block for ever.
type object struct {
	kind   string
	id     int64
	queued [2]int64 // by the side that reads it
	room   int64
	packet bool

	carries, carried bool // sockets lie in its messages, it lies in one
}

// An end is an open file: a side of an object.
type end struct {
	*object
	side     int // pipes: 0 reads, 1 writes
	nonblock *bool
}

// A proc is a process's slots.
type proc struct {
	slot    [slots]*end
	cloexec [slots]bool
	members int
}

// A player is an actor.
type player struct {
	*proc
	n      int
	first  bool // of its process
	asleep *end // likely
	since  int  // the step it fell asleep in
}

type gen struct {
	*rand.Rand
	only    string
	steps   prog
	players []*player
	objects int64
	urgent  bool // bytes out of band: their counting is a known quirk of Linux
	limited bool // some socket has a time limit
	prefer  bool // O_NONBLOCK
	at      *player
}

// generate makes the program of a seed.
func generate(seed, number uint64, only string, size int) prog {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, number)), only: only}
	if only == "mixed" {
		g.only = kinds[g.IntN(len(kinds))]
	}
	g.prefer = g.chance(50)
	g.at = &player{proc: &proc{members: 1}, first: true}
	g.players = []*player{g.at}
	// A pipe or a pair comes first: an epoll that is older, and shared, is left to the kernel with all its members, and then
	// little of the model is seen (and a message that was read in part is smaller for SIOCOUTQ than it was).
	if g.only == "eventfd" || g.only == "epoll" {
		g.made("pipe")
	} else {
		g.made(g.only)
	}
	for range g.IntN(3) {
		g.make()
	}
	crew := g.pick(0, 0, 0, 1, 1, 2, 3)
	for range crew {
		g.spawn()
	}
	for len(g.steps) < size {
		g.step()
	}
	// What is left in the objects and descriptors is compared too, and then drained.
	drain := int64(1)
	if g.urgent {
		drain = 3
	}
	g.at = g.players[0]
	g.add("state", drain&^1)
	for _, p := range g.players[1:] {
		g.add("kill", int64(p.n), int64(unix.SIGUSR1)).mark(multi)
	}
	for _, p := range g.players {
		if p.first && p.members > 0 {
			g.at = p
			g.add("state", drain).mark(big)
		}
	}
	return g.steps
}

func (g *gen) chance(percent int) bool  { return g.IntN(100) < percent }
func (g *gen) pick(of ...int64) int64   { return of[g.IntN(len(of))] }
func (g *gen) word(of ...string) string { return of[g.IntN(len(of))] }
func (g *gen) bits(of ...int64) (v int64) {
	for _, b := range of {
		if g.chance(20) {
			v |= b
		}
	}
	return v
}

func (g *gen) add(name string, args ...int64) *step {
	g.steps = append(g.steps, makeStep(g.at.n, name, args...))
	return &g.steps[len(g.steps)-1]
}

func (s *step) mark(flags int64) { s[0] |= flags << 16 }

// make makes a new object, most often of the kind that the program is about.
func (g *gen) make() {
	kind := g.only
	if g.chance(25) || kind == "epoll" && g.chance(50) {
		kind = g.word("pipe", "stream", "seqpacket", "dgram", "eventfd", "epoll")
	}
	g.made(kind)
}

func (g *gen) made(kind string) {
	s := int64(g.free())
	flags := g.bits(unix.O_CLOEXEC)
	nonblock := g.prefer != g.chance(15)
	if nonblock {
		flags |= unix.O_NONBLOCK
	}
	bad := int64(0)
	if g.chance(2) && len(g.steps) > 0 {
		bad = g.pick(1, 2, 3, 4)
	}
	o := &object{kind: kind, id: g.objects, room: 60000}
	switch kind {
	case "pipe":
		if o.packet = g.chance(20); o.packet {
			flags |= unix.O_DIRECT
		}
		if g.chance(2) && len(g.steps) > 0 {
			flags |= g.pick(1, 0x80, 0x10000000)
		}
		g.add("pipe2", s, flags, bad)
	case "eventfd":
		g.add("eventfd2", s, g.pick(0, 0, 1, 5, 0xffffffff), flags|g.bits(unix.EFD_SEMAPHORE, unix.EFD_SEMAPHORE))
		bad = 0
	case "epoll":
		g.add("epoll_create1", s, flags&unix.O_CLOEXEC|g.bits()|g.pick(0, 0, 0, 0, 0, 0, 0, 1))
		bad = 0
	default:
		typ := map[string]int64{"stream": unix.SOCK_STREAM, "seqpacket": unix.SOCK_SEQPACKET, "dgram": unix.SOCK_DGRAM}[kind]
		o.room = 120000
		domain, proto := int64(unix.AF_UNIX), int64(0)
		if g.chance(2) && len(g.steps) > 0 {
			domain, proto, typ = g.pick(1, 1, 2, 16), g.pick(0, 1, 5), g.pick(typ, 3, 4, 7)
			if domain != 1 || proto > 1 {
				bad = 1
			}
		}
		g.add("socketpair", s, typ|flags, proto, domain, bad)
	}
	if bad != 0 {
		return
	}
	g.objects++
	sides := 2
	if kind == "eventfd" || kind == "epoll" {
		sides = 1
	}
	for i := range sides {
		nb := nonblock
		g.at.slot[int(s)+i] = &end{o, i, &nb}
		g.at.cloexec[int(s)+i] = flags&unix.O_CLOEXEC != 0
	}
}

// free finds two slots in a row, empty ones if there are any.
func (g *gen) free() int {
	for range 6 {
		s := g.IntN(slots/2) * 2
		if g.at.slot[s] == nil && g.at.slot[s+1] == nil {
			return s
		}
	}
	return g.IntN(slots/2) * 2
}

// spawn makes an actor.
func (g *gen) spawn() {
	if len(g.players) == actors {
		return
	}
	p := &player{n: len(g.players)}
	if g.chance(55) {
		p.proc, p.first = &proc{slot: g.at.slot, cloexec: g.at.cloexec, members: 1}, true
		g.add("fork", int64(p.n))
	} else {
		p.proc = g.at.proc
		p.members++
		g.add("thread", int64(p.n))
	}
	g.players = append(g.players, p)
}

// some picks a slot that names an open end, of the wanted kinds if any are given.
func (g *gen) some(kinds ...string) (int64, *end) {
	var have []int
	for i, e := range g.at.slot {
		if e != nil && (len(kinds) == 0 || slices.Contains(kinds, e.kind)) {
			have = append(have, i)
			if e.kind == g.only {
				have = append(have, i, i)
			}
		}
	}
	if len(have) == 0 {
		return int64(g.IntN(slots)), nil
	}
	s := have[g.IntN(len(have))]
	return int64(s), g.at.slot[s]
}

// any is a slot, now and then one that names nothing or something else.
func (g *gen) any() (int64, *end) {
	if g.chance(3) {
		return g.pick(100, 101, 102, int64(g.IntN(slots))), nil
	}
	return g.some()
}

// step makes the next one.
func (g *gen) step() {
	var awake []*player
	for _, p := range g.players {
		if p.asleep != nil && len(g.steps)-p.since > 12 {
			p.asleep = nil // who knows
		}
		if p.members > 0 && p.asleep == nil {
			awake = append(awake, p)
		}
	}
	if len(awake) == 0 {
		g.players[0].asleep = nil
		awake = g.players[:1]
	}
	g.at = awake[g.IntN(len(awake))]
	// Somebody sleeps: often do something about it.
	if p := g.sleeper(); p != nil && g.chance(35) {
		if g.chance(25) {
			g.add("kill", int64(p.n), g.pick(int64(unix.SIGUSR1), int64(unix.SIGUSR2)))
			return
		}
		for i, e := range g.at.slot {
			if e != nil && e.object == p.asleep.object {
				g.data(int64(i), e)
				p.asleep = nil
				return
			}
		}
	}
	switch n := g.IntN(100); {
	case n < 4:
		g.make()
	case n < 6 && len(g.players) > 1:
		g.tasks()
	case n < 13:
		g.descriptor()
	case n < 20:
		g.setting()
	case n < 27:
		g.poll()
	case n < 30 || g.only == "epoll" && n < 70:
		g.epoll()
	case n < 32 && !g.urgent && len(g.players) > 1:
		g.tasks()
	case n < 33:
		g.add("state", 2)
	case n < 39 && g.only == "pipe" || n < 35:
		g.splice()
	default:
		s, e := g.any()
		g.data(s, e)
	}
}

func (g *gen) sleeper() *player {
	for _, p := range g.players {
		if p.asleep != nil && p.members > 0 {
			return p
		}
	}
	return nil
}

// sleeps marks a step that may block.
func (g *gen) sleeps(s *step, e *end, lock int64) {
	all := int64(0)
	if e != nil {
		all = 1 << (e.id % 47)
	} else {
		all = 1<<47 - 1
	}
	s[key] = lock | all<<16
	if g.limited {
		s.mark(timed)
	}
}
