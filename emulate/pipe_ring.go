package emulate

// A pipeRing is a pipe's slots and their bytes. Slots that were written lie in pages of one store, neighbours
// beside each other, so that a transfer of many slots is one copy; what was spliced in brings its bytes along.
// The store grows as it is needed: most pipes never hold more than a page.
type pipeRing struct {
	slots int // how many may be in use (max_usage)
	bufs  []pipeBuf
	head  int // of the next slot to fill; tail is the first one in use. Both only grow.
	tail  int
	store []byte
}

// A pipeBuf is one slot (struct pipe_buffer).
type pipeBuf struct {
	page   int    // which page of the store its bytes lie in
	off    int    // where in it they begin
	len    int    // how many there are
	packet bool   // written with O_DIRECT: a read takes it whole and no more (PIPE_BUF_FLAG_PACKET)
	merge  bool   // a small write may be appended (PIPE_BUF_FLAG_CAN_MERGE)
	own    []byte // bytes that came by splice, in place of a page of the store
}

func (r *pipeRing) used() int  { return r.head - r.tail }
func (r *pipeRing) full() bool { return r.head-r.tail >= r.slots }

// at is the i-th slot in use.
func (r *pipeRing) at(i int) *pipeBuf { return &r.bufs[(r.tail+i)%len(r.bufs)] }

// last is the slot filled last.
func (r *pipeRing) last() *pipeBuf { return &r.bufs[(r.head-1)%len(r.bufs)] }

// bytes are what a slot holds.
func (r *pipeRing) bytes(s *pipeBuf) []byte {
	if s.own != nil {
		return s.own[s.off : s.off+s.len]
	}
	at := s.page*pageSize + s.off
	return r.store[at : at+s.len]
}

// room is n bytes of a slot's page behind those it holds.
func (r *pipeRing) room(s *pipeBuf, n int) []byte {
	at := s.page*pageSize + s.off + s.len
	return r.store[at : at+n]
}

// reserve is memory for the next n slots, which are free, as far as it is in one piece.
func (r *pipeRing) reserve(n int) []byte {
	if r.used() == 0 { // begin at the front again: the pages that were used last are warm
		r.head, r.tail = 0, 0
	}
	r.grow(r.used() + n)
	page := r.head % len(r.bufs)
	n = min(n, len(r.bufs)-page)
	return r.store[page*pageSize : (page+n)*pageSize]
}

// grow makes room for n slots; their number and order stay.
func (r *pipeRing) grow(n int) {
	if n <= len(r.bufs) {
		return
	}
	size := max(1, len(r.bufs))
	for size < n {
		size *= 4
	}
	r.move(min(size, max(n, r.slots)))
}

// move lays the slots in use out anew in a ring of size slots.
func (r *pipeRing) move(size int) {
	bufs, store := make([]pipeBuf, size), make([]byte, size*pageSize)
	n := r.used()
	for i := range n {
		s := *r.at(i)
		if s.own == nil {
			copy(store[i*pageSize+s.off:], r.bytes(&s))
			s.page = i
		}
		bufs[i] = s
	}
	r.bufs, r.store, r.tail, r.head = bufs, store, 0, n
}

// push fills the next slot with n bytes that reserve's memory holds already.
func (r *pipeRing) push(n int, packet bool) {
	page := r.head % len(r.bufs)
	r.bufs[page] = pipeBuf{page: page, len: n, packet: packet, merge: !packet}
	r.head++
}

// pushOwn fills the next slot with bytes that belong to it alone.
func (r *pipeRing) pushOwn(p []byte, packet bool) {
	r.reserve(1)
	r.bufs[r.head%len(r.bufs)] = pipeBuf{len: len(p), packet: packet, own: p}
	r.head++
}

// adopt fills the next slot with slot s of another ring as it is: what may be appended to it still may.
func (r *pipeRing) adopt(from *pipeRing, s *pipeBuf) {
	r.reserve(1)
	at := r.head % len(r.bufs)
	n := *s
	if s.own == nil {
		n.page = at
		copy(r.store[at*pageSize+s.off:], from.bytes(s))
	}
	r.bufs[at] = n
	r.head++
}

// link fills the next slot with at most n bytes of slot s of another ring, which keeps them.
func (r *pipeRing) link(from *pipeRing, s *pipeBuf, n int) int {
	b := from.bytes(s)
	b = b[:min(n, len(b))]
	if s.own != nil {
		r.pushOwn(b[:len(b):len(b)], s.packet)
	} else {
		r.put(b, s.packet)
	}
	return len(b)
}

// put fills the next slot with a copy of b, to which nothing will be appended.
func (r *pipeRing) put(b []byte, packet bool) {
	if len(b) > pageSize {
		r.pushOwn(append([]byte(nil), b...), packet)
		return
	}
	copy(r.reserve(1), b)
	r.push(len(b), packet)
	r.last().merge = false
}

// pop frees the first slot.
func (r *pipeRing) pop() {
	*r.at(0) = pipeBuf{}
	r.tail++
}

func (r *pipeRing) resize(slots int) {
	r.slots = slots
	if len(r.bufs) > slots {
		r.move(slots)
	}
}
