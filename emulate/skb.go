package emulate

// An skb is one message, or one piece of a stream, on its way (struct sk_buff with unix_skb_parms).
type skb struct {
	next, prev *skb
	data       []byte
	off        int // bytes that a stream's reader took already
	truesize   int // what it counts against the sender's SO_SNDBUF
	from       *Socket
	peeked     bool // an empty packet that was looked at: SO_PEEK_OFF passes over it (__skb_try_recv_from_queue)
	cred       cred
	rights     []*File // the descriptors with it that are emulated, nil for each that is not
	rider      uint64  // the number of its twin in the placeholder, which carries the descriptors; 0 for none
}

// A cred is a sender's name. The zero value is a sender that did not tell: nobody's pid, overflow ids.
type cred struct {
	pid      int32
	uid, gid uint32
}

// unnamed is what a message shows that was sent while nobody asked for names (INVALID_UID, as munged).
var unnamed = cred{0, 65534, 65534}

func (b *skb) len() int { return len(b.data) - b.off }

// An skbQueue is sk_receive_queue.
type skbQueue struct{ first, last *skb }

func (q *skbQueue) push(b *skb) {
	if b.prev = q.last; b.prev != nil {
		b.prev.next = b
	} else {
		q.first = b
	}
	q.last = b
}

func (q *skbQueue) unlink(b *skb) {
	if b.prev != nil {
		b.prev.next = b.next
	} else {
		q.first = b.next
	}
	if b.next != nil {
		b.next.prev = b.prev
	} else {
		q.last = b.prev
	}
	b.next, b.prev = nil, nil
}

// Sizes by which the kernel measures an skb: 256 bytes for itself, 320 for what ends its data area, and a data
// area as kmalloc gives it; beyond what fits into that, whole pages (__alloc_skb, alloc_skb_with_frags).
const (
	skbSelf    = 256
	skbInfo    = 320
	streamHead = 3776          // SKB_MAX_HEAD(0)
	streamFrag = 32768         // UNIX_SKB_FRAGS_SZ
	packetHead = 16064         // SKB_MAX_ALLOC
	packetFrag = 17 * pageSize // MAX_SKB_FRAGS pages
)

// truesize is what a message counts of which head bytes lie in the data area and paged in pages.
func truesize(head, paged int) int {
	area := 512
	for area < head+skbInfo {
		area *= 2
	}
	return skbSelf + area + pageAlign(paged)
}

func pageAlign(n int) int { return (n + pageSize - 1) &^ (pageSize - 1) }

// streamPiece is how much of left bytes the next skb takes and what that counts (unix_stream_sendmsg).
func (s *Socket) streamPiece(left int) (size, truth int) {
	size = min(left, s.sndbuf>>1-64, streamHead+streamFrag)
	paged := min(size, pageAlign(max(0, size-streamHead)))
	return size, truesize(size-paged, paged)
}

// packetSize is what a datagram of n bytes counts (unix_dgram_sendmsg).
func packetSize(n int) int {
	paged := 0
	if n > packetHead {
		paged = pageAlign(min(n-packetHead, packetFrag))
	}
	return truesize(max(0, n-paged), paged)
}

// deliver puts b into p's queue and tells whoever waits for it (sock_def_readable).
func (k *Kernel) deliver(p *Socket, b *skb) {
	b.from.wmem += b.truesize
	p.queue.push(b)
	p.inql += b.len()
	k.wake(&p.wq, In|Pri|RdNorm|RdBand)
	if p.waitdata == 0 {
		k.raiseOne(p.file, In)
	}
}

// free ends an skb that left its queue: its sender has room again (sock_wfree, unix_write_space).
func (k *Kernel) free(b *skb) {
	s := b.from
	s.wmem -= b.truesize
	k.room(s)
	for _, f := range b.rights {
		if f != nil {
			k.put(f)
		}
	}
	b.rights = nil
}

// room tells whoever waits to send that an skb of s's is gone (unix_write_space). One that was made and never
// sent counts too.
func (k *Kernel) room(s *Socket) {
	if s.dead || (s.wmem+2)<<2 > s.sndbuf { // one byte of it still counts at this point
		return
	}
	k.wake(&s.wq, Out|WrNorm|WrBand)
	if s.nospace {
		s.nospace = false
		k.raiseOne(s.file, Out)
	}
}

// maybeCred names the sender when either end asks for names (unix_maybe_add_creds).
func (k *Kernel) maybeCred(c *Call, s *Socket, told *cred) cred {
	if told != nil {
		return *told
	}
	if !s.passcred && (s.peer == nil || !s.peer.passcred) {
		return unnamed
	}
	u := k.Host.Creds(c.Task)
	return cred{u.Pid, u.Uid, u.Gid}
}
