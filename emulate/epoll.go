package emulate

import (
	"slices"
	"sort"
	"strconv"

	"golang.org/x/sys/unix"
)

// An Epoll is the model's half of an epoll instance: the interests in emulated files. The descriptor is a
// real epoll, in which the kernel keeps the interests in everything else; emulated files are never
// registered there, since a placeholder's readiness means nothing. The rules are those of fs/eventpoll.c.
//
// An epoll inside another is registered in both halves, and the kernel's answer stands for both: so nesting
// limits and loops (ep_loop_check) are the kernel's own. One thing is lost there: a nested epoll that is
// watched with EPOLLONESHOT and has members in both halves can tell once from each.
type Epoll struct {
	name  string
	items map[epkey]*epitem

	readyHead, readyTail *epitem // rdllist: what may be ready, in the order in which it became so

	wq      Queue // who sleeps in epoll_wait
	pollers Queue // who polls the epoll itself (poll_wait)

	// natives counts what was added to the kernel's half. Files that are closed leave it without a word, so
	// it may be too high, never too low.
	natives int
	nested  int  // items whose file is an epoll
	turn    bool // the half that usually comes second goes first next time

	out []*epitem // send's, kept from call to call
	raw []byte
}

// An epkey names an interest: struct epoll_filefd.
type epkey struct {
	file *File
	fd   int
}

// An epitem is one interest of an epoll: struct epitem.
type epitem struct {
	epkey
	ep     *Epoll
	events Events // with the private bits
	data   uint64

	next, prev *epitem
	linked     bool // in the ready list
	waits      [2]watcher
	queued     int
}

// The private bits of an event mask and what may go with EPOLLEXCLUSIVE: fs/eventpoll.c.
const (
	epWakeup    Events = unix.EPOLLWAKEUP
	epOneshot   Events = unix.EPOLLONESHOT
	epET        Events = 1 << 31 // EPOLLET, which x/sys has as a negative number in places
	epExclusive Events = unix.EPOLLEXCLUSIVE

	epPrivate     = epWakeup | epOneshot | epET | epExclusive
	epExclusiveOK = In | Out | Err | Hup | epWakeup | epET | epExclusive
)

func (k *Kernel) newEpoll() *File {
	k.epolls++
	ep := &Epoll{name: "epoll:" + strconv.Itoa(k.epolls), items: map[epkey]*epitem{}}
	ep.wq.owner, ep.pollers.owner = ep, ep
	k.born(ep)
	return &File{ops: ep, Flags: unix.O_RDWR}
}

// Name is the epoll's name.
func (ep *Epoll) Name() string { return ep.name }

// Kind is "epoll".
func (ep *Epoll) Kind() string { return "epoll" }

// Members lists the emulated files that the epoll watches, for a driver that gives it back to the kernel.
func (ep *Epoll) Members() []*File {
	keys := make([]epkey, 0, len(ep.items))
	for key := range ep.items {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].fd < keys[j].fd })
	var out []*File
	for _, key := range keys {
		if !slices.Contains(out, key.file) {
			out = append(out, key.file)
		}
	}
	return out
}

// An Interest is one epoll's interest in a file.
type Interest struct {
	Epoll  *Epoll
	FD     int // the number under which it was added
	Events Events
	Data   uint64
}

// Interests lists who watches f. A driver that gives f back to the kernel adds them to the kernel's half of
// each epoll, which is counted as done when the model lets go of f (epitem.drop).
func (f *File) Interests() []Interest {
	out := make([]Interest, 0, len(f.items))
	for _, it := range f.items {
		out = append(out, Interest{it.ep, it.fd, it.events, it.data})
	}
	return out
}

// real tells whether the kernel's half may have anything to say. A nested epoll is in that half too, but
// has something to say only if its own has.
func (ep *Epoll) real() bool {
	if ep.natives > ep.nested {
		return true
	}
	if ep.nested > 0 {
		for key := range ep.items {
			if inner, ok := key.file.ops.(*Epoll); ok && inner.real() {
				return true
			}
		}
	}
	return false
}

// poll looks for an item that is still ready; what is not leaves the list (__ep_eventpoll_poll).
func (ep *Epoll) poll(*File) Events {
	for it := ep.readyHead; it != nil; it = ep.readyHead {
		if it.poll() != 0 {
			return In | RdNorm
		}
		ep.unlink(it)
	}
	return 0
}

func (ep *Epoll) queues(*File) []*Queue { return []*Queue{&ep.pollers} }

// An epoll has no read and no write: EINVAL, says the kernel (fs/read_write.c: FMODE_CAN_READ).
func (ep *Epoll) read(*Kernel, *Call, *File, *Vec, bool) Outcome  { return Pass() }
func (ep *Epoll) write(*Kernel, *Call, *File, *Vec, bool) Outcome { return Pass() }

func (ep *Epoll) release(k *Kernel, _ *File) {
	ep.clear(k)
	k.gone(ep)
}

// clear ends every interest of the epoll (ep_clear_and_put).
func (ep *Epoll) clear(k *Kernel) {
	for _, it := range ep.items {
		it.drop(k)
	}
}

// poll is the item's readiness, as far as it is asked for (ep_item_poll).
func (it *epitem) poll() Events { return it.file.ops.poll(it.file) & it.events }

func (ep *Epoll) link(it *epitem) {
	it.linked = true
	it.prev, it.next = ep.readyTail, nil
	if ep.readyTail != nil {
		ep.readyTail.next = it
	} else {
		ep.readyHead = it
	}
	ep.readyTail = it
}

func (ep *Epoll) unlink(it *epitem) {
	if !it.linked {
		return
	}
	it.linked = false
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		ep.readyHead = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		ep.readyTail = it.prev
	}
	it.next, it.prev = nil, nil
}

// announce tells the epoll's own waiters that something is in its list, and reports whether any of them
// sleeps in epoll_wait.
func (ep *Epoll) announce(k *Kernel) bool {
	asleep := !ep.wq.empty()
	k.wake(&ep.wq, In|RdNorm)
	k.wake(&ep.pollers, In) // ep_poll_safewake
	return asleep
}

// tell is ep_poll_callback: a queue of the item's file announces key. It reports whether an exclusive item
// took the event: somebody sleeps in its epoll_wait, and the event is of the kind it asked for.
func (it *epitem) tell(k *Kernel, key Events) bool {
	if it.events&^epPrivate == 0 {
		return false // disabled by EPOLLONESHOT
	}
	all := key == AnyEvent // the kernel's key of 0
	if !all && key&it.events == 0 {
		return it.events&epExclusive == 0
	}
	if !it.linked {
		it.ep.link(it)
	}
	asleep := it.ep.announce(k)
	if it.events&epExclusive == 0 {
		return true
	}
	switch inOut := key & (In | Out); {
	case all, !asleep: // what wakes all stops at nobody
		return false
	case inOut == 0:
		return true
	case inOut == In || inOut == Out:
		return it.events&inOut != 0
	}
	return false
}

// insert adds an interest; what is ready already goes to the list at once (ep_insert).
func (ep *Epoll) insert(k *Kernel, key epkey, events Events, data uint64) *epitem {
	it := &epitem{epkey: key, ep: ep, events: events, data: data}
	ep.items[key] = it
	key.file.items = append(key.file.items, it)
	if _, ok := key.file.ops.(*Epoll); ok {
		ep.nested++
	}
	for _, q := range key.file.ops.queues(key.file) {
		w := &it.waits[it.queued]
		it.queued++
		*w = watcher{want: AnyEvent, exclusive: events&epExclusive != 0,
			tell: func(key Events) bool { return it.tell(k, key) }}
		if w.exclusive {
			q.add(w)
		} else {
			q.addFirst(w)
		}
	}
	if it.poll() != 0 && !it.linked {
		ep.link(it)
		ep.announce(k)
	}
	return it
}

// modify changes an interest, which arms it anew (ep_modify).
func (it *epitem) modify(k *Kernel, events Events, data uint64) {
	it.events, it.data = events, data
	if it.poll() != 0 && !it.linked {
		it.ep.link(it)
		it.ep.announce(k)
	}
}

// drop ends an interest (ep_remove): by EPOLL_CTL_DEL, or with its file or its epoll.
func (it *epitem) drop(*Kernel) {
	ep := it.ep
	for i := range it.waits[:it.queued] {
		if w := &it.waits[i]; w.q != nil {
			w.q.remove(w)
		}
	}
	it.queued = 0
	ep.unlink(it)
	delete(ep.items, it.epkey)
	f := it.file
	for i, other := range f.items {
		if other == it {
			f.items = append(f.items[:i], f.items[i+1:]...)
			break
		}
	}
	if _, ok := f.ops.(*Epoll); ok {
		ep.nested--
		if f.refs <= 0 {
			ep.natives-- // gone from both halves at once
		}
	}
	if f.native {
		ep.natives++ // demoted: from now on the kernel's half has it
	}
}

// addFirst puts w before all others of its kind: add_wait_queue and __add_wait_queue_exclusive insert at
// the head, so the last to come is the first to be told.
func (q *Queue) addFirst(w *watcher) {
	w.q = q
	at := q.head
	if w.exclusive {
		at = q.excl
		if at == nil {
			q.add(w)
			return
		}
		q.excl = w
	}
	w.next = at
	if at == nil {
		w.prev, q.head, q.tail = nil, w, w
		return
	}
	if w.prev = at.prev; w.prev != nil {
		w.prev.next = w
	} else {
		q.head = w
	}
	at.prev = w
}
