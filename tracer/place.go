package tracer

import (
	"fmt"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Placement outweighs everything else that a stop costs: a task woken on another processor takes four times
// as long to come back as one woken here. So while only one task of the tree can run, it is pulled: bound
// to this processor for the moment in which it is continued. It may run before this thread gives it its own
// mask back; so the calls that would tell are stopped too, and what it creates meanwhile gets the mask put right.
//
// With several tasks running the kernel's own placement is better, so pulling stops as soon as another task
// is seen awake, and stays off for a while.

type cpuMask [16]uint64 // 1,024 processors

type placement struct {
	off     bool  // one processor, or the kernel does not let us
	awake   bool  // another task was seen running
	checked int64 // when the others were last looked at
	pulled  uint64
}

const (
	// lookEvery is how often the tasks that the tracer does not hold are looked at in /proc.
	lookEvery = 5 * tick
	// lookAtMost is how many of them are worth looking at.
	lookAtMost = 8
)

func affinity(tid int, m *cpuMask) int {
	n, _, e := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
	if e != 0 {
		return 0
	}
	return int(n)
}

func setAffinity(tid int, m *cpuMask) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
	return e
}

func (m *cpuMask) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// placed is the policy's beginning: with one processor for the tracer there is nowhere to pull from.
func placed() placement {
	var m cpuMask
	return placement{off: affinity(0, &m) == 0 || m.count() <= 1}
}

// resume lets a task go on after a call, on this processor if it is the only one that can run.
func (t *Tracer) resume(k *task) {
	if t.place.off || !t.alone(k) {
		t.cont(k, 0)
		return
	}
	var mask cpuMask
	if affinity(k.tid, &mask) == 0 || mask.count() <= 1 {
		t.cont(k, 0)
		return
	}
	var cpu uint32
	unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0)
	if mask[cpu/64]>>(cpu%64)&1 == 0 {
		t.cont(k, 0)
		return
	}
	var here cpuMask
	here[cpu/64] = 1 << (cpu % 64)
	if setAffinity(k.tid, &here) != 0 {
		t.place.off = true
		t.cont(k, 0)
		return
	}
	t.place.pulled++
	k.pulled, k.ownMask = true, mask
	t.cont(k, 0)
	setAffinity(k.tid, &mask)
}

// free gives a task that was created by a pulled one the mask that its parent should have had.
func (k *task) free(child int) {
	if k.pulled {
		setAffinity(child, &k.ownMask)
	}
}

// alone tells whether every other task of the tree sleeps, by what the tracer knows or saw a moment ago.
func (t *Tracer) alone(k *task) bool {
	if len(t.tasks) == 1 {
		return true
	}
	if t.clock-t.place.checked < lookEvery {
		return !t.place.awake
	}
	t.place.checked = t.clock
	t.place.awake = false
	looked := 0
	for _, o := range t.tasks {
		if o == k || o.state != running {
			continue
		}
		if looked++; looked > lookAtMost || runs(o.tid) {
			t.place.awake = true
			return false
		}
	}
	return true
}

// runs tells whether a task is on a processor or waits for one.
func runs(tid int) bool {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/stat", tid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var buf [512]byte
	n, _ := unix.Read(fd, buf[:])
	for i := n - 1; i > 0; i-- {
		if buf[i] == ')' {
			return i+2 < n && buf[i+2] == 'R'
		}
	}
	return false
}
