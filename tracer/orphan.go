package tracer

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A new task's first stop may be seen before its creator's report, and then waits for it. A creator that is killed
// in between never reports: its child is traced all the same, and must not be left in that stop.

// An orphan is a task that was seen before its creator reported it.
type orphan struct {
	ws         uint32
	tgid, ppid int
}

// strange is a stop of a task that nobody has reported.
func (t *Tracer) strange(tid int, ws uint32) {
	if ws>>16 == unix.PTRACE_EVENT_EXIT { // killed before it ever ran
		ptrace(unix.PTRACE_CONT, tid, 0, 0)
		return
	}
	st := readStatus(tid)
	t.orphans[tid] = orphan{ws, st.tgid, st.ppid}
	if t.someone(st.tgid) == nil && t.someone(st.ppid) == nil {
		t.foster(tid)
	}
}

// someone is a task of a process, nil when it has none left.
func (t *Tracer) someone(tgid int) *task {
	for _, k := range t.tasks {
		if k.proc.tgid == tgid {
			return k
		}
	}
	return nil
}

// bequeath gives a process's last task, which is gone, the children that it did not live to report.
func (t *Tracer) bequeath(k *task) {
	if len(t.orphans) == 0 || k.proc.tasks > 1 {
		return
	}
	for tid, o := range t.orphans {
		switch k.proc.tgid {
		case o.tgid:
			t.created(k, tid, unix.CLONE_THREAD|unix.CLONE_VM|unix.CLONE_FILES)
		case o.ppid:
			t.created(k, tid, 0)
		default:
			continue
		}
		t.begin(t.tasks[tid])
	}
}

// foster takes in an orphan whose creator is not known: what it holds is found out by comparing descriptors.
func (t *Tracer) foster(tid int) {
	o := t.orphans[tid]
	p := &process{tgid: o.tgid, space: &space{mine: map[int]uint64{}}}
	k := &task{tid: tid, mem: memory{tid}, state: newborn, opts: options, proc: p}
	k.model = t.kernel.Adopt(tid, o.tgid)
	p.tasks = 1
	t.tasks[tid] = k
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", tid))
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, fd))
		if !strings.HasPrefix(link, "pipe:") && !strings.HasPrefix(link, "socket:") && link != epollLink {
			continue
		}
		if f := t.known(k, fd); f != nil {
			t.kernel.Install(k.model, fd, f, cloexec(tid, fd))
		}
	}
	t.begin(k)
}

// known is the model's file behind a descriptor that the model does not know.
func (t *Tracer) known(k *task, fd int) *emulate.File {
	for _, o := range t.tasks {
		if o == k || o.model.Files == nil {
			continue
		}
		for _, n := range o.model.Files.FDs() {
			if is, _ := same(kcmpFile, k.tid, fd, o.tid, uintptr(n)); is {
				return o.model.Files.Get(n)
			}
		}
	}
	return nil
}

// begin hands a task whose first stop was kept its turn.
func (t *Tracer) begin(k *task) {
	if o, ok := t.orphans[k.tid]; ok {
		delete(t.orphans, k.tid)
		t.event(k.tid, o.ws)
	}
}
