package tracer

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The door is where `sluice report` knocks: a datagram socket with an abstract name, which is gone with the tracer. A
// knock is one message that brings a descriptor for the answer. The kernel signals it to the tracing thread, which
// sleeps in wait4; nothing waits at the door meanwhile, and what is slow to take its answer keeps nobody.

// DoorPrefix begins the name; the tracer's pid, a dash and the program's follow.
const DoorPrefix = "sluice-"

type door struct {
	fd      int // -1 when there is none
	answers atomic.Int32
	garbage atomic.Bool // made by them
}

const maxAnswers = 8 // under way at once

// open makes the door. Without one a run goes on all the same.
func (d *door) open(tracer, root int) {
	d.fd = -1
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return
	}
	owner := [2]int32{0, int32(unix.Gettid())} // struct f_owner_ex: F_OWNER_TID
	const setOwnerEx = 15
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	_, _, e := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), setOwnerEx, uintptr(unsafe.Pointer(&owner)))
	rawFcntl(fd, unix.F_SETSIG, int(tickSignal))
	if e != 0 || !rawFcntl(fd, unix.F_SETFL, unix.O_ASYNC|unix.O_NONBLOCK) ||
		unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@%s%d-%d", DoorPrefix, tracer, root)}) != nil {
		unix.Close(fd)
		return
	}
	d.fd = fd
}

// answer looks whether somebody knocked, and shows them where everybody stands.
func (t *Tracer) answer() {
	d := &t.door
	if d.fd < 0 || t.chronicle == nil {
		return
	}
	var picture func() (text, raw []byte) // looked at once for all who knocked
	var word, control [256]byte
	for {
		iov := unix.Iovec{Base: &word[0], Len: uint64(len(word))}
		m := unix.Msghdr{Iov: &iov, Iovlen: 1, Control: &control[0], Controllen: uint64(len(control))}
		n, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(d.fd), uintptr(unsafe.Pointer(&m)), unix.MSG_CMSG_CLOEXEC)
		if e != 0 {
			break
		}
		uid, fds := knock(control[:m.Controllen])
		if len(fds) == 1 && (uid == 0 || uid == os.Geteuid()) && d.answers.Load() < maxAnswers {
			if picture == nil {
				picture = sync.OnceValues(t.chronicle.Draw(t.standings(), t.idle.done && t.idle.total == t.stops.Total))
			}
			t.reply(fds[0], picture, string(word[:n]) == "json")
			continue
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	if d.answers.Load() == 0 && d.garbage.Swap(false) {
		t.collect()
	}
}

// knock reads who knocked, -1 if that is not known, and the descriptors that came.
func knock(control []byte) (uid int, fds []int) {
	uid = -1
	msgs, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return uid, nil
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level != unix.SOL_SOCKET:
		case m.Header.Type == unix.SCM_CREDENTIALS && len(m.Data) >= unix.SizeofUcred:
			uid = int(binary.LittleEndian.Uint32(m.Data[4:]))
		case m.Header.Type == unix.SCM_RIGHTS:
			if got, err := unix.ParseUnixRights(&m); err == nil {
				fds = append(fds, got...)
			}
		}
	}
	return uid, fds
}

// reply writes the picture to fd, however long that takes.
func (t *Tracer) reply(fd int, picture func() (text, raw []byte), asJSON bool) {
	t.door.answers.Add(1)
	go func() {
		text, raw := picture()
		if asJSON {
			text = append(raw[:len(raw):len(raw)], '\n')
		}
		for len(text) > 0 {
			n, err := unix.Write(fd, text)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n <= 0 {
				break
			}
			text = text[n:]
		}
		unix.Close(fd)
		t.door.garbage.Store(true)
		t.door.answers.Add(-1)
	}()
}
