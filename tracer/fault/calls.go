package fault

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What the table of calls tells about each, so that no call has code of its own here.

// classes are sets of calls, named as strace(1) names them where it has the same.
var classes = map[string]func(*emulate.Syscall) bool{
	"%desc": func(s *emulate.Syscall) bool {
		return has(s, emulate.FD, emulate.FDPair, emulate.PollFDs, emulate.FDSet, emulate.DirFD)
	},
	"%file": func(s *emulate.Syscall) bool { return has(s, emulate.Path) },
	"%net": func(s *emulate.Syscall) bool {
		return has(s, emulate.MsgFlags, emulate.SockDomain, emulate.SockLevel, emulate.ShutHow, emulate.Sockaddr)
	},
	"%process": func(s *emulate.Syscall) bool {
		switch s.Nr {
		case unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_FORK, unix.SYS_VFORK:
			return true
		}
		return false
	},
	"%read":  func(s *emulate.Syscall) bool { return dirsOf(s)&(1<<Read) != 0 },
	"%write": func(s *emulate.Syscall) bool { return dirsOf(s)&(1<<Write) != 0 },
	"%wait":  waits,
}

// Calls are the words of which a rule's set is made.
func Calls() []string {
	out := []string{"all"}
	for _, s := range emulate.Table {
		out = append(out, s.Name)
	}
	return append(out, "%desc", "%file", "%net", "%network", "%process", "%read", "%write", "%wait")
}

// parseSet reads a comma list of names, classes and /expressions/; an exclamation mark before it means all others.
func (p *parser) parseSet(s string, at int) (set map[int]bool, named bool, err error) {
	set, named = map[int]bool{}, true
	body, others := strings.CutPrefix(s, "!")
	if others {
		at++
		named = false
	}
	for _, word := range strings.Split(body, ",") {
		pick, e := p.pick(word, at)
		if e != nil {
			return nil, false, e
		}
		n := 0
		for _, sys := range emulate.Table {
			if pick(sys) {
				set[sys.Nr] = true
				n++
			}
		}
		if n == 0 {
			return nil, false, p.fail(at, "%q is none of the calls that sluice sees", word)
		}
		named = named && n == 1
		at += len(word) + 1
	}
	if others {
		for _, sys := range emulate.Table {
			if set[sys.Nr] = !set[sys.Nr]; !set[sys.Nr] {
				delete(set, sys.Nr)
			}
		}
	}
	return set, named, nil
}

func (p *parser) pick(word string, at int) (func(*emulate.Syscall) bool, error) {
	switch class := classes[strings.Replace(word, "%network", "%net", 1)]; {
	case word == "all":
		return func(*emulate.Syscall) bool { return true }, nil
	case class != nil:
		return class, nil
	case strings.HasPrefix(word, "/"):
		re, err := regexp.Compile(strings.TrimSuffix(word[1:], "/"))
		if err != nil {
			return nil, p.fail(at, "%v", err)
		}
		return func(s *emulate.Syscall) bool { return re.MatchString(s.Name) }, nil
	}
	for _, sys := range emulate.Table {
		if sys.Name == word {
			return func(s *emulate.Syscall) bool { return s == sys }, nil
		}
	}
	if word == "" {
		return nil, p.fail(at, "the name of a call is missing")
	}
	if strings.HasPrefix(word, "%") {
		return nil, p.unknown(at, "class", word, Calls())
	}
	return nil, p.unknown(at, "call", word, Calls())
}

func has(s *emulate.Syscall, kinds ...emulate.ArgKind) bool { return index(s, kinds...) >= 0 }

// index is the first argument of one of the kinds, -1 if there is none.
func index(s *emulate.Syscall, kinds ...emulate.ArgKind) int {
	for i, a := range s.Args {
		for _, k := range kinds {
			if a.Kind == k {
				return i
			}
		}
	}
	return -1
}

// dirsOf are the directions in which a call can move bytes, as bits.
func dirsOf(s *emulate.Syscall) (dirs uint8) {
	for i := range s.Args {
		dirs |= 1 << dirOf(s, i, nil)
	}
	return dirs &^ (1 << NoDir)
}

// dirOf is the direction in which a call moves bytes through the descriptor that is its argument i. f is the emulated
// file there, if there is one.
func dirOf(s *emulate.Syscall, i int, f *emulate.File) Dir {
	if s.Args[i].Kind != emulate.FD {
		return NoDir
	}
	switch {
	case has(s, emulate.BufOut, emulate.IovOut, emulate.MsgOut, emulate.MMsgOut):
		return Read
	case s.Nr == unix.SYS_VMSPLICE && f != nil && f.End() == "read":
		return Read
	case has(s, emulate.BufIn, emulate.IovIn, emulate.MsgIn, emulate.MMsgIn):
		return Write
	}
	if size := index(s, emulate.Uint); size > 0 && s.Args[0].Kind == emulate.FD { // from one descriptor to the other
		if strings.Contains(s.Args[i].Name, "out") {
			return Write
		}
		if strings.Contains(s.Args[i].Name, "in") {
			return Read
		}
	}
	return NoDir
}

// buffered tells whether a call's bytes lie in buffers that its arguments lead to.
func buffered(s *emulate.Syscall) bool {
	return has(s, emulate.BufIn, emulate.BufOut, emulate.IovIn, emulate.IovOut, emulate.MsgIn, emulate.MsgOut) && s.Nr != unix.SYS_VMSPLICE
}

// sends tells whether a call sends one message.
func sends(s *emulate.Syscall) bool {
	return has(s, emulate.BufIn, emulate.IovIn, emulate.MsgIn) && s.Nr != unix.SYS_VMSPLICE
}

// waits tells whether a call waits for descriptors.
func waits(s *emulate.Syscall) bool { return has(s, emulate.PollFDs, emulate.FDSet, emulate.EpEvents) }

// sleeper tells whether a signal can end a call with EINTR: signal(7).
func sleeper(s *emulate.Syscall) bool {
	return dirsOf(s) != 0 || waits(s) || s.Nr == unix.SYS_CONNECT || has(s, emulate.Path)
}

// errnoNamed finds an error by its name or number.
func errnoNamed(word string) unix.Errno {
	var n int
	if _, err := fmt.Sscanf(word, "%d", &n); err == nil && n > 0 && n < 4096 {
		return unix.Errno(n)
	}
	for e := unix.Errno(1); e < 134; e++ {
		if unix.ErrnoName(e) == word {
			return e
		}
	}
	if word == "EWOULDBLOCK" {
		return unix.EAGAIN
	}
	return 0
}

// errnoNames lists them, for the nearest one.
func errnoNames() (out []string) {
	for e := unix.Errno(1); e < 134; e++ {
		if n := unix.ErrnoName(e); n != "" {
			out = append(out, n)
		}
	}
	return out
}
