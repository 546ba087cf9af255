package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A socketpair goes back to the kernel with its messages in it. The descriptors of those that have some lie in the
// placeholder already, each lot with the twin of its message (emulate/rights.go): they are taken out and sent again with
// the true bytes, in order. Emulated files among them go back, too: the kernel will hand them to whoever receives.

// demotePair gives a socketpair back; p is nil when that end is closed.
func (h *host) demotePair(s, p *emulate.Socket) {
	ends := []*emulate.Socket{s}
	if p != nil {
		ends = append(ends, p)
	}
	for _, x := range ends {
		h.disembark(x)
	}
	var aboard []cargo
	for i, x := range ends {
		h.demoting[x] = true
		var to *emulate.Socket
		if p != nil {
			to = ends[1-i]
		}
		aboard = append(aboard, h.refillSocket(x, to)...)
	}
	for _, c := range aboard {
		h.Demote(c.file, "it lies in a message on "+c.on.Name())
	}
	for _, x := range ends {
		h.settleSocket(x)
		h.rejoin(x)
		h.t.kernel.Disown(x)
		delete(h.demoting, x)
	}
	for _, c := range aboard {
		rawClose(c.fd)
		delete(h.afloat, c.file)
	}
}

// disembark lets the calls end that are sending a twin to s or receiving one in their own task at this moment: what is
// halfway cannot be taken out. Such a call waits for nothing but its turn at its descriptor table.
func (h *host) disembark(s *emulate.Socket) {
	t := h.t
	for _, c := range s.Rides() {
		k := t.tasks[c.Task.TID]
		for k != nil && c == &k.call && k.active {
			who := k
			if k.state == queued {
				who = t.busy[k.model.Files]
			}
			if who == nil || who.state != injecting && who.state != hearing {
				break
			}
			var ws unix.WaitStatus
			pid, err := unix.Wait4(who.tid, &ws, unix.WALL, nil)
			if err == nil {
				t.stops.Total++
				t.event(pid, uint32(ws))
			} else if err != unix.EINTR {
				break
			}
			k = t.tasks[c.Task.TID]
		}
	}
}

// A cargo is an emulated file that lay in a message, with a descriptor of ours for it.
type cargo struct {
	file *emulate.File
	on   *emulate.Socket
	fd   int
}

// refillSocket sends what lies unread at s through the kernel's socket of its peer. It returns the emulated files among it,
// which can be reached through h.afloat from now on.
func (h *host) refillSocket(s, peer *emulate.Socket) (aboard []cargo) {
	msgs := s.Drain()
	if len(msgs) == 0 {
		return nil
	}
	at, from := h.open(s.File()), -1
	if peer != nil {
		from = h.open(peer.File())
	}
	defer rawClose(at)
	defer rawClose(from)
	riders := false
	for _, m := range msgs {
		riders = riders || m.Rider != 0
	}
	if at >= 0 && from >= 0 {
		defer openly(at, from, riders)()
	}
	for i, m := range msgs {
		var fds []int
		if m.Rider != 0 {
			if fds = takeTwin(at, m.Rider); fds == nil {
				h.t.warn("%s: the descriptors of a message in it are lost", s.Name())
			}
		}
		if from >= 0 {
			if err := sendAgain(from, &m, fds); err != nil {
				h.t.warn("%s: %d messages in it are lost: %v", s.Name(), len(msgs)-i, err)
				rawClose(from)
				from = -1
			}
		} else if i == 0 {
			h.t.warn("%s: what lay in it is lost, its placeholder cannot be reached", s.Name())
		}
		for i, fd := range fds {
			var f *emulate.File
			if i < len(m.Rights) {
				f = m.Rights[i]
			}
			if _, known := h.afloat[f]; f == nil || known {
				rawClose(fd)
				continue
			}
			h.afloat[f] = fd
			aboard = append(aboard, cargo{f, s, fd})
		}
	}
	return aboard
}

// openly makes a placeholder take messages as they are: with no sender's name but the one that they say, and with room for
// the twins that still lie there. It returns what puts that back.
func openly(at, from int, riders bool) func() {
	var undo []func()
	set := func(fd, name, value int) {
		if was, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, name); err == nil && was != value {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, value)
			undo = append(undo, func() { unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, was) })
		}
	}
	set(at, unix.SO_PASSCRED, 0)
	set(from, unix.SO_PASSCRED, 0)
	if riders {
		set(at, unix.SO_PASSRIGHTS, 1) // ENOPROTOOPT before Linux 6.16
		enlarge := func(size int) {
			if unix.SetsockoptInt(from, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, size) != nil {
				unix.SetsockoptInt(from, unix.SOL_SOCKET, unix.SO_SNDBUF, size)
			}
		}
		if was, err := unix.GetsockoptInt(from, unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
			enlarge(was) // the kernel doubles it
			undo = append(undo, func() { enlarge(was / 2) })
		}
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// takeTwin receives the twin with number id and returns its descriptors. Others before it belong to a byte of MSG_OOB that
// was passed over, and are dropped.
func takeTwin(at int, id uint64) []int {
	for again := false; ; {
		got, fds, err := recvRights(at, 0)
		if err == unix.ECONNRESET && !again {
			again = true // the placeholder's own error comes before what lies in it, once
			continue
		}
		if err != nil || got == id {
			return fds
		}
		for _, fd := range fds {
			rawClose(fd)
		}
	}
}

// recvRights receives one twin, which it tells by its number.
func recvRights(at, flags int) (id uint64, fds []int, err error) {
	var b [8]byte
	control := make([]byte, unix.CmsgSpace(4*253)+unix.CmsgSpace(12)) // SCM_MAX_FD, and a name that may come with it
	n, room, got, _, err := unix.Recvmsg(at, b[:], control, flags|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, nil, err
	}
	msgs, err := unix.ParseSocketControlMessage(control[:room])
	for i := range msgs {
		if msgs[i].Header.Level == unix.SOL_SOCKET && msgs[i].Header.Type == unix.SCM_RIGHTS {
			some, _ := unix.ParseUnixRights(&msgs[i])
			fds = append(fds, some...)
		}
	}
	if n < len(b) || got&unix.MSG_CTRUNC != 0 {
		err = unix.EMFILE
	}
	for i, x := range b {
		id |= uint64(x) << (8 * i)
	}
	return id, fds, err
}

// sendAgain sends a message with its descriptors. A name that we may not give it, or whose bearer is gone, is left out.
func sendAgain(from int, m *emulate.Msg, fds []int) error {
	flags := unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	if m.OOB {
		flags |= unix.MSG_OOB
	}
	var rights, name []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if m.Cred != nil {
		name = unix.UnixCredentials(m.Cred)
	}
	err := unix.Sendmsg(from, m.Bytes, append(name, rights...), nil, flags)
	if name != nil && (err == unix.EPERM || err == unix.ESRCH) {
		err = unix.Sendmsg(from, m.Bytes, rights, nil, flags)
	}
	return err
}

// settleSocket does to a placeholder what the model kept to itself: SO_PEEK_OFF, and that it was shut down.
func (h *host) settleSocket(s *emulate.Socket) {
	if s.Shut() == 0 && s.PeekOff() < 0 {
		return
	}
	if fd := h.open(s.File()); fd >= 0 {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, s.PeekOff())
		unix.Shutdown(fd, s.Shut()-1) // EINVAL if it was not
		rawClose(fd)
	}
}
