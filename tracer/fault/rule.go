package fault

import (
	"regexp"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A Dir is the direction in which a call moves bytes, seen from the program.
type Dir uint8

// The directions.
const (
	NoDir Dir = iota
	Read
	Write
)

// A Rule says where, when and what.
type Rule struct {
	Text  string // as it was written
	From  string // where: --inject, or a file and a line
	calls map[int]bool
	named bool // each call by its own name

	// Where.
	kind    string // pipe, pair, eventfd, epoll, stdin, stdout, stderr
	channel string // pipe:3, pair:2.a
	dir     Dir
	exe     string
	pid     int
	nth     int
	ranged  bool
	bytes   stretch
	match   *regexp.Regexp

	// When.
	when, op *count
	prob     float64
	after    int64

	// What.
	errno       unix.Errno
	retval      *int64
	signal      unix.Signal
	enter, exit int64
	short       int // anyLength for a length by chance
	split       bool
	coalesce    int64
	eagain      int
	capacity    int
	sever       bool
	reset       bool
	stall       int64
	kill        bool
	corrupt     int // -1 for none
	drop        bool
	dup         bool
	reorder     bool

	unsound bool
	effects []string // the words that are effects, in their order
}

const anyLength = -1

// A stretch is a range of a stream's bytes, both ends included.
type stretch struct{ from, to int64 }

// meets tells whether one of the n bytes from at on is in the range.
func (s stretch) meets(at, n int64) bool { return at <= s.to && at+max(n, 1) > s.from }

// Random tells whether the rule leaves anything to chance.
func (r *Rule) Random() bool { return r.prob < 1 || r.short == anyLength }

// Calls are the numbers of the calls that the rule is about.
func (r *Rule) Calls() map[int]bool { return r.calls }

// Wide tells whether the rule is also about what is not emulated, so that its calls must stop everywhere.
func (r *Rule) Wide() bool {
	switch r.kind {
	case "", "stdin", "stdout", "stderr":
		return r.channel == "" && r.capacity == 0
	}
	return false
}

// shortens tells whether the rule makes a transfer end early.
func (r *Rule) shortens() bool { return r.short != 0 || r.split }

// breaks tells whether the rule ends a connection.
func (r *Rule) breaks() bool { return r.sever || r.reset }

// astray tells whether the rule is about messages on their way.
func (r *Rule) astray() bool { return r.drop || r.dup || r.reorder }

// moves tells whether the rule makes sense only for calls that move bytes through a channel.
func (r *Rule) moves() bool {
	return r.shortens() || r.coalesce > 0 || r.stall > 0 || r.eagain > 0 || r.breaks() || r.corrupt >= 0 || r.astray() || r.ranged || r.match != nil
}

// eligible tells by the call alone whether the rule can do something to it.
func (r *Rule) eligible(sys *emulate.Syscall) bool {
	dirs := dirsOf(sys)
	switch {
	case r.capacity > 0 && sys.Nr != unix.SYS_PIPE && sys.Nr != unix.SYS_PIPE2,
		r.moves() && dirs == 0,
		r.dir != NoDir && dirs&(1<<r.dir) == 0,
		(r.split || r.coalesce > 0) && dirs&(1<<Read) == 0,
		r.astray() && (dirs&(1<<Write) == 0 || !sends(sys)),
		r.corrupt >= 0 && !buffered(sys),
		r.shortens() && (sys.Nr == unix.SYS_SENDMMSG || sys.Nr == unix.SYS_RECVMMSG):
		return false
	case r.kind != "" && r.capacity == 0 && !has(sys, emulate.FD):
		return false
	case r.errno == unix.EINTR && !r.unsound && !sleeper(sys):
		return false
	case r.errno != 0 && !r.unsound && !possible(sys, r.errno):
		return false
	}
	return true
}
