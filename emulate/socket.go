package emulate

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// A Socket is one end of a socketpair(2) of AF_UNIX. Its rules are those of net/unix/af_unix.c; what is named
// after a Linux function there follows it.
type Socket struct {
	name string
	typ  int     // SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM
	peer *Socket // nil when a datagram socket found its peer gone (unix_peer)
	dead bool    // closed: only its peer still knows it
	file *File

	queue  skbQueue // what it may receive
	oob    *skb     // the byte of MSG_OOB in it, not received yet
	inql   int      // what FIONREAD tells of a stream (inq_len): a byte of MSG_OOB that a read passed over counts for ever
	wmem   int      // truesize of what it sent and the peer did not take
	sndbuf int      // the bound on wmem: SO_SNDBUF as the kernel keeps it, doubled
	err    unix.Errno
	kept   bool // err came without a wake-up
	shut   uint8

	rcvtimeo int64 // ns; 0 for ever, negative for not at all
	sndtimeo int64
	lowat    int
	peekOff  int // SO_PEEK_OFF, -1 when it is off
	passcred bool
	bound    []byte // the address that its messages come from, as struct sockaddr_un; nil for none
	inline   bool   // SO_OOBINLINE
	nospace  bool   // a sender found no room: SIGIO when there is some (SOCKWQ_ASYNC_NOSPACE)
	waitdata int    // stream readers that sleep: no SIGIO meanwhile (SOCKWQ_ASYNC_WAITDATA)

	wq  Queue // sk_sleep: readers, writers and pollers alike
	in  ride  // the kernel's half of messages with descriptors that come,
	out ride  // and of those that go
}

// What is shut down: include/net/sock.h.
const (
	rcvShutdown  = 1
	sendShutdown = 2
	shutdownMask = 3
)

// socketpair serves AF_UNIX pairs; any other family fails in the kernel.
func (k *Kernel) socketpair(c *Call) Outcome {
	if c.Arg(0) != unix.AF_UNIX {
		return Pass()
	}
	return k.create(c, 3, func(fds [2]int) { k.newPair(c, fds) })
}

func (k *Kernel) sawSocketpair(c *Call, ret int64) {
	k.created(c, 3, ret, func(fds [2]int) { k.newPair(c, fds) })
}

func (k *Kernel) newPair(c *Call, fds [2]int) {
	k.pairs++
	typ := c.Arg(1) & 0xf
	if typ == unix.SOCK_RAW { // unix_create: believed to be a datagram socket
		typ = unix.SOCK_DGRAM
	}
	flags := unix.O_RDWR
	if c.Arg(1)&unix.SOCK_NONBLOCK != 0 {
		flags |= unix.O_NONBLOCK
	}
	sndbuf := k.Host.Sysctl("net/core/wmem_default", 212992)
	var ends [2]*Socket
	for i := range ends {
		s := &Socket{name: "pair:" + strconv.Itoa(k.pairs) + "." + string("ab"[i]), typ: typ, sndbuf: sndbuf, lowat: 1, peekOff: -1}
		s.wq.owner, s.in.free.owner, s.out.free.owner = s, s, s
		s.file = &File{ops: s, Flags: flags}
		ends[i] = s
		k.born(s)
	}
	ends[0].peer, ends[1].peer = ends[1], ends[0]
	for i, s := range ends {
		k.install(c.Task.Files, fds[i], s.file, c.Arg(1)&unix.SOCK_CLOEXEC != 0)
	}
}

// Name is the end's name.
func (s *Socket) Name() string { return s.name }

// Kind is "pair".
func (s *Socket) Kind() string { return "pair" }

// Peer is the other end while it is open, else nil.
func (s *Socket) Peer() *Socket {
	if s.peer == nil || s.peer.dead {
		return nil
	}
	return s.peer
}

// Fill is how many bytes lie unread at this end and in how many messages; there is no bound on their number.
func (s *Socket) Fill() (bytes, slots, ring int) {
	for b := s.queue.first; b != nil; b = b.next {
		bytes += b.len()
		slots++
	}
	return bytes, slots, 0
}

func (s *Socket) stream() bool { return s.typ == unix.SOCK_STREAM }

// writable is unix_writable. The kernel's count of wmem begins at one.
func (s *Socket) writable() bool { return (s.wmem+1)<<2 <= s.sndbuf }

// poll is unix_poll and unix_dgram_poll, which agree for two sockets that are each other's peers.
func (s *Socket) poll(*File) Events {
	e := s.ready()
	s.nospace = s.nospace || e&Out == 0
	return e
}

func (s *Socket) ready() Events {
	var e Events
	if s.err != 0 {
		e |= Err
	}
	if s.shut == shutdownMask {
		e |= Hup
	}
	if s.shut&rcvShutdown != 0 {
		e |= RdHup | In | RdNorm
	}
	if s.queue.first != nil {
		e |= In | RdNorm
	}
	if s.oob != nil {
		e |= Pri
	}
	if s.writable() {
		e |= Out | WrNorm | WrBand
	}
	return e
}

func (s *Socket) queues(*File) []*Queue { return []*Queue{&s.wq} }

// release is unix_release_sock.
func (s *Socket) release(k *Kernel, _ *File) {
	s.dead = true
	s.shut = shutdownMask
	s.oob = nil
	if p := s.peer; p != nil && !p.dead && s.typ != unix.SOCK_DGRAM {
		first := s.queue.first
		if first != nil && first.len() == 0 { // meant for a mark where a byte of MSG_OOB was; an empty packet is one, too
			first = first.next
		}
		p.shut = shutdownMask
		if first != nil {
			p.err = unix.ECONNRESET
		}
		k.wake(&p.wq, AnyEvent)
	}
	for s.queue.first != nil {
		b := s.queue.first
		s.queue.unlink(b)
		k.free(b)
	}
	k.gone(s)
}

// shutdown leaves the placeholder alone, so that what lies unread can be put into it if the pair is given back; it
// is shut down then. Only where somebody gets signals the kernel does it, too, and sends them.
func (k *Kernel) shutdown(c *Call) Outcome {
	f, s := k.socket(c)
	if s == nil {
		return Pass()
	}
	how := c.Arg(1)
	switch p := s.peer; {
	case how < unix.SHUT_RD || how > unix.SHUT_RDWR:
		return Fail(unix.EINVAL)
	case f.Flags&unix.O_ASYNC != 0, p != nil && p.file.Flags&unix.O_ASYNC != 0:
		return Hear()
	}
	k.sawShutdown(c, 0)
	return Done(0)
}

// PeekOff is SO_PEEK_OFF, which the placeholder does not know of either.
func (s *Socket) PeekOff() int { return s.peekOff }

// Shut is what is shut down at s: 0 for nothing, else one more than shutdown's argument.
func (s *Socket) Shut() int { return int(s.shut) }

// sawShutdown is unix_shutdown. Each half of a stream or a sequence of packets takes the peer's other half along.
func (k *Kernel) sawShutdown(c *Call, ret int64) {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil || ret != 0 {
		return
	}
	s, ok := f.ops.(*Socket)
	if !ok {
		return
	}
	mode := uint8(c.Arg(1) + 1)
	s.shut |= mode
	k.wake(&s.wq, AnyEvent)
	if p := s.peer; p != nil && s.typ != unix.SOCK_DGRAM {
		p.shut |= mode>>1 | mode<<1&sendShutdown
		k.wake(&p.wq, AnyEvent)
	}
}

// connect can give a datagram socket another peer: from then on the kernel serves the pair. The others are
// connected for good, and the placeholder says so.
func (k *Kernel) connect(c *Call) Outcome {
	f := c.Task.Files.Get(c.Arg(0))
	if f == nil {
		return Pass()
	}
	if s, ok := f.ops.(*Socket); ok && s.typ == unix.SOCK_DGRAM {
		k.Host.Demote(f, "connect")
	}
	return Pass()
}

// bind gives an end a name, under which others can send to it past the model.
func (k *Kernel) bind(c *Call) Outcome {
	if f := c.Task.Files.Get(c.Arg(0)); f != nil {
		if _, ok := f.ops.(*Socket); ok {
			k.Host.Demote(f, "bind")
		}
	}
	return Pass()
}

// inq is unix_inq_len.
func (s *Socket) inq() int {
	if s.stream() {
		return s.inql
	}
	n := 0
	for b := s.queue.first; b != nil; b = b.next {
		n += b.len()
		if s.typ == unix.SOCK_DGRAM {
			break
		}
	}
	return n
}

func (s *Socket) outq() int { return s.wmem }

// atMark is SIOCATMARK. What has no marks refuses the question (unix_ioctl), which the placeholder does as well.
func (s *Socket) atMark() int {
	if !s.stream() {
		return -1
	}
	b := s.queue.first
	if b == nil || b != s.oob && (b.len() != 0 || s.oob != nil && b.next != s.oob) {
		return 0
	}
	return 1
}
