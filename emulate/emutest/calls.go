package emutest

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The calls that tests make most, in the form in which a program writes them.

// Blocked tells whether the call has not ended.
func (tr *Trap) Blocked() bool { return tr.state != ended }

// Errno is the call's error, 0 if there is none.
func (tr *Trap) Errno() unix.Errno {
	if tr.state == ended && tr.Ret < 0 && tr.Ret >= -4095 {
		return unix.Errno(-tr.Ret)
	}
	return 0
}

// Result is the call's result as text: a number, an error's name, or "blocked".
func (tr *Trap) Result() string {
	if tr.Blocked() {
		return "blocked"
	}
	if tr.Signal != 0 {
		return resultText(tr.Ret) + " " + unix.SignalName(tr.Signal)
	}
	return resultText(tr.Ret)
}

// Text is what read, recv and their like brought.
func (tr *Trap) Text() string {
	if tr.Blocked() || tr.Ret <= 0 {
		return ""
	}
	return string(tr.task.Mem.Bytes(tr.Args[1], int(min(uint64(tr.Ret), tr.Args[2]))))
}

func u(fd int) uint64 { return uint64(uint32(fd)) }

// Pipe makes a pipe.
func (t *Task) Pipe(flags int) (r, w int) {
	at := t.Mem.Room(8)
	t.must(t.Call(unix.SYS_PIPE2, at, u(flags)))
	return int(t.Mem.Uint(at, 4)), int(t.Mem.Uint(at+4, 4))
}

// Pair makes a socketpair of AF_UNIX.
func (t *Task) Pair(typ int) (a, b int) {
	at := t.Mem.Room(8)
	t.must(t.Call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, u(typ), 0, at))
	return int(t.Mem.Uint(at, 4)), int(t.Mem.Uint(at+4, 4))
}

func (t *Task) must(tr *Trap) {
	if tr.Blocked() || tr.Ret < 0 {
		panic("emutest: " + tr.text() + " = " + tr.Result())
	}
}

// Read is read(2) into fresh memory.
func (t *Task) Read(fd, n int) *Trap { return t.Call(unix.SYS_READ, u(fd), t.Mem.Room(n), uint64(n)) }

// Write is write(2).
func (t *Task) Write(fd int, s string) *Trap {
	return t.Call(unix.SYS_WRITE, u(fd), t.Mem.Lay(s), uint64(len(s)))
}

// Recv is recv(2) into fresh memory.
func (t *Task) Recv(fd, n, flags int) *Trap {
	return t.Call(unix.SYS_RECVFROM, u(fd), t.Mem.Room(n), uint64(n), u(flags), 0, 0)
}

// Send is send(2).
func (t *Task) Send(fd int, s string, flags int) *Trap {
	return t.Call(unix.SYS_SENDTO, u(fd), t.Mem.Lay(s), uint64(len(s)), u(flags), 0, 0)
}

// Close is close(2).
func (t *Task) Close(fd int) *Trap { return t.Call(unix.SYS_CLOSE, u(fd)) }

// Fcntl is fcntl(2).
func (t *Task) Fcntl(fd, cmd int, arg uint64) *Trap {
	return t.Call(unix.SYS_FCNTL, u(fd), u(cmd), arg)
}

// Ioctl asks a descriptor for a number; an error is a negative answer.
func (t *Task) Ioctl(fd, cmd int) int {
	at := t.Mem.Room(4)
	if tr := t.Call(unix.SYS_IOCTL, u(fd), u(cmd), at); tr.Ret < 0 {
		return int(tr.Ret)
	}
	return int(int32(t.Mem.Uint(at, 4)))
}

// Option sets an option of SOL_SOCKET to an int.
func (t *Task) Option(fd, name, value int) *Trap {
	return t.Call(unix.SYS_SETSOCKOPT, u(fd), unix.SOL_SOCKET, u(name), t.Mem.Lay(uint32(value)), 4)
}

// OptionTime sets SO_RCVTIMEO or SO_SNDTIMEO.
func (t *Task) OptionTime(fd, name int, sec, usec int64) *Trap {
	return t.Call(unix.SYS_SETSOCKOPT, u(fd), unix.SOL_SOCKET, u(name), t.Mem.Lay(uint64(sec), uint64(usec)), 16)
}

// SockError is getsockopt of SO_ERROR.
func (t *Task) SockError(fd int) unix.Errno {
	at := t.Mem.Lay(uint32(0), uint32(4))
	t.must(t.Call(unix.SYS_GETSOCKOPT, u(fd), unix.SOL_SOCKET, unix.SO_ERROR, at, at+4))
	return unix.Errno(t.Mem.Uint(at, 4))
}

// A Msg is what sendmsg and recvmsg carry.
type Msg struct {
	Data  string
	FDs   []int
	Creds *unix.Ucred
	Flags int // msg_flags
}

// header lays out a struct msghdr with one buffer.
func (t *Task) header(base uint64, n int, control uint64, room int) uint64 {
	iov := t.Mem.Lay(base, uint64(n))
	return t.Mem.Lay(uint64(0), uint64(0), iov, uint64(1), control, uint64(room), uint64(0))
}

// Sendmsg is sendmsg(2) with descriptors and a name to send along.
func (t *Task) Sendmsg(fd int, m Msg, flags int) *Trap {
	var control []byte
	add := func(kind int, data []byte) {
		control = append(control, flat([]any{uint64(cmsgHeader + len(data)), uint32(unix.SOL_SOCKET), uint32(kind), data})...)
		control = append(control, make([]byte, -len(control)&7)...)
	}
	if c := m.Creds; c != nil {
		add(unix.SCM_CREDENTIALS, flat([]any{c.Pid, c.Uid, c.Gid}))
	}
	if m.FDs != nil {
		var data []byte
		for _, f := range m.FDs {
			data = binary.LittleEndian.AppendUint32(data, uint32(f))
		}
		add(unix.SCM_RIGHTS, data)
	}
	at := uint64(0)
	if control != nil {
		at = t.Mem.Lay(control)
	}
	return t.Call(unix.SYS_SENDMSG, u(fd), t.header(t.Mem.Lay(m.Data), len(m.Data), at, len(control)), u(flags))
}

// Recvmsg is recvmsg(2) with n bytes of room for data and some for control messages.
func (t *Task) Recvmsg(fd, n, control, flags int) *Trap {
	at := uint64(0)
	if control > 0 {
		at = t.Mem.Room(control)
	}
	return t.Call(unix.SYS_RECVMSG, u(fd), t.header(t.Mem.Room(n), n, at, control), u(flags))
}

// Msg is what a recvmsg brought.
func (tr *Trap) Msg() (m Msg) {
	if tr.Blocked() || tr.Ret < 0 {
		return m
	}
	mem, at := tr.task.Mem, tr.Args[1]
	iov := mem.Uint(at+msgIov, 8)
	m.Data = string(mem.Bytes(mem.Uint(iov, 8), int(min(uint64(tr.Ret), mem.Uint(iov+8, 8)))))
	m.Flags = int(mem.Uint(at+msgFlags, 4))
	control := mem.Bytes(mem.Uint(at+msgControl, 8), int(mem.Uint(at+msgControllen, 8)))
	for len(control) >= cmsgHeader {
		n := int(binary.LittleEndian.Uint64(control))
		if n < cmsgHeader || n > len(control) {
			break
		}
		data := control[cmsgHeader:n]
		switch binary.LittleEndian.Uint32(control[12:]) {
		case unix.SCM_RIGHTS:
			for ; len(data) >= 4; data = data[4:] {
				m.FDs = append(m.FDs, int(binary.LittleEndian.Uint32(data)))
			}
		case unix.SCM_CREDENTIALS:
			if len(data) >= 12 {
				m.Creds = &unix.Ucred{Pid: int32(binary.LittleEndian.Uint32(data)),
					Uid: binary.LittleEndian.Uint32(data[4:]), Gid: binary.LittleEndian.Uint32(data[8:])}
			}
		}
		control = control[min(len(control), (n+7)&^7):]
	}
	return m
}

// A Poll is one descriptor of a poll.
type Poll struct {
	FD     int
	Events emulate.Events
}

// Poll is poll(2).
func (t *Task) Poll(ms int, list ...Poll) *Trap {
	var b []byte
	for _, p := range list {
		b = append(b, flat([]any{uint32(p.FD), uint16(p.Events), uint16(0)})...)
	}
	return t.Call(unix.SYS_POLL, t.Mem.Lay(b), uint64(len(list)), u(ms))
}

// Revents is what a poll found at each descriptor.
func (tr *Trap) Revents() []string {
	var out []string
	for i := range tr.Args[1] {
		out = append(out, eventText(emulate.Events(tr.task.Mem.Uint(tr.Args[0]+8*i+6, 2))))
	}
	return out
}

// State is the readiness of one descriptor.
func (t *Task) State(fd int) string {
	return t.Poll(0, Poll{fd, emulate.In | emulate.Out | emulate.Pri | emulate.RdHup}).Revents()[0]
}

// Eventfd is eventfd2(2).
func (t *Task) Eventfd(count uint32, flags int) int {
	tr := t.Call(unix.SYS_EVENTFD2, uint64(count), u(flags))
	t.must(tr)
	return int(tr.Ret)
}

// Add is a write of a number to an eventfd.
func (t *Task) Add(fd int, n uint64) *Trap {
	return t.Call(unix.SYS_WRITE, u(fd), t.Mem.Lay(n), 8)
}

// EpollCreate is epoll_create1(2).
func (t *Task) EpollCreate() int {
	tr := t.Call(unix.SYS_EPOLL_CREATE1, 0)
	t.must(tr)
	return int(tr.Ret)
}

// EpollCtl is epoll_ctl(2).
func (t *Task) EpollCtl(ep, op, fd int, events emulate.Events, data uint64) *Trap {
	return t.Call(unix.SYS_EPOLL_CTL, u(ep), u(op), u(fd), t.Mem.Lay(uint32(events), data))
}

// EpollWait is epoll_wait(2).
func (t *Task) EpollWait(ep, most, ms int) *Trap {
	return t.Call(unix.SYS_EPOLL_WAIT, u(ep), t.Mem.Room(12*most), u(most), u(ms))
}

// Events is what an epoll_wait brought.
func (tr *Trap) Events() (out []unix.EpollEvent) {
	for i := range max(tr.Ret, 0) {
		at := tr.Args[1] + 12*uint64(i)
		out = append(out, unix.EpollEvent{Events: uint32(tr.task.Mem.Uint(at, 4)), Fd: int32(tr.task.Mem.Uint(at+4, 4))})
	}
	return out
}
