package emulate_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Most rules are told as a short play, one call a line and what it must come to behind "=":
//
//	pipe r w [FLAG ...]      pair x y TYPE      epoll e      dup FD NEW
//	eventfd e COUNT [FLAG ...]                  add e NUMBER ...           take e
//	write FD N|"text"        read FD N          send and recv alike, with MSG_ flags
//	poll FD                  inq FD   outq FD   atmark FD
//	size FD N                setfl FD FLAG ...  option FD NAME VALUE   timeo FD NAME MS
//	error FD                 shutdown FD HOW    close FD
//	watch e FD EVENT ...     rewatch            unwatch e FD           wait e MS, wait1 e MS
//	pollwait FD EVENT MS     sleep MS
//
// A line that begins with "B: " is another thread's. "B" alone asks what came of its call, "B interrupt [restart]"
// sends it a signal. A write of N bytes repeats one letter. What a call is not asked for may be anything but a
// failure. Every play is played twice: by the model, and by threads of this process on the real kernel.
type stage struct {
	t        *testing.T
	w        world
	last     map[string]act
	fds      map[string]int
	counters map[int]bool // the eventfds
}

// A world is where calls are made.
type world interface {
	// lay puts bytes into memory, bytes reads them.
	lay(b []byte) uint64
	bytes(addr uint64, n int) []byte
	// begin makes a call; it may not have ended.
	begin(who string, nr int, args ...uint64) act
	interrupt(who string, restart bool)
	sleep(ms int)
	log() string
}

// An act is one call. want tells what it is expected to be, for a world in which that takes time to show.
type act interface {
	nr() int
	arg(i int) uint64
	result(want string) (ret int64, sig unix.Signal, ended bool)
}

func (s *stage) perform(script string) {
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line = strings.TrimSpace(line)
		do, want, asked := strings.Cut(line, " = ")
		got := s.line(do, want)
		if _, real := s.w.(*realWorld); real {
			want = strings.TrimSuffix(want, " SIGPIPE") // nobody is there to see it
		}
		if asked && got != want || !asked && (strings.HasPrefix(got, "E") || got == "blocked") {
			s.t.Errorf("line %d: %s: got %s\n%s", i+1, line, got, s.w.log())
			return
		}
	}
}

func (s *stage) line(line, want string) string {
	who := "A"
	if len(line) > 1 && line[1] == ':' {
		who, line = line[:1], strings.TrimSpace(line[2:])
	}
	words := strings.Fields(line)
	switch {
	case words[0] == "race":
		return ""
	case words[0] == "sleep":
		s.w.sleep(s.number(words[1]))
		return ""
	case len(words[0]) == 1:
		if len(words) > 1 {
			s.w.interrupt(words[0], len(words) > 2)
		}
		return s.show(s.last[words[0]], want)
	}
	a := s.call(who, words)
	s.last[who] = a
	return s.show(a, want)
}

// show is what came of a call: short texts are shown, and events, and the numbers of ioctls.
func (s *stage) show(a act, want string) string {
	ret, sig, ended := a.result(want)
	switch {
	case !ended:
		return "blocked"
	case sig != 0:
		return text(ret) + " " + unix.SignalName(sig)
	case ret < 0:
		return text(ret)
	}
	switch a.nr() {
	case unix.SYS_READ, unix.SYS_RECVFROM:
		if ret == 8 && s.counters[int(a.arg(0))] {
			return strconv.FormatUint(binary.LittleEndian.Uint64(s.w.bytes(a.arg(1), 8)), 10)
		}
		if ret > 0 && ret < 16 && uint64(ret) <= a.arg(2) {
			return strconv.Quote(string(s.w.bytes(a.arg(1), int(ret))))
		}
	case unix.SYS_POLL:
		return eventNames(uint32(binary.LittleEndian.Uint16(s.w.bytes(a.arg(0)+6, 2))))
	case unix.SYS_EPOLL_WAIT:
		var out []string
		for b := s.w.bytes(a.arg(1), 12*int(ret)); len(b) > 0; b = b[12:] {
			out = append(out, string(b[4])+":"+eventNames(binary.LittleEndian.Uint32(b)))
		}
		if out == nil {
			return "nothing"
		}
		return strings.Join(out, " ")
	case unix.SYS_IOCTL, unix.SYS_GETSOCKOPT:
		n := int64(binary.LittleEndian.Uint32(s.w.bytes(a.arg(a.nr()/unix.SYS_GETSOCKOPT+2), 4)))
		if a.nr() == unix.SYS_GETSOCKOPT {
			n = -n
		}
		return text(n)
	}
	return text(ret)
}

func (s *stage) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// two makes two descriptors and gives them names.
func (s *stage) two(who string, words []string, at int, nr int, args ...uint64) act {
	args[at] = s.w.lay(make([]byte, 8))
	a := s.w.begin(who, nr, args...)
	b := s.w.bytes(args[at], 8)
	s.fds[words[1]], s.fds[words[2]] = int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	return a
}

func (s *stage) call(who string, words []string) act {
	fd := func(i int) uint64 {
		n, ok := s.fds[words[i]]
		if !ok {
			s.t.Fatalf("no descriptor %q in %q", words[i], words)
		}
		return uint64(n)
	}
	num := func(i int) uint64 { return uint64(s.number(words[i])) }
	data := func(i int) []byte {
		if text, quoted := strings.CutPrefix(words[i], `"`); quoted {
			return []byte(strings.TrimSuffix(text, `"`))
		}
		return []byte(strings.Repeat("z", s.number(words[i])))
	}
	bits := func(i int) (n uint64) {
		for ; i < len(words); i++ {
			n |= s.bit(words[i])
		}
		return n
	}
	word := func(n uint64) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	ioctl := func(cmd uint64) act { return s.w.begin(who, unix.SYS_IOCTL, fd(1), cmd, s.w.lay(make([]byte, 4))) }
	poll := func(events, ms uint64) act {
		return s.w.begin(who, unix.SYS_POLL, s.w.lay(append(word(fd(1)), word(events)...)), 1, ms)
	}
	options := func(name, n uint64, value []byte) act {
		return s.w.begin(who, unix.SYS_SETSOCKOPT, fd(1), unix.SOL_SOCKET, name, s.w.lay(value), n)
	}
	switch words[0] {
	case "pipe":
		return s.two(who, words, 0, unix.SYS_PIPE2, 0, bits(3))
	case "pair":
		return s.two(who, words, 3, unix.SYS_SOCKETPAIR, unix.AF_UNIX, bits(3), 0, 0)
	case "epoll", "dup":
		a := s.w.begin(who, unix.SYS_EPOLL_CREATE1, 0)
		if words[0] == "dup" {
			a = s.w.begin(who, unix.SYS_DUP, fd(1))
		}
		ret, _, _ := a.result("")
		s.fds[words[len(words)-1]] = int(ret)
		return a
	case "eventfd":
		a := s.w.begin(who, unix.SYS_EVENTFD2, num(2), bits(3))
		ret, _, _ := a.result("")
		s.fds[words[1]], s.counters[int(ret)] = int(ret), true
		return a
	case "add": // several numbers are a writev
		var b, iov []byte
		for _, word := range words[2:] {
			n, _ := strconv.ParseUint(word, 10, 64)
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		at := s.w.lay(b)
		if len(b) == 8 {
			return s.w.begin(who, unix.SYS_WRITE, fd(1), at, 8)
		}
		for i := 0; i < len(b); i += 8 {
			iov = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(iov, at+uint64(i)), 8)
		}
		return s.w.begin(who, unix.SYS_WRITEV, fd(1), s.w.lay(iov), uint64(len(b)/8))
	case "take":
		return s.w.begin(who, unix.SYS_READ, fd(1), s.w.lay(make([]byte, 8)), 8)
	case "write":
		return s.w.begin(who, unix.SYS_WRITE, fd(1), s.w.lay(data(2)), uint64(len(data(2))))
	case "read":
		return s.w.begin(who, unix.SYS_READ, fd(1), s.w.lay(make([]byte, num(2))), num(2))
	case "send":
		return s.w.begin(who, unix.SYS_SENDTO, fd(1), s.w.lay(data(2)), uint64(len(data(2))), bits(3), 0, 0)
	case "recv":
		return s.w.begin(who, unix.SYS_RECVFROM, fd(1), s.w.lay(make([]byte, num(2))), num(2), bits(3), 0, 0)
	case "poll":
		return poll(unix.POLLIN|unix.POLLOUT|unix.POLLPRI|unix.POLLRDHUP, 0)
	case "pollwait":
		return poll(s.bit(words[2]), num(3))
	case "inq":
		return ioctl(unix.TIOCINQ)
	case "outq":
		return ioctl(unix.TIOCOUTQ)
	case "atmark":
		return ioctl(siocatmark)
	case "size":
		return s.w.begin(who, unix.SYS_FCNTL, fd(1), unix.F_SETPIPE_SZ, num(2))
	case "setfl":
		return s.w.begin(who, unix.SYS_FCNTL, fd(1), unix.F_SETFL, bits(2))
	case "option":
		return options(s.bit(words[2]), 4, word(num(3)))
	case "timeo":
		ms := int64(num(3))
		b := binary.LittleEndian.AppendUint64(nil, uint64(ms/1000))
		return options(s.bit(words[2]), 16, binary.LittleEndian.AppendUint64(b, uint64(ms%1000*1000)))
	case "error":
		at := s.w.lay(append(word(0), word(4)...))
		return s.w.begin(who, unix.SYS_GETSOCKOPT, fd(1), unix.SOL_SOCKET, unix.SO_ERROR, at, at+4)
	case "shutdown":
		return s.w.begin(who, unix.SYS_SHUTDOWN, fd(1), s.bit(words[2]))
	case "close":
		return s.w.begin(who, unix.SYS_CLOSE, fd(1))
	case "watch", "rewatch", "unwatch":
		op := map[string]uint64{"watch": unix.EPOLL_CTL_ADD, "rewatch": unix.EPOLL_CTL_MOD, "unwatch": unix.EPOLL_CTL_DEL}
		event := append(word(bits(3)), words[2][0], 0, 0, 0, 0, 0, 0, 0) // its data is its name
		return s.w.begin(who, unix.SYS_EPOLL_CTL, fd(1), op[words[0]], fd(2), s.w.lay(event))
	case "wait", "wait1":
		most := 8
		if words[0] == "wait1" {
			most = 1
		}
		return s.w.begin(who, unix.SYS_EPOLL_WAIT, fd(1), s.w.lay(make([]byte, 12*most)), uint64(most), num(2))
	}
	s.t.Fatalf("what is %q?", words[0])
	return nil
}

var names = map[string]uint64{"STREAM": unix.SOCK_STREAM, "DGRAM": unix.SOCK_DGRAM, "SEQPACKET": unix.SOCK_SEQPACKET,
	"NONBLOCK": unix.O_NONBLOCK, "DIRECT": unix.O_DIRECT, "SEMAPHORE": unix.EFD_SEMAPHORE, "ASYNC": unix.O_ASYNC, "0": 0,
	"OOB": unix.MSG_OOB, "PEEK": unix.MSG_PEEK, "TRUNC": unix.MSG_TRUNC, "WAITALL": unix.MSG_WAITALL,
	"DONTWAIT": unix.MSG_DONTWAIT, "NOSIGNAL": unix.MSG_NOSIGNAL,
	"SNDBUF": unix.SO_SNDBUF, "RCVLOWAT": unix.SO_RCVLOWAT, "PEEK_OFF": unix.SO_PEEK_OFF, "OOBINLINE": unix.SO_OOBINLINE,
	"RCVTIMEO": unix.SO_RCVTIMEO, "SNDTIMEO": unix.SO_SNDTIMEO, "RD": unix.SHUT_RD, "WR": unix.SHUT_WR, "RDWR": unix.SHUT_RDWR,
	"IN": unix.EPOLLIN, "OUT": unix.EPOLLOUT, "PRI": unix.EPOLLPRI, "RDHUP": unix.EPOLLRDHUP, "HUP": unix.EPOLLHUP,
	"ERR": unix.EPOLLERR, "ET": 1 << 31, "ONESHOT": unix.EPOLLONESHOT, "EXCLUSIVE": unix.EPOLLEXCLUSIVE}

func (s *stage) bit(name string) uint64 {
	n, ok := names[name]
	if !ok {
		s.t.Fatalf("what is %q?", name)
	}
	return n
}

func eventNames(e uint32) string {
	var out []string
	for _, name := range []string{"IN", "PRI", "OUT", "ERR", "HUP", "RDHUP"} {
		if uint64(e)&names[name] != 0 {
			out = append(out, name)
		}
	}
	if out == nil {
		return "0"
	}
	return strings.Join(out, "|")
}

// A rule is a play with a name. Whether a play is the same at each run of the kernel its first line tells: one that
// begins with "race" has several threads woken at once, and the first of them is not always the model's.
type rule struct{ name, script string }

func plays(t *testing.T, rules []rule) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			s := &stage{t: t, w: newModelWorld(), last: map[string]act{}, fds: map[string]int{}, counters: map[int]bool{}}
			s.perform(r.script)
		})
		// What hangs on the clock or on the scheduler is not played in the real world.
		if !strings.Contains(r.script, "sleep") && !strings.Contains(r.script, "race\n") {
			t.Run(r.name+", really", func(t *testing.T) {
				t.Parallel()
				w := newRealWorld(t)
				defer w.end()
				s := &stage{t: t, w: w, last: map[string]act{}, fds: map[string]int{}, counters: map[int]bool{}}
				s.perform(r.script)
			})
		}
	}
}
