package check

import (
	"os"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A header is a struct msghdr of the program's.
type header struct {
	at   uint64
	raw  []byte // as it was when it was looked at
	list []span
}

const (
	hdrName       = 0
	hdrNamelen    = 8
	hdrIov        = 16
	hdrIovlen     = 24
	hdrControl    = 32
	hdrControllen = 40
	hdrFlags      = 48
	cmsgHeader    = 16
)

// header reads one. It is false for what the kernel refuses before it looks at the socket.
func (k *Checker) header(c *emulate.Call, at uint64) (h header, ok bool) {
	h = header{at: at, raw: k.fetch(c, at, hdrSize)}
	if h.raw == nil || le64(h.raw[hdrName:]) != 0 && int32(le32(h.raw[hdrNamelen:])) < 0 {
		return h, false
	}
	h.list, ok = k.iovec(c, le64(h.raw[hdrIov:]), le64(h.raw[hdrIovlen:]))
	return h, ok
}

// simple is the header that sendto and recvfrom stand for.
func (k *Checker) simple(c *emulate.Call) (h header, ok bool) {
	h = header{raw: k.room(hdrSize)}
	if h.list, ok = k.buffers(c); !ok {
		return h, false
	}
	if c.Args[4] == 0 {
		return h, true
	}
	put64(h.raw[hdrName:], c.Args[4])
	n := uint32(128)
	if c.Sys.Nr == unix.SYS_SENDTO {
		if n = uint32(c.Args[5]); n > 128 {
			return h, false
		}
	}
	put32(h.raw[hdrNamelen:], n)
	return h, true
}

func (k *Checker) message(c *emulate.Call) (header, bool) {
	if c.Sys.Nr == unix.SYS_SENDTO || c.Sys.Nr == unix.SYS_RECVFROM {
		return k.simple(c)
	}
	return k.header(c, c.Args[1])
}

// msgFlags are the caller's.
func msgFlags(c *emulate.Call) uint64 {
	for i, a := range c.Sys.Args {
		if a.Kind == emulate.MsgFlags {
			return uint64(uint32(c.Args[i]))
		}
	}
	return 0
}

// toSend makes the header for the twin, into raw. It is false if the twin cannot be asked.
func (k *Checker) toSend(c *emulate.Call, en *end, h header, raw []byte, skip int, errno unix.Errno) bool {
	list := cut(h.list, skip, k.plenty(en, max(0, size(h.list)-skip)))
	iov := k.copied(c, list)
	put64(raw[hdrIov:], address(iov))
	put64(raw[hdrIovlen:], uint64(len(iov)/16))
	if n := min(int(le32(h.raw[hdrNamelen:])), 128); le64(h.raw[hdrName:]) != 0 && n > 0 {
		name := k.fetch(c, le64(h.raw[hdrName:]), n)
		if name == nil {
			return false
		}
		put64(raw[hdrName:], address(name))
		put32(raw[hdrNamelen:], uint32(n))
	}
	n := le64(h.raw[hdrControllen:])
	if le64(h.raw[hdrControl:]) == 0 || n == 0 || skip > 0 {
		return true
	}
	if n > 1<<20 {
		put64(raw[hdrControl:], k.empty()) // ENOBUFS before it is read
		put64(raw[hdrControllen:], n)
		return true
	}
	control := k.fetch(c, le64(h.raw[hdrControl:]), int(n))
	if control == nil {
		return false
	}
	put64(raw[hdrControl:], address(control))
	put64(raw[hdrControllen:], n)
	return k.disguise(en, control, errno)
}

// disguise puts descriptors and names of the tracer's in the place of the program's. It is false where the model's
// answer is about just these.
func (k *Checker) disguise(en *end, control []byte, errno unix.Errno) bool {
	for at := 0; at+cmsgHeader <= len(control); {
		h := control[at:]
		n := le64(h)
		if n < cmsgHeader || n > uint64(len(h)) {
			break
		}
		data := h[cmsgHeader:n]
		if le32(h[8:]) == unix.SOL_SOCKET {
			switch le32(h[12:]) {
			case unix.SCM_RIGHTS:
				if errno == unix.EBADF || errno == unix.ETOOMANYREFS {
					return false
				}
				en.rights = true
				for ; len(data) >= 4; data = data[4:] {
					put32(data, uint32(k.null))
				}
			case unix.SCM_CREDENTIALS:
				if errno == unix.EPERM || errno == unix.ESRCH {
					return false
				}
				if len(data) == 12 {
					put32(data, uint32(os.Getpid()))
					put32(data[4:], uint32(os.Getuid()))
					put32(data[8:], uint32(os.Getgid()))
				}
			}
		}
		at += (int(n) + 7) &^ 7
	}
	return true
}

// send makes sendto and sendmsg.
func (k *Checker) send(e *entry, c *emulate.Call, o emulate.Outcome) {
	en := k.usable(e, 0)
	if en == nil {
		return
	}
	s, ok := e.measure(c, o)
	h, fine := k.message(c)
	if !ok || !fine || k.held(en, e, &s) {
		return
	}
	raw := k.room(hdrSize)
	if !k.toSend(c, en, h, raw, e.moved, s.errno) {
		e.why = "that the kernel refused for what is the program's alone"
		return
	}
	flags := msgFlags(c)
	en.urgent = en.urgent || flags&unix.MSG_OOB != 0
	n, errno := en.woken(c)
	if errno == 0 {
		n, errno = syscall(unix.SYS_SENDMSG, uint64(en.fd), address(raw), flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
	k.judge(e, c, &s, o, nil, n, errno)
	e.moved += s.moved
}

// woken is the error that a sender meets which slept: before anything else, while a new send looks at shutdown first
// (net/core/sock.c: sock_alloc_send_pskb, net/unix/af_unix.c: unix_stream_sendmsg).
func (en *end) woken(c *emulate.Call) (int, unix.Errno) {
	if en.typ == 0 || !c.Blocked() {
		return 0, 0
	}
	e, err := unix.GetsockoptInt(en.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || e == 0 {
		return 0, 0
	}
	return -1, unix.Errno(e)
}

// toReceive makes the header for the twin, into raw, and returns the buffers as the program has them and as the twin has.
func (k *Checker) toReceive(c *emulate.Call, h header, raw []byte, skip, limit int, probe bool) ([]span, []byte) {
	list := cut(h.list, skip, limit)
	iov, data := k.blank(c, list, probe)
	put64(raw[hdrIov:], address(iov))
	put64(raw[hdrIovlen:], uint64(len(iov)/16))
	if le64(h.raw[hdrName:]) != 0 {
		put64(raw[hdrName:], address(k.room(128)))
		put32(raw[hdrNamelen:], 128)
	}
	if le64(h.raw[hdrControl:]) != 0 {
		n := int(min(le64(h.raw[hdrControllen:]), 1<<16))
		put64(raw[hdrControl:], address(k.room(n+1)))
		put64(raw[hdrControllen:], uint64(n))
	}
	return list, data
}

// receive makes recvfrom and recvmsg.
func (k *Checker) receive(e *entry, c *emulate.Call, o emulate.Outcome) {
	en := k.usable(e, 0)
	if en == nil {
		return
	}
	s, ok := e.measure(c, o)
	h, fine := k.message(c)
	flags := msgFlags(c)
	peek := flags&unix.MSG_PEEK != 0
	if peek && s.asked {
		s.moved = 0
	}
	if !ok || !fine || k.held(en, e, &s) {
		return
	}
	raw := k.room(hdrSize)
	list, data := k.toReceive(c, h, raw, e.moved, k.most(en, &s), k.short(en, &s, size(h.list)-e.moved))
	n, errno := syscall(unix.SYS_RECVMSG, uint64(en.fd), address(raw), flags|unix.MSG_DONTWAIT)
	en.discard(raw, n)
	if s.errno == unix.EFAULT && n >= 0 && errno == 0 {
		return // the header, or the name, cannot be written: the message is gone in both
	}
	k.judge(e, c, &s, o, en, n, errno)
	k.bytes(e, c, list, data, n)
	if s.was == 0 && s.errno == 0 && !s.blocked && !s.asked && !k.failed {
		k.about(e, c, en, h, raw)
	}
	if !peek {
		e.moved += s.moved
	}
}

// nobody tells of a datagram socket that is shut down for reading: who would wait gets nothing, who would not gets
// EAGAIN (net/unix/af_unix.c: __unix_dgram_recvmsg).
func (en *end) nobody(s *step, errno unix.Errno) bool {
	if errno != unix.EAGAIN || s.errno != 0 || s.blocked || s.moved > 0 {
		return false
	}
	return en.over()
}

// over tells of a datagram socket that it is shut down for reading.
func (en *end) over() bool {
	if en.typ != unix.SOCK_DGRAM {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(en.fd), Events: unix.POLLRDHUP}}
	unix.Poll(fds, 0)
	return fds[0].Revents&unix.POLLRDHUP != 0
}

// about compares what a message says about itself.
func (k *Checker) about(e *entry, c *emulate.Call, en *end, h header, raw []byte) {
	if h.at == 0 { // recvfrom
		if c.Args[4] != 0 {
			if b := k.fetch(c, c.Args[5], 4); b != nil {
				k.number(e, c, "the length of the name", int(le32(b)), int(le32(raw[hdrNamelen:])))
			}
		}
		return
	}
	now := k.fetch(c, h.at, hdrSize)
	if now == nil {
		return
	}
	if le64(h.raw[hdrName:]) != 0 {
		k.number(e, c, "msg_namelen", int(le32(now[hdrNamelen:])), int(le32(raw[hdrNamelen:])))
	}
	mine, theirs := le32(now[hdrFlags:]), le32(raw[hdrFlags:])
	if en.rights {
		mine, theirs = mine&^unix.MSG_CTRUNC, theirs&^unix.MSG_CTRUNC
	} else {
		k.number(e, c, "msg_controllen", int(le64(now[hdrControllen:])), int(le64(raw[hdrControllen:])))
	}
	k.number(e, c, "msg_flags", int(mine), int(theirs))
}

// discard closes the descriptors that came with a message of the twin's.
func (en *end) discard(raw []byte, n int) {
	if n < 0 || le64(raw[hdrControl:]) == 0 {
		return
	}
	control := at(le64(raw[hdrControl:]), int(le64(raw[hdrControllen:])))
	for len(control) >= cmsgHeader {
		size := le64(control)
		if size < cmsgHeader || size > uint64(len(control)) {
			return
		}
		if le32(control[8:]) == unix.SOL_SOCKET && le32(control[12:]) == unix.SCM_RIGHTS {
			for data := control[cmsgHeader:size]; len(data) >= 4; data = data[4:] {
				unix.Close(int(int32(le32(data))))
			}
		}
		control = control[min(len(control), (int(size)+7)&^7):]
	}
}
