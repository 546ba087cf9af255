package emutest

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// The fake kernel's socketpairs. What goes through them are the twins of messages with descriptors; only the pair
// of a socket that was given back carries the program's own bytes.

// A twin is one message in a socket's queue.
type twin struct {
	data []byte
	fds  []*desc
}

func (w twin) free() {
	for _, d := range w.fds {
		d.put()
	}
}

// The offsets in struct msghdr, and the header of a control message.
const (
	msgIov, msgIovlen, msgControl, msgControllen, msgFlags = 16, 24, 32, 40, 48
	cmsgHeader                                             = 16
)

func (t *Task) kSendmsg(a [6]uint64) int64 {
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	var w twin
	for i := range t.Mem.Uint(a[1]+msgIovlen, 8) {
		iov := t.Mem.Uint(a[1]+msgIov, 8) + 16*i
		w.data = append(w.data, t.Mem.Bytes(t.Mem.Uint(iov, 8), int(t.Mem.Uint(iov+8, 8)))...)
	}
	control := t.Mem.Bytes(t.Mem.Uint(a[1]+msgControl, 8), int(t.Mem.Uint(a[1]+msgControllen, 8)))
	for len(control) >= cmsgHeader {
		n := int(binary.LittleEndian.Uint64(control))
		if binary.LittleEndian.Uint64(control[8:]) == unix.SOL_SOCKET|unix.SCM_RIGHTS<<32 {
			for b := control[cmsgHeader:n]; len(b) >= 4; b = b[4:] {
				f := t.desc(uint64(binary.LittleEndian.Uint32(b)))
				if f == nil {
					w.free()
					return minus(unix.EBADF)
				}
				f.refs++
				w.fds = append(w.fds, f)
			}
		}
		control = control[min(len(control), (n+7)&^7):]
	}
	n := t.deliver(d, w)
	if n < 0 {
		w.free()
	}
	return n
}

// deliver queues a message at the other end.
func (t *Task) deliver(d *desc, w twin) int64 {
	switch p := d.peer; {
	case d.kind == aFile:
		w.free() // to somewhere else
	case d.kind != aPair:
		return minus(unix.ENOTSOCK)
	case d.shut&2 != 0 || p.shut&1 != 0:
		return minus(unix.EPIPE)
	case p.gone && d.typ == unix.SOCK_DGRAM:
		return minus(unix.ECONNREFUSED)
	case p.gone:
		return minus(unix.EPIPE)
	default:
		p.twins = append(p.twins, w)
	}
	return int64(len(w.data))
}

func (t *Task) kRecvmsg(a [6]uint64) int64 {
	d := t.desc(a[0])
	switch {
	case d == nil:
		return minus(unix.EBADF)
	case d.kind != aPair:
		return minus(unix.ENOTSOCK)
	case len(d.twins) == 0 && (d.peer.gone && d.typ != unix.SOCK_DGRAM || d.shut&1 != 0):
		return 0
	case len(d.twins) == 0 && (a[2]&unix.MSG_DONTWAIT != 0 || d.flags&unix.O_NONBLOCK != 0):
		return minus(unix.EAGAIN)
	case len(d.twins) == 0:
		return sleeps
	}
	w := d.twins[0]
	if a[2]&unix.MSG_PEEK == 0 {
		d.twins = d.twins[1:]
		defer w.free()
	}
	n := 0
	for i := uint64(0); i < t.Mem.Uint(a[1]+msgIovlen, 8) && n < len(w.data); i++ {
		iov := t.Mem.Uint(a[1]+msgIov, 8) + 16*i
		m := min(len(w.data)-n, int(t.Mem.Uint(iov+8, 8)))
		t.Mem.Put(t.Mem.Uint(iov, 8), w.data[n:n+m])
		n += m
	}
	flags := a[2] & unix.MSG_CMSG_CLOEXEC
	at, room := t.Mem.Uint(a[1]+msgControl, 8), int(t.Mem.Uint(a[1]+msgControllen, 8))
	left := room
	if d.cred {
		const size = cmsgHeader + 12
		if left >= size {
			c := t.sim.Creds(t.Task)
			t.Mem.Put(at, uint64(size), uint32(unix.SOL_SOCKET), uint32(unix.SCM_CREDENTIALS), c.Pid, c.Uid, c.Gid)
			used := min(left, (size+7)&^7)
			at, left = at+uint64(used), left-used
		} else {
			flags |= unix.MSG_CTRUNC
		}
	}
	if len(w.fds) > 0 {
		m := t.detach(w.fds, at, left, flags&unix.MSG_CMSG_CLOEXEC != 0)
		if m < len(w.fds) {
			flags |= unix.MSG_CTRUNC
		}
		if m > 0 {
			left -= min(left, (cmsgHeader+4*m+7)&^7)
		}
	}
	t.Mem.Put(a[1]+msgControllen, uint64(room-left))
	t.Mem.Put(a[1]+msgFlags, uint32(flags))
	return int64(n)
}

// detach installs as many descriptors as there is room for (scm_detach_fds) and tells their number.
func (t *Task) detach(fds []*desc, at uint64, room int, cloexec bool) int {
	most := 0
	if room > cmsgHeader {
		most = min(len(fds), (room-cmsgHeader)/4)
	}
	for i, d := range fds[:most] {
		n := t.table.add(d, 0, cloexec)
		if n < 0 {
			most = i
			break
		}
		t.Mem.Put(at+cmsgHeader+uint64(4*i), uint32(n))
	}
	if most > 0 {
		t.Mem.Put(at, uint64(cmsgHeader+4*most), uint32(unix.SOL_SOCKET), uint32(unix.SCM_RIGHTS))
	}
	return most
}

func (t *Task) kShutdown(a [6]uint64) int64 {
	d := t.desc(a[0])
	switch {
	case d == nil:
		return minus(unix.EBADF)
	case d.kind != aPair:
		return minus(unix.ENOTSOCK)
	case a[1] > unix.SHUT_RDWR:
		return minus(unix.EINVAL)
	}
	d.shut |= int(a[1]) + 1
	if d.typ != unix.SOCK_DGRAM {
		d.peer.shut |= (int(a[1])+1)>>1 | (int(a[1])+1)<<1&2
	}
	return 0
}

// kSetsockopt judges a timeout (net/core/sock.c: sock_set_timeout) and takes anything else.
func (t *Task) kSetsockopt(a [6]uint64) int64 {
	d := t.desc(a[0])
	switch {
	case d == nil:
		return minus(unix.EBADF)
	case d.kind != aPair:
		return minus(unix.ENOTSOCK)
	case a[1] != unix.SOL_SOCKET:
		return minus(unix.EOPNOTSUPP)
	}
	switch a[2] {
	case unix.SO_RCVTIMEO, unix.SO_SNDTIMEO:
		if usec := int64(t.Mem.Uint(a[3]+8, 8)); usec < 0 || usec >= 1e6 {
			return minus(unix.EDOM)
		}
	case unix.SO_PASSCRED:
		d.cred = t.Mem.Uint(a[3], 4) != 0
	}
	return 0
}

func (t *Task) kGetsockopt(a [6]uint64) int64 {
	d := t.desc(a[0])
	switch {
	case d == nil:
		return minus(unix.EBADF)
	case d.kind != aPair:
		return minus(unix.ENOTSOCK)
	}
	t.Mem.Put(a[3], uint32(d.typ)) // SO_TYPE; no test asks for another
	t.Mem.Put(a[4], uint32(4))
	return 0
}
