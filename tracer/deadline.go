package tracer

import "container/heap"

// deadlines are the waits that end at a time, kept by the tracer because their task sleeps without one.
type deadlines struct{ heap lateHeap }

type late struct {
	at  int64
	seq uint64
	k   *task
}

type lateHeap []late

func (h lateHeap) Len() int           { return len(h) }
func (h lateHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h lateHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lateHeap) Push(x any)        { *h = append(*h, x.(late)) }
func (h *lateHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = late{}
	*h = old[:len(old)-1]
	return x
}

// waits tells whether the entry's call is still blocked with this deadline.
func (l late) waits() bool {
	return l.k.active && l.k.call.Seq == l.seq && l.k.call.Blocked() && (l.k.state == held || l.k.state == parked)
}

func (d *deadlines) add(k *task, at int64) { heap.Push(&d.heap, late{at, k.call.Seq, k}) }

// next is the earliest deadline, 0 when there is none.
func (d *deadlines) next() int64 {
	for len(d.heap) > 0 {
		l := d.heap[0]
		switch later := l.k.call.Waiting().Deadline; {
		case !l.waits():
			heap.Pop(&d.heap)
		case later > l.at: // it sleeps anew: SO_SNDTIMEO counts for each piece of a stream
			d.heap[0].at = later
			heap.Fix(&d.heap, 0)
		default:
			return l.at
		}
	}
	return 0
}

// pop takes a task whose deadline has passed by the time.
func (d *deadlines) pop(by int64) *task {
	if at := d.next(); at == 0 || at > by {
		return nil
	}
	return heap.Pop(&d.heap).(late).k
}
