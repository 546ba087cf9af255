package emutest

import (
	"slices"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Sim answers the model's questions about the machine.

// Creds are the task's own.
func (s *Sim) Creds(m *emulate.Task) unix.Ucred {
	t := s.tasks[m.TID]
	pid := t.Pid
	if pid == 0 {
		pid = int32(m.TGID)
	}
	return unix.Ucred{Pid: pid, Uid: t.Uid, Gid: t.Gid}
}

// Allowed follows net/core/scm.c: scm_check_creds.
func (s *Sim) Allowed(m *emulate.Task, cr unix.Ucred) unix.Errno {
	t := s.tasks[m.TID]
	if own := s.Creds(m); cr != own && !t.Root {
		return unix.EPERM
	}
	for _, other := range s.tasks {
		if s.Creds(other.Task).Pid == cr.Pid {
			return 0
		}
	}
	return unix.ESRCH
}

// PipeSize is the placeholder's.
func (s *Sim) PipeSize(*emulate.Task, int) int { return s.Pipes * PageSize }

// Link is what Links says.
func (s *Sim) Link(_ *emulate.Task, _ int, path string) (string, bool) {
	l, ok := s.Links[path]
	return l, ok
}

// Target is a socket for all that is the kernel's alone: what can be done with one, can be done with it.
func (s *Sim) Target(m *emulate.Task, fd int) (string, bool) {
	d := s.tasks[m.TID].desc(uint64(fd))
	switch {
	case d == nil:
		return "", false
	case d.kind == aPipe:
		return "pipe:[1]", false
	case d.kind == anEventfd:
		return "anon_inode:[eventfd]", false
	case d.kind == anEpoll:
		return "anon_inode:[eventpoll]", false
	}
	return "socket:[1]", false
}

// Autobind names every socket alike.
func (s *Sim) Autobind(*emulate.File) []byte { return []byte("\x01\x00\x0000001") }

// Disconnect changes nothing that is looked at here.
func (s *Sim) Disconnect(*emulate.File) {}

// Limit is the task's RLIMIT_NOFILE.
func (s *Sim) Limit(m *emulate.Task) uint64 { return uint64(s.tasks[m.TID].table.limit) }

// Sysctl is what Sysctls says, or what a usual machine does.
func (s *Sim) Sysctl(name string, otherwise int) int {
	if n, ok := s.Sysctls[name]; ok {
		return n
	}
	return otherwise
}

// Capable is true for root.
func (s *Sim) Capable(m *emulate.Task, _ int) bool { return s.tasks[m.TID].Root }

// Raise only takes note.
func (s *Sim) Raise(f *emulate.File, band emulate.Events) {
	what := f.Name() + " " + eventText(band)
	s.Raised = append(s.Raised, what)
	s.note("  raises %s", what)
}

// PidfdTarget is the process of a pidfd.
func (s *Sim) PidfdTarget(m *emulate.Task, pidfd int) int {
	if d := s.tasks[m.TID].desc(uint64(pidfd)); d != nil {
		return d.target
	}
	return 0
}

// Epoll shows an epoll that was made behind the model's back (Task.Epoll). Who sleeps in it begins anew.
func (s *Sim) Epoll(m *emulate.Task, fd int) *emulate.Foundling {
	d := s.tasks[m.TID].desc(uint64(fd))
	if d == nil || d.kind != anEpoll {
		return nil
	}
	found := &emulate.Foundling{Members: len(d.items)}
	for _, t := range s.sorted() {
		if t.Files == m.Files && t.TID != m.TID {
			if tr := t.trap; tr != nil && tr.state == passing && tr.Sys != nil {
				tr.state = held
				s.anew = append(s.anew, tr)
			}
			continue
		}
		for _, n := range t.table.numbers() {
			switch e := t.table.fds[n]; {
			case e.desc != d:
			case t.Files == m.Files:
				found.Holdings = append(found.Holdings, emulate.Holding{FD: n, Cloexec: e.cloexec})
			default:
				found.Why = "another process holds it"
			}
		}
	}
	return found
}

// beneath is the fake kernel's description under an emulated file.
func (s *Sim) beneath(f *emulate.File) *desc {
	if m, fd, ok := s.K.Holder(f); ok {
		return s.tasks[m.TID].desc(uint64(fd))
	}
	return nil
}

// placeholder finds what lies under a pipe: through a descriptor, or through whoever holds the pipe.
func (s *Sim) placeholder(m *emulate.Task, fd int, p *emulate.Pipe) *placeholder {
	if m != nil && m.Files != nil {
		if f := m.Files.Get(fd); f != nil && f.Object() == emulate.Object(p) {
			return s.tasks[m.TID].desc(uint64(fd)).pipe
		}
	}
	for _, f := range s.K.Files(p) {
		if d := s.beneath(f); d != nil {
			return d.pipe
		}
	}
	return nil
}

// Lend fills a placeholder: first the stand-ins, then the slots as far as there is room.
func (s *Sim) Lend(m *emulate.Task, fd, _ int, p *emulate.Pipe, taken int, slots []emulate.Slot) (int, bool) {
	ph := s.placeholder(m, fd, p)
	if ph == nil {
		return 0, false
	}
	if len(ph.slots) > 0 {
		panic("emutest: a placeholder was not empty when it was lent")
	}
	for range taken {
		ph.slots = append(ph.slots, emulate.Slot{Bytes: []byte{0}})
	}
	n := 0
	for _, slot := range slots {
		if len(ph.slots) == ph.size {
			break
		}
		n += len(slot.Bytes)
		slot.Bytes = append([]byte(nil), slot.Bytes...)
		ph.slots = append(ph.slots, slot)
	}
	return n, n > 0 || len(slots) == 0
}

// Reclaim takes everything out of a placeholder; the stand-ins count for nothing.
func (s *Sim) Reclaim(m *emulate.Task, fd, _ int, p *emulate.Pipe, taken int) ([]emulate.Slot, bool) {
	ph := s.placeholder(m, fd, p)
	if ph == nil {
		return nil, false
	}
	slots := ph.slots[min(taken, len(ph.slots)):]
	ph.slots = nil
	return slots, true
}

// Keep keeps nothing: no call of a fake kernel goes on under another number.
func (s *Sim) Keep(*emulate.Task, int, *emulate.File) bool { return false }

// Kept knows of nothing.
func (s *Sim) Kept(*emulate.Task, *emulate.File) (pid, fd int) { return 0, 0 }

// Drop has nothing to let go of.
func (s *Sim) Drop(*emulate.File) {}

// Demote puts what lies in an object under it and has the model forget it. A socketpair goes as a whole.
func (s *Sim) Demote(f *emulate.File, why string) {
	o := f.Object()
	s.Demoted = append(s.Demoted, o.Name()+": "+why)
	s.note("  demotes %s: %s", o.Name(), why)
	switch x := o.(type) {
	case *emulate.Pipe:
		slots := x.Drain()
		if ph := s.placeholder(nil, 0, x); ph != nil {
			ph.slots = append(ph.slots, slots...)
		}
	case *emulate.Socket:
		s.refill(x)
		if p := x.Peer(); p != nil {
			s.refill(p)
			s.rejoin(p)
			s.K.Disown(p)
		}
	case *emulate.Eventfd:
		count := x.Drain()
		if d := s.beneath(f); d != nil {
			d.number += count
		}
	case *emulate.Epoll:
		for _, member := range x.Members() {
			s.Demote(member, "it is in "+o.Name())
		}
	}
	s.rejoin(o)
	s.K.Disown(o)
}

// refill puts a socket's messages under it; the twins of some lie there already. What they carry goes along.
func (s *Sim) refill(x *emulate.Socket) {
	var d *desc
	for _, f := range s.K.Files(x) {
		d = s.beneath(f)
	}
	var twins []twin
	for _, m := range x.Drain() {
		w := twin{data: m.Bytes}
		if m.Rider != 0 && d != nil && len(d.twins) > 0 {
			w.fds = d.twins[0].fds
			d.twins = d.twins[1:]
		}
		for _, f := range m.Files() {
			if slices.Contains(s.K.Objects(), f.Object()) {
				s.Demote(f, "it lies in a message on "+x.Name())
			}
		}
		twins = append(twins, w)
	}
	if d != nil {
		d.twins = twins
	}
}

// rejoin adds o's files to the kernel's half of the epolls that watch them.
func (s *Sim) rejoin(o emulate.Object) {
	if _, nested := o.(*emulate.Epoll); nested {
		return
	}
	for _, f := range s.K.Files(o) {
		for _, in := range f.Interests() {
			for _, ep := range s.K.Files(in.Epoll) {
				if e, d := s.beneath(ep), s.beneath(f); e != nil && d != nil {
					e.items = append(e.items, &member{desc: d, fd: in.FD, events: in.Events, data: in.Data})
					slices.SortStableFunc(e.items, func(a, b *member) int { return a.fd - b.fd })
				}
			}
		}
	}
}
