package emulate

// A Queue is a wait queue (the kernel's wait_queue_head_t): who must be asked again when an object changes.
// Waiters that are not exclusive stand before those that are, each kind in order of arrival
// (kernel/sched/wait.c: add_wait_queue and add_wait_queue_exclusive).
type Queue struct {
	head, tail *watcher
	excl       *watcher // the first exclusive one
	lasts      int      // those behind it, or at the tail, that are not exclusive
	fired      Events   // what happened since the waiters were last asked
	owed       int      // wake-ups that no exclusive waiter has used up yet; may be too high
	dirty      bool
	owner      Object
}

// A watcher is one place in a queue: a blocked call, or an epoll item, which is told at once.
type watcher struct {
	q          *Queue
	prev, next *watcher
	want       Events
	exclusive  bool
	last       bool // behind the exclusive ones, without being one
	call       *Call
	tell       func(key Events) bool // epoll items: reports whether it took the event
}

// Owner is the object whose changes the queue announces.
func (q *Queue) Owner() Object { return q.owner }

func (q *Queue) empty() bool { return q.head == nil }

func (q *Queue) add(w *watcher) {
	w.q = q
	if w.last {
		q.lasts++
	}
	before := q.excl // a plain waiter goes before the first exclusive one, an exclusive one to the tail
	if w.exclusive || w.last {
		before = nil
	}
	if before == nil {
		w.prev, w.next = q.tail, nil
		if q.tail != nil {
			q.tail.next = w
		} else {
			q.head = w
		}
		q.tail = w
		if w.exclusive && q.excl == nil {
			q.excl = w
		}
		return
	}
	w.next, w.prev = before, before.prev
	if before.prev != nil {
		before.prev.next = w
	} else {
		q.head = w
	}
	before.prev = w
}

func (q *Queue) remove(w *watcher) {
	if w.q != q {
		return
	}
	if w.last {
		q.lasts--
	}
	if q.excl == w {
		q.excl = w.next
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.q, w.prev, w.next = nil, nil, nil
}

// wake announces key to everybody in q: epoll items are told now (ep_poll_callback runs in the waker's
// context too), blocked calls are asked again when the driver settles the model.
func (k *Kernel) wake(q *Queue, key Events) {
	if q.head == nil {
		return
	}
	calls := false
	var next *watcher
	for w := q.head; w != nil; w = next {
		next = w.next
		if w.tell == nil {
			calls = true
			continue
		}
		if w.want&key == 0 {
			continue
		}
		if took := w.tell(key); took && w.exclusive {
			break
		}
	}
	if !calls {
		return
	}
	q.fired |= key
	switch {
	case q.excl == nil:
		q.owed = 0
	case key&(Hup|RdHup|Err) != 0: // sk_state_change and its like wake everybody
		q.owed = 1 << 30
	default:
		q.owed++
	}
	if !q.dirty {
		q.dirty = true
		k.dirty = append(k.dirty, q)
	}
}

// poke has the waiters of q asked again without telling epoll items of a new event.
func (k *Kernel) poke(q *Queue, key Events) {
	if q.head == nil {
		return
	}
	q.fired |= key
	if !q.dirty {
		q.dirty = true
		k.dirty = append(k.dirty, q)
	}
}

// A Reach says whether a blocked call can be served where it stands.
type Reach uint8

// The three answers of a driver.
const (
	ReachNow   Reach = iota // its task is stopped: its memory and registers can take a result
	ReachLater              // its task was asked to stop; the driver calls Resume then
	ReachNever              // its task is dying
)

// Settle asks the blocked calls again whose objects changed, in the order of their queues, until nothing
// changes any more. done receives each call that ended; it is out of all queues by then. reach may be nil
// when every blocked call can be served at once.
//
// Bytes are committed only to a task that is stopped: one that is killed meanwhile would take them along.
func (k *Kernel) Settle(done func(*Call, Outcome), reach func(*Call) Reach) {
	for len(k.dirty) > 0 {
		q := k.dirty[0]
		k.dirty = k.dirty[:copy(k.dirty, k.dirty[1:])]
		fired := q.fired
		q.dirty, q.fired = false, 0
		k.ask(q, fired, done, reach)
	}
}

func (k *Kernel) ask(q *Queue, fired Events, done func(*Call, Outcome), reach func(*Call) Reach) {
	// Plain waiters are all asked; from a snapshot, since asking changes the queue.
	ready := k.asking[:0]
	for w := q.head; w != nil && (w != q.excl || q.lasts > 0); w = w.next {
		if w.call != nil && !w.exclusive && w.want&fired != 0 {
			ready = append(ready, w.call)
		}
	}
	for _, c := range ready {
		if c.Blocked() {
			k.retry(c, done, reach)
		}
	}
	clear(ready)
	k.asking = ready[:0]
	// Exclusive ones are asked in turn; one that cannot go on yet speaks for all behind it that want the
	// same, and passes the question on when it leaves (Cancel). One that only peeked has used its wake-up up, and leaves
	// the message to whoever comes, but not to those that sleep (net/core/datagram.c: __skb_wait_for_more_packets).
	var stuck Events
	for w := q.excl; w != nil; {
		c, want := w.call, w.want
		if c == nil || !w.exclusive || want&fired == 0 || want&^stuck == 0 {
			w = w.next
			continue
		}
		peeks := c.peeks()
		if k.retry(c, done, reach) {
			if peeks && q.owed == 0 {
				stuck |= want
			}
			w = q.excl // the queue is another now
			continue
		}
		stuck |= want
		w = w.next
	}
}

// retry reports whether the call left its queues. One that goes on in a kernel call of its own has ended, too,
// as far as the model can settle it: the driver has to start that.
func (k *Kernel) retry(c *Call, done func(*Call, Outcome), reach func(*Call) Reach) bool {
	if reach != nil && reach(c) != ReachNow {
		return false
	}
	o := k.Resume(c)
	if o.Kind == KindBlock && o.Wait.Native == nil {
		return false
	}
	done(c, o)
	return !c.Blocked()
}

// Resume runs a blocked call's handler again.
func (k *Kernel) Resume(c *Call) Outcome {
	c.Attempt++
	return k.run(c)
}
