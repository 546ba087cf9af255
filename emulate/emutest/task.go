package emutest

import (
	"slices"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What tasks do beside calls: they begin and end, and find things that others made.

// Clone makes a task with clone(2)'s flags. Without CLONE_VM its memory is a copy.
func (t *Task) Clone(flags uint64) *Task {
	s := t.sim
	tid := firstTID
	for s.tasks[tid] != nil || s.K.Tasks[tid] != nil {
		tid++
	}
	n := &Task{Task: s.K.Clone(t.Task, tid, flags), Mem: t.Mem, Uid: t.Uid, Gid: t.Gid, Root: t.Root, sim: s, table: t.table}
	if flags&unix.CLONE_FILES == 0 {
		n.table = t.table.clone()
	}
	if flags&unix.CLONE_VM == 0 {
		n.Mem = t.Mem.fork()
		n.scratch = t.scratch
	}
	s.tasks[tid] = n
	s.note("%d is cloned from %d", tid, t.TID)
	return n
}

func (m *Mem) fork() *Mem {
	n := &Mem{brk: m.brk, areas: slices.Clone(m.areas)}
	for i := range n.areas {
		n.areas[i].data = slices.Clone(n.areas[i].data)
	}
	return n
}

// Exec is a successful execve.
func (t *Task) Exec() {
	if t.Files.Users() > 1 {
		t.table = t.table.clone()
	}
	t.sim.note("%d executes", t.TID)
	t.sim.K.Exec(t.Task, t.TID)
	for _, fd := range t.table.numbers() {
		if t.table.fds[fd].cloexec {
			t.table.close(fd)
		}
	}
	t.sim.settle()
}

// Exit ends the task, whatever it does.
func (t *Task) Exit() {
	s := t.sim
	s.note("%d exits", t.TID)
	if tr := t.trap; tr != nil && tr.state != ended {
		s.K.Cancel(&tr.Call)
		s.leave(tr, emulate.Unknown)
		tr.state = ended
	}
	last := t.Files.Users() == 1
	s.K.Exit(t.Task)
	if last {
		for _, fd := range t.table.numbers() {
			t.table.close(fd)
		}
	}
	delete(s.tasks, t.TID)
	s.settle()
}

// Open gives the task a file of the kernel's with bytes in it, ready for some events.
func (t *Task) Open(data string, ready emulate.Events) int {
	return int(t.table.add(&desc{kind: aFile, flags: unix.O_RDWR, data: []byte(data), ready: ready}, 0, false))
}

// Ready changes what a file of the kernel's is ready for.
func (t *Task) Ready(fd int, ready emulate.Events) {
	d := t.desc(uint64(fd))
	d.ready = ready
	for _, other := range t.sim.tasks {
		for _, e := range other.table.fds {
			for _, m := range e.desc.items {
				if m.desc == d {
					m.told = 0 // an edge
				}
			}
		}
	}
	t.sim.note("%d is ready for %s", fd, eventText(ready))
	t.sim.settle()
}

// Content is what lies in a file of the kernel's.
func (t *Task) Content(fd int) string { return string(t.desc(uint64(fd)).data) }

// Epoll makes an epoll that the model did not see made.
func (t *Task) Epoll() int { return int(t.kEpollCreate1([6]uint64{})) }

// Pidfd opens a pidfd.
func (t *Task) Pidfd(of *Task) int {
	return int(t.table.add(&desc{kind: aPidfd, target: of.TGID}, 0, true))
}

// Limit sets RLIMIT_NOFILE.
func (t *Task) Limit(n int) { t.table.limit = n }

// Descriptors lists what is open, and what of that is emulated, for a test that holds one against the other.
func (t *Task) Descriptors() (open, emulated []int) { return t.table.numbers(), t.Files.FDs() }

// Beneath is how many messages or slots lie in the placeholder of an emulated descriptor.
func (t *Task) Beneath(fd int) int {
	d := t.desc(uint64(fd))
	if d.kind == aPipe {
		return len(d.pipe.slots)
	}
	return len(d.twins)
}
