package emulate

import "golang.org/x/sys/unix"

// What a driver needs to give a socketpair back to the kernel: the messages, what goes with them, and how the files
// can be reached that only a message holds.

// A Msg is one message that lay unread at a socket.
type Msg struct {
	Bytes  []byte
	OOB    bool        // sent with MSG_OOB, and not received
	Rider  uint64      // the number of its twin in the placeholder, which has the descriptors; 0 for none
	Rights []*File     // the descriptors with it, nil for each that is not emulated
	Cred   *unix.Ucred // whom it says that it is from, nil if it does not
}

// Files are the emulated files among the message's descriptors.
func (m *Msg) Files() []*File {
	var out []*File
	for _, f := range m.Rights {
		if f != nil {
			out = append(out, f)
		}
	}
	return out
}

// Drain takes out all that lies unread at the socket, for a driver that gives it back to the kernel. What goes with
// the messages keeps its references: the kernel will hold it.
func (s *Socket) Drain() []Msg {
	var out []Msg
	for s.queue.first != nil {
		b := s.queue.first
		s.queue.unlink(b)
		m := Msg{Bytes: b.data[b.off:], OOB: b == s.oob, Rider: b.rider, Rights: b.rights}
		if b.cred.pid != 0 {
			m.Cred = &unix.Ucred{Pid: b.cred.pid, Uid: b.cred.uid, Gid: b.cred.gid}
		}
		if b.len() > 0 || !s.stream() {
			out = append(out, m)
		}
		b.from.wmem -= b.truesize
	}
	s.oob = nil
	return out
}

// File is the one open file description of the socket.
func (s *Socket) File() *File { return s.file }

// Pending is the error that the next call would meet, for a driver that gives the socket back; it stays.
func (s *Socket) Pending() unix.Errno { return s.err }

// Rides are the calls in whose task a twin is being sent to the socket or received there at this moment.
func (s *Socket) Rides() []*Call {
	var out []*Call
	if s.in.call != nil {
		out = append(out, s.in.call)
	}
	if s.peer != nil && s.peer.out.call != nil {
		out = append(out, s.peer.out.call)
	}
	return out
}

// Afloat finds a message with f among its descriptors: the socket where it lies, how many twins lie before its own in
// the placeholder, and where in the message f is.
func (k *Kernel) Afloat(f *File) (s *Socket, before, at int, ok bool) {
	for _, o := range k.Objects() {
		s, isSocket := o.(*Socket)
		if !isSocket {
			continue
		}
		before = 0
		for b := s.queue.first; b != nil; b = b.next {
			if b.rider == 0 {
				continue
			}
			for i, other := range b.rights {
				if other == f {
					return s, before, i, true
				}
			}
			before++
		}
	}
	return nil, 0, 0, false
}
