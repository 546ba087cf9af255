package emulate

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Descriptors in messages (SCM_RIGHTS) ride through the placeholder: the bytes of such a message are the model's,
// the descriptors go with a twin of it, eight bytes that hold its number, through the real pair. So how long they
// live, what limits apply and how they are numbered at the other side stays the kernel's own business. The twin
// is sent when the model takes the message, and received with the message's first bytes.

// A ride is one direction of a placeholder's traffic. One call at a time uses it, so that twins keep the order
// of their messages.
type ride struct {
	call *Call
	free Queue // who waits for it
	last uint64
}

// Riding tells whether twins of messages lie in the socket's placeholder, or are about to.
func (s *Socket) Riding() bool {
	if s.in.call != nil || s.peer != nil && s.peer.out.call != nil {
		return true
	}
	for b := s.queue.first; b != nil; b = b.next {
		if b.rider != 0 {
			return true
		}
	}
	return false
}

// board takes the ride for c, or blocks until it is free. It reports whether c has it.
func (k *Kernel) board(c *Call, f *File, r *ride) (Outcome, bool) {
	k.pin(c, f)
	if r.call != nil && r.call != c {
		return Block(Wait{On: c.on(&r.free, AnyEvent), Restart: ERESTARTSYS}), false
	}
	r.call, c.riding = c, r
	return Outcome{}, true
}

// alight ends c's ride, if it has one.
func (k *Kernel) alight(c *Call) {
	if r := c.riding; r != nil {
		c.riding, r.call = nil, nil
		k.wake(&r.free, AnyEvent)
	}
	for _, f := range c.holds {
		k.put(f)
	}
	c.holds = nil
}

// The offsets of struct msghdr and the header of a control message.
const (
	msgIov        = 16
	msgIovlen     = 24
	msgControl    = 32
	msgControllen = 40
	msgFlagsAt    = 48

	cmsgHeader = 16
)

func cmsgAlign(n int) int { return (n + 7) &^ 7 }

// cmsgs visits the control messages as for_each_cmsghdr does; it reports false at one that is malformed.
func cmsgs(control []byte, visit func(level, kind int, data []byte) bool) bool {
	for at := 0; at+cmsgHeader <= len(control); {
		n := le64(control[at:])
		if n < cmsgHeader || n > uint64(len(control)-at) {
			return false
		}
		h := control[at:]
		if !visit(int(le32(h[8:])), int(le32(h[12:])), h[cmsgHeader:n]) {
			return false
		}
		at += cmsgAlign(int(n))
	}
	return true
}

// twinSize is how long a twin's bytes are: its number.
const twinSize = 8

// twin lays out a message of eight bytes with control data for the placeholder.
func twin(nr int, fd int, flags int, id uint64, control []byte) (KernelCall, *Scratch, *Scratch, *Scratch) {
	hdr := &Scratch{Data: make([]byte, msghdrSize), Arg: 1, Back: true}
	iov := &Scratch{Data: make([]byte, 16), Arg: -1, In: hdr, At: msgIov}
	data := &Scratch{Data: make([]byte, 8), Arg: -1, In: iov, Back: true}
	put64(data.Data, id)
	put64(iov.Data[8:], 8)
	put64(hdr.Data[msgIovlen:], 1)
	pieces := []*Scratch{hdr, iov, data}
	ctl := &Scratch{Data: control, Arg: -1, In: hdr, At: msgControl, Back: true}
	if len(control) > 0 {
		put64(hdr.Data[msgControllen:], uint64(len(control)))
		pieces = append(pieces, ctl)
	}
	return KernelCall{Nr: nr, Args: [6]uint64{uint64(fd), 0, uint64(flags)}, Scratch: pieces}, hdr, data, ctl
}

// carry sends the twin of a message with descriptors. It reports false with the outcome while it is not through.
func (s *Socket) carry(k *Kernel, c *Call, f *File, m *outgoing) (Outcome, bool) {
	if m.many == 0 || m.rode {
		return Outcome{}, true
	}
	if m.rider == 0 {
		if o, ok := k.board(c, f, &s.out); !ok {
			return o, false
		}
		s.out.last++
		m.rider = s.out.last
		kc, _, _, _ := twin(unix.SYS_SENDMSG, c.Arg(0), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, m.rider, m.control)
		return Ask(kc), false
	}
	ret := c.Results[0]
	c.Results = nil
	m.rode = true
	if ret >= 0 {
		return Outcome{}, true
	}
	m.rider = 0
	if unix.Errno(-ret) == unix.EPIPE && s.stream() {
		return s.broken(m), false
	}
	return Outcome{Kind: KindDone, Ret: ret}, false
}

// load puts what goes with a message beside its first bytes.
func (m *outgoing) load(b *skb) {
	if m.rider == 0 {
		return
	}
	b.rider, m.rider = m.rider, 0
	b.rights = m.rights
	for _, f := range b.rights {
		if f != nil {
			f.refs++
		}
	}
}

// collect receives the twin of b, whose bytes are about to be read. It reports false while it is on its way.
func (s *Socket) collect(k *Kernel, c *Call, f *File, m *incoming, b *skb) (Outcome, bool) {
	if m.rode != nil || b != m.asked && (b.rider == 0 || m.asked != nil) {
		return Outcome{}, true
	}
	if m.asked == nil {
		if o, ok := k.board(c, f, &s.in); !ok {
			return o, false
		}
		m.asked = b
		return s.fetch(c, m), false
	}
	ret := c.Results[0]
	if len(c.Results) > 1 {
		ret = c.Results[1]
	}
	c.Results = nil
	if unix.Errno(-ret) == unix.ECONNRESET && !m.again {
		m.again = true // the placeholder's own error comes before what lies in it, once
		return s.fetch(c, m), false
	}
	m.rode = b
	if ret >= 0 && le64(m.id.Data) == b.rider {
		m.control = m.ctl.Data[:min(len(m.ctl.Data), int(le64(m.hdr.Data[msgControllen:])))]
		m.out |= int(le32(m.hdr.Data[msgFlagsAt:])) & unix.MSG_CTRUNC
		s.unpack(k, c, m, b)
	}
	if m.flags&unix.MSG_PEEK == 0 {
		b.rider = 0
		for _, file := range b.rights {
			if file != nil {
				k.put(file)
			}
		}
		b.rights = nil
	}
	return Ask(), false // the filter must know the new numbers before the program does
}

// fetch receives the twin of m.asked. With SO_PEEK_OFF a peek may begin behind other messages with descriptors: then
// it begins behind their twins as well.
func (s *Socket) fetch(c *Call, m *incoming) Outcome {
	const flags = unix.MSG_PEEK | unix.MSG_CMSG_CLOEXEC
	var kc KernelCall
	room := make([]byte, min(m.room, 1<<14))
	kc, m.hdr, m.id, m.ctl = twin(unix.SYS_RECVMSG, c.Arg(0), m.flags&flags|unix.MSG_DONTWAIT, 0, room)
	before := 0
	for b := s.queue.first; b != m.asked && b != nil; b = b.next {
		if b.rider != 0 {
			before++
		}
	}
	if m.flags&unix.MSG_PEEK == 0 || before == 0 {
		return Ask(kc)
	}
	offset := func(n int) KernelCall {
		at := &Scratch{Data: make([]byte, 4), Arg: 3}
		put32(at.Data, uint32(int32(n)))
		return KernelCall{Nr: unix.SYS_SETSOCKOPT, Args: [6]uint64{c.Args[0], unix.SOL_SOCKET, unix.SO_PEEK_OFF, 0, 4}, Scratch: []*Scratch{at}}
	}
	return Ask(offset(before*twinSize), kc, offset(-1))
}

// unpack puts the emulated files of b behind the numbers that the kernel gave them.
func (s *Socket) unpack(k *Kernel, c *Call, m *incoming, b *skb) {
	i := 0
	cmsgs(m.control, func(level, kind int, data []byte) bool {
		if level != unix.SOL_SOCKET || kind != unix.SCM_RIGHTS {
			return true
		}
		for ; len(data) >= 4 && i < len(b.rights); i, data = i+1, data[4:] {
			if f := b.rights[i]; f != nil && !f.native { // what was given back meanwhile is the kernel's
				k.install(c.Task.Files, int(int32(le32(data))), f, m.flags&unix.MSG_CMSG_CLOEXEC != 0)
			}
		}
		return true
	})
}

// scm reads a message's control data as __scm_send does.
func (k *Kernel) scm(c *Call, m *outgoing) (e unix.Errno) {
	const most = 253 // SCM_MAX_FD
	fine := cmsgs(m.control, func(level, kind int, data []byte) bool {
		switch {
		case level != unix.SOL_SOCKET:
		case kind == unix.SCM_RIGHTS:
			if m.many += len(data) / 4; m.many > most {
				return false
			}
			for ; len(data) >= 4; data = data[4:] {
				fd := int(int32(le32(data)))
				f := c.Task.Files.Get(fd)
				if f != nil {
					f.refs++
					c.holds = append(c.holds, f)
				} else if !k.opened(c, fd) { // scm_fp_copy, before anything else of the message
					e = unix.EBADF
					return false
				}
				m.rights = append(m.rights, f)
			}
		case kind == unix.SCM_CREDENTIALS && len(data) == 12:
			u := unix.Ucred{Pid: int32(le32(data)), Uid: le32(data[4:]), Gid: le32(data[8:])}
			if e = k.Host.Allowed(c.Task, u); e != 0 {
				return false
			}
			m.cred = &cred{u.Pid, u.Uid, u.Gid}
		default:
			return false
		}
		return true
	})
	if !fine && e == 0 {
		e = unix.EINVAL
	}
	return e
}

// outside tells whether a message may take emulated files out over a socket of the kernel's.
func (k *Kernel) outside(c *Call) bool {
	if c.Task.Files.Len() == 0 {
		return false
	}
	link, path := k.Host.Target(c.Task, c.Arg(0))
	return strings.HasPrefix(link, "socket:") && !path
}

// opened tells whether a descriptor that is not emulated is open.
func (k *Kernel) opened(c *Call, fd int) bool {
	link, _ := k.Host.Target(c.Task, fd)
	return link != ""
}

// leaving gives back every emulated file that a message on a real socket takes along: whoever receives it may
// be outside the tree.
func (k *Kernel) leaving(c *Call, msg uint64) {
	h, e := c.header(msg, true)
	if e != 0 || h.control == 0 || h.controllen < cmsgHeader {
		return
	}
	control := make([]byte, min(h.controllen, 1<<14))
	if c.get(control, h.control) != 0 {
		return
	}
	cmsgs(control, func(level, kind int, data []byte) bool {
		if level == unix.SOL_SOCKET && kind == unix.SCM_RIGHTS {
			for ; len(data) >= 4; data = data[4:] {
				if f := c.Task.Files.Get(int(int32(le32(data)))); f != nil {
					k.Host.Demote(f, "sent over a socket that is not emulated")
				}
			}
		}
		return true
	})
}
