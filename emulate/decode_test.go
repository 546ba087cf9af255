package emulate

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A sheet is memory that begins at an address and ends in nothing.
type sheet struct {
	base uint64
	data []byte
}

func (s *sheet) at(addr uint64) []byte {
	if addr < s.base || addr >= s.base+uint64(len(s.data)) {
		return nil
	}
	return s.data[addr-s.base:]
}

func (s *sheet) ReadMem(p []byte, addr uint64) (int, unix.Errno) {
	if n := copy(p, s.at(addr)); n < len(p) {
		return n, unix.EFAULT
	}
	return len(p), 0
}

func (s *sheet) WriteMem(addr uint64, p []byte) (int, unix.Errno) {
	if n := copy(s.at(addr), p); n < len(p) {
		return n, unix.EFAULT
	}
	return len(p), 0
}

// put lays words of 1, 2, 4 or 8 bytes, strings and bytes at an address.
func (s *sheet) put(addr uint64, parts ...any) {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, p)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, p)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, p)
		}
	}
	s.WriteMem(addr, []byte(b))
}

// A label is an object that is only a name.
type label struct{ name, kind string }

func (l label) Name() string                                  { return l.name }
func (l label) Kind() string                                  { return l.kind }
func (label) poll(*File) Events                               { return 0 }
func (label) queues(*File) []*Queue                           { return nil }
func (label) read(*Kernel, *Call, *File, *Vec, bool) Outcome  { return Pass() }
func (label) write(*Kernel, *Call, *File, *Vec, bool) Outcome { return Pass() }
func (label) release(*Kernel, *File)                          {}

const page = 0x10000

// labelled is a task whose descriptors 3 and 4 are a pipe's ends and 5 a socket, on a sheet of memory.
func labelled() (*Kernel, *Task, *sheet) {
	k := New(nil, nil)
	t := k.Root(100)
	p := label{"pipe:1", "pipe"}
	k.install(t.Files, 3, &File{ops: p, Flags: unix.O_RDONLY}, false)
	k.install(t.Files, 4, &File{ops: p, Flags: unix.O_WRONLY}, false)
	k.install(t.Files, 5, &File{ops: label{"pair:1.a", "pair"}, Flags: unix.O_RDWR}, false)
	return k, t, &sheet{page, make([]byte, 4096)}
}

func minus(n int64) uint64 { return uint64(n) }

func TestDecode(t *testing.T) {
	const a = page
	for _, c := range []struct {
		name   string
		nr     int
		args   [6]uint64
		before func(*sheet)                 // at the entry
		during func(*Kernel, *Task, *sheet) // what the call does
		ret    int64
		want   string // arguments, result, objects
	}{
		{"write", unix.SYS_WRITE, [6]uint64{4, a, 5}, func(s *sheet) { s.put(a, "he\n\x00\xff") }, nil, 5,
			`4<pipe:1> "he\n\x00\xff" 5 = 5 [pipe:1]`},
		{"a long write is cut", unix.SYS_WRITE, [6]uint64{4, a, 1000}, func(s *sheet) { s.put(a, strings.Repeat("x", 1000)) }, nil, 7,
			`4<pipe:1> "` + strings.Repeat("x", 32) + `"... 1000 = 7 [pipe:1]`},
		{"write of nothing readable", unix.SYS_WRITE, [6]uint64{4, 8, minus(-1)}, nil, nil, minusErrno(unix.EFAULT),
			`4<pipe:1> 0x8 18446744073709551615 = -14 [pipe:1]`},
		{"write from NULL", unix.SYS_WRITE, [6]uint64{4, 0, 0}, nil, nil, 0, `4<pipe:1> NULL 0 = 0 [pipe:1]`},
		{"read shows what came", unix.SYS_READ, [6]uint64{3, a, 100}, nil,
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a, "abc") }, 3, `3<pipe:1> "abc" 100 = 3 [pipe:1]`},
		{"a failed read shows an address", unix.SYS_READ, [6]uint64{3, a, 100}, nil, nil, minusErrno(unix.EAGAIN),
			`3<pipe:1> 0x10000 100 = -11 [pipe:1]`},
		{"a passed call", unix.SYS_CLOSE, [6]uint64{3}, nil, nil, Unknown, `3<pipe:1> = ? [pipe:1]`},
		{"not ours", unix.SYS_READ, [6]uint64{0, a, 1}, nil, nil, 0, `0 "" 1 = 0 []`},
		{"eventfd2", unix.SYS_EVENTFD2, [6]uint64{3, unix.EFD_SEMAPHORE | unix.EFD_NONBLOCK | 0x80}, nil,
			func(k *Kernel, t *Task, s *sheet) {
				k.install(t.Files, 7, &File{ops: label{"eventfd:1", "eventfd"}}, true)
			}, 7, `3 EFD_SEMAPHORE|EFD_NONBLOCK|0x80 = 7<eventfd:1> [eventfd:1]`},
		{"pipe2", unix.SYS_PIPE2, [6]uint64{a, unix.O_CLOEXEC | unix.O_NONBLOCK}, nil,
			func(k *Kernel, t *Task, s *sheet) {
				s.put(a, uint32(7), uint32(8))
				k.install(t.Files, 7, &File{ops: label{"pipe:2", "pipe"}}, true)
				k.install(t.Files, 8, &File{ops: label{"pipe:2", "pipe"}}, true)
			}, 0, `[7<pipe:2>, 8<pipe:2>] O_NONBLOCK|O_CLOEXEC = 0 [pipe:2 pipe:2]`},
		{"dup makes a descriptor", unix.SYS_DUP, [6]uint64{3}, nil,
			func(k *Kernel, t *Task, _ *sheet) { k.install(t.Files, 9, t.Files.Get(3), false) }, 9,
			`3<pipe:1> = 9<pipe:1> [pipe:1 pipe:1]`},
		{"fcntl F_DUPFD", unix.SYS_FCNTL, [6]uint64{5, unix.F_DUPFD_CLOEXEC, 10}, nil,
			func(k *Kernel, t *Task, _ *sheet) { k.install(t.Files, 10, t.Files.Get(5), true) }, 10,
			`5<pair:1.a> F_DUPFD_CLOEXEC 10 = 10<pair:1.a> [pair:1.a pair:1.a]`},
		{"fcntl F_SETFL", unix.SYS_FCNTL, [6]uint64{3, unix.F_SETFL, unix.O_NONBLOCK | unix.O_DIRECT}, nil, nil, 0,
			`3<pipe:1> F_SETFL O_NONBLOCK|O_DIRECT = 0 [pipe:1]`},
		{"fcntl F_SETFD", unix.SYS_FCNTL, [6]uint64{3, unix.F_SETFD, 1}, nil, nil, 0, `3<pipe:1> F_SETFD FD_CLOEXEC = 0 [pipe:1]`},
		{"open", unix.SYS_OPENAT, [6]uint64{minus(unix.AT_FDCWD), a, unix.O_CREAT | unix.O_CLOEXEC, 0o644},
			func(s *sheet) { s.put(a, "/tmp/x\x00") }, nil, Unknown, `AT_FDCWD "/tmp/x" O_RDONLY|O_CREAT|O_CLOEXEC 0x1a4 = ? []`},
		{"writev", unix.SYS_WRITEV, [6]uint64{4, a, 2},
			func(s *sheet) {
				s.put(a, uint64(a+64), uint64(2), uint64(a+70), uint64(3))
				s.put(a+64, "ab")
				s.put(a+70, "cde")
			}, nil, 5, `4<pipe:1> [{base="ab", len=2}, {base="cde", len=3}] 2 = 5 [pipe:1]`},
		{"readv shows what came", unix.SYS_READV, [6]uint64{3, a, 2},
			func(s *sheet) { s.put(a, uint64(a+64), uint64(2), uint64(a+70), uint64(8)) },
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a+64, "ab"); s.put(a+70, "c") }, 3,
			`3<pipe:1> [{base="ab", len=2}, {base="c", len=8}] 2 = 3 [pipe:1]`},
		{"poll", unix.SYS_POLL, [6]uint64{a, 2, 0xffffffff},
			func(s *sheet) {
				s.put(a, uint32(3), uint16(unix.POLLIN), uint16(0), uint32(1), uint16(unix.POLLOUT), uint16(0))
			},
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a+6, uint16(unix.POLLIN|unix.POLLHUP)) }, 1,
			`[{fd=3<pipe:1>, events=POLLIN, revents=POLLIN|POLLHUP}, {fd=1, events=POLLOUT, revents=0}] 2 -1 = 1 [pipe:1]`},
		{"select", unix.SYS_SELECT, [6]uint64{6, a, 0, 0, a + 128},
			func(s *sheet) { s.put(a, uint64(1<<3|1<<5)); s.put(a+128, uint64(1), uint64(500000)) },
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a, uint64(1<<5)) }, 1,
			`6 [3<pipe:1> 5<pair:1.a>] => [5<pair:1.a>] NULL NULL 1.5s = 1 [pipe:1 pair:1.a]`},
		{"epoll_ctl", unix.SYS_EPOLL_CTL, [6]uint64{6, unix.EPOLL_CTL_ADD, 3, a},
			func(s *sheet) { s.put(a, uint32(unix.EPOLLIN|1<<31), uint64(7)) }, nil, 0,
			`6 EPOLL_CTL_ADD 3<pipe:1> {events=EPOLLIN|EPOLLET, data=0x7} = 0 [pipe:1]`},
		{"epoll_wait", unix.SYS_EPOLL_WAIT, [6]uint64{6, a, 8, 10}, nil,
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a, uint32(unix.EPOLLHUP), uint64(7)) }, 1,
			`6 [{events=EPOLLHUP, data=0x7}] 8 10 = 1 []`},
		{"socketpair", unix.SYS_SOCKETPAIR, [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM | unix.SOCK_CLOEXEC, 0, a}, nil, nil,
			minusErrno(unix.EMFILE), `AF_UNIX SOCK_STREAM|SOCK_CLOEXEC 0 0x10000 = -24 []`},
		{"sendto", unix.SYS_SENDTO, [6]uint64{5, a, 2, unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT, 0, 0},
			func(s *sheet) { s.put(a, "hi") }, nil, 2, `5<pair:1.a> "hi" 2 MSG_DONTWAIT|MSG_NOSIGNAL NULL 0 = 2 [pair:1.a]`},
		{"sendmsg with rights", unix.SYS_SENDMSG, [6]uint64{5, a, 0},
			func(s *sheet) {
				s.put(a, uint64(0), uint64(0), uint64(a+64), uint64(1), uint64(a+96), uint64(24), uint64(0))
				s.put(a+64, uint64(a+88), uint64(2))
				s.put(a+88, "ok")
				s.put(a+96, uint64(24), uint32(unix.SOL_SOCKET), uint32(unix.SCM_RIGHTS), uint32(3), uint32(9))
			}, nil, 2,
			`5<pair:1.a> {iov=[{base="ok", len=2}], control=[{type=SCM_RIGHTS, fds=[3<pipe:1>, 9]}]} 0 = 2 [pair:1.a pipe:1]`},
		{"getsockopt", unix.SYS_GETSOCKOPT, [6]uint64{5, unix.SOL_SOCKET, unix.SO_SNDBUF, a, a + 8},
			func(s *sheet) { s.put(a+8, uint32(4)) },
			func(_ *Kernel, _ *Task, s *sheet) { s.put(a, uint32(212992)) }, 0,
			`5<pair:1.a> SOL_SOCKET SO_SNDBUF [212992] [4] = 0 [pair:1.a]`},
		{"splice", unix.SYS_SPLICE, [6]uint64{3, 0, 1, 0, 65536, unix.SPLICE_F_MOVE}, nil, nil, 10,
			`3<pipe:1> NULL 1 NULL 65536 SPLICE_F_MOVE = 10 [pipe:1]`},
		{"an unknown bit", unix.SYS_SHUTDOWN, [6]uint64{5, 9}, nil, nil, minusErrno(unix.EINVAL), `5<pair:1.a> 9 = -22 [pair:1.a]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, task, mem := labelled()
			if c.before != nil {
				c.before(mem)
			}
			call := &Call{Task: task, Sys: ByNr(uint64(c.nr)), Args: c.args, Mem: mem}
			v := See(call)
			if c.during != nil {
				c.during(k, task, mem)
			}
			v.End(call, c.ret)
			if got := line(v, c.ret); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func minusErrno(e unix.Errno) int64 { return -int64(e) }

func line(v *View, ret int64) string {
	var parts, objects []string
	for _, a := range v.Args {
		parts = append(parts, a.Text)
	}
	for _, n := range v.Named {
		objects = append(objects, n.Object)
	}
	result := "?"
	if ret != Unknown {
		result = v.Result(ret)
	}
	return strings.Join(append(parts, "=", result, "["+strings.Join(objects, " ")+"]"), " ")
}

// Every row of the table can be shown, whatever garbage its arguments are.
func TestDecodeGarbage(t *testing.T) {
	_, task, mem := labelled()
	for i := range mem.data {
		mem.data[i] = byte(i * 37)
	}
	for _, sys := range Table {
		for _, x := range []uint64{0, 3, page, page + 4090, minus(-1), 1 << 63} {
			call := &Call{Task: task, Sys: sys, Args: [6]uint64{x, x, x, x, x, x}, Mem: mem}
			v := See(call)
			for _, ret := range []int64{-1, 0, 3, 4096, 1<<63 - 1} {
				v.End(call, ret)
				for i, a := range v.Args {
					if a.Text == "" {
						t.Errorf("%s(%#x): argument %d shows nothing", sys.Name, x, i)
					}
				}
			}
		}
	}
}

func TestFlow(t *testing.T) {
	_, task, mem := labelled()
	mem.put(page+msghdrSize, uint32(10))
	mem.put(page+mmsghdrSize+msghdrSize, uint32(5))
	for _, c := range []struct {
		name    string
		nr, arg int
		args    [6]uint64
		ret     int64
		in, out int64
	}{
		{"write", unix.SYS_WRITE, 0, [6]uint64{4, page, 9}, 9, 9, 0},
		{"write that fails", unix.SYS_WRITE, 0, [6]uint64{4, page, 9}, -32, 0, 0},
		{"not seen", unix.SYS_WRITE, 0, [6]uint64{4, page, 9}, Unknown, 0, 0},
		{"read", unix.SYS_READ, 0, [6]uint64{3, page, 9}, 4, 0, 4},
		{"readv", unix.SYS_READV, 0, [6]uint64{3, page, 1}, 4, 0, 4},
		{"recv peeks", unix.SYS_RECVFROM, 0, [6]uint64{5, page, 9, unix.MSG_PEEK}, 4, 0, 0},
		{"sendmmsg", unix.SYS_SENDMMSG, 0, [6]uint64{5, page, 2}, 2, 15, 0},
		{"splice from", unix.SYS_SPLICE, 0, [6]uint64{3, 0, 4, 0, 100}, 7, 0, 7},
		{"splice to", unix.SYS_SPLICE, 2, [6]uint64{3, 0, 4, 0, 100}, 7, 7, 0},
		{"sendfile to", unix.SYS_SENDFILE, 0, [6]uint64{4, 3, 0, 100}, 7, 7, 0},
		{"sendfile from", unix.SYS_SENDFILE, 1, [6]uint64{4, 3, 0, 100}, 7, 0, 7},
		{"tee copies from", unix.SYS_TEE, 0, [6]uint64{3, 4, 100}, 7, 0, 0},
		{"tee to", unix.SYS_TEE, 1, [6]uint64{3, 4, 100}, 7, 7, 0},
		{"vmsplice to", unix.SYS_VMSPLICE, 0, [6]uint64{4, page, 1}, 7, 7, 0},
		{"vmsplice from", unix.SYS_VMSPLICE, 0, [6]uint64{3, page, 1}, 7, 0, 7},
		{"dup2", unix.SYS_DUP2, 0, [6]uint64{3, 4}, 4, 0, 0},
		{"fcntl", unix.SYS_FCNTL, 0, [6]uint64{3, unix.F_SETPIPE_SZ, 4096}, 4096, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := &Call{Task: task, Sys: ByNr(uint64(c.nr)), Args: c.args, Mem: mem}
			in, out := call.Flow(c.arg, task.Files.Get(call.Arg(c.arg)), c.ret)
			if in != c.in || out != c.out {
				t.Errorf("in %d, out %d; want %d, %d", in, out, c.in, c.out)
			}
		})
	}
}

type noting struct {
	name   string
	notes  *[]string
	decide bool
}

func (n noting) Enter(*Call) (Outcome, bool) {
	*n.notes = append(*n.notes, "+"+n.name)
	return Done(7), n.decide
}
func (n noting) Leave(_ *Call, ret int64) { *n.notes = append(*n.notes, "-"+n.name) }

func TestStack(t *testing.T) {
	var notes []string
	s := Stack{noting{"a", &notes, false}, noting{"b", &notes, true}, noting{"c", &notes, false}}
	o, decided := s.Enter(nil)
	if !decided || o.Ret != 7 {
		t.Errorf("outcome %v, decided %v", o, decided)
	}
	s.Leave(nil, 7)
	if got := strings.Join(notes, " "); got != "+a +b -c -b -a" {
		t.Errorf("order was %s", got)
	}
	if _, decided := (Stack{}).Enter(nil); decided {
		t.Error("an empty stack decided")
	}
}
