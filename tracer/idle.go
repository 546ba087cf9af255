package tracer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"sluice/emulate"
)

// A tree is dead when none of its tasks can ever run again: each sleeps on something that only another of them could
// end. Nobody is told of that, so while no task stops the tracer looks from time to time. It takes two looks that
// show the same, with no stop between them, and only what is proved counts: a call that is not known here, a
// terminal, a socket, a timer, a signal that is waited for, somebody outside with a descriptor, all speak for a
// tree that is merely slow.

// What follows a deadlock.
const (
	DeadlockReport = "report"
	DeadlockKill   = "kill"
	DeadlockWait   = "wait"
)

// Deadlocked is the exit status of a tree that was ended because of a deadlock.
const Deadlocked = 120

const (
	lookAgain = 10 * tick // between the two looks that prove it
	lookLater = 40 * tick // while somebody sleeps in the kernel, who can wake without a stop
	lookSlow  = 1000 * tick
)

// An idling is what the tracer knows while nothing happens.
type idling struct {
	next    int64  // when to look again; 0 for not before something happens
	total   uint64 // stops at the last look
	print   string // what the last look showed, if everybody seemed dead
	witness *task  // who was alive then
	done    bool   // a deadlock was reported
}

// ponder looks whether anything can still happen. It runs when nothing has for some milliseconds.
func (t *Tracer) ponder() {
	s := &t.idle
	s.next = 0
	if s.done || !t.started || t.opts.OnDeadlock == DeadlockWait || t.opts.OnDeadlock == "" || len(t.tasks) == 0 {
		return
	}
	if s.total != t.stops.Total {
		s.total, s.print = t.stops.Total, ""
		s.next = t.clock + lookAgain
		return
	}
	if k, seen := t.alive(); k != nil {
		s.witness, s.print = k, ""
		if !seen { // by no stop of ours
			s.next = t.clock + lookLater
		}
		return
	}
	if len(t.orphans) > 0 {
		s.next = t.clock + lookAgain
		return
	}
	print := t.fingerprint()
	if print != s.print {
		s.print, s.next = print, t.clock+lookAgain
		return
	}
	s.print = ""
	if t.outsiders() != "" {
		s.next = t.clock + lookSlow
		return
	}
	all := t.standings()
	for i := range all { // the look outside took its time
		if all[i].Why != "" {
			s.next = t.clock + lookAgain
			return
		}
	}
	s.done = true
	t.deadlock(all)
}

// alive finds a task that may go on by itself. seen tells that the tracer will see it stop before anything else
// can change.
func (t *Tracer) alive() (who *task, seen bool) {
	if w := t.idle.witness; w != nil && t.tasks[w.tid] == w {
		if why, seen := t.stands(w); why != "" && seen {
			return w, true
		}
	} else {
		t.idle.witness = nil
	}
	for _, k := range t.tasks {
		if k.state != running {
			if why, seen := t.stands(k); why != "" && seen {
				return k, true
			}
		}
	}
	if w := t.idle.witness; w != nil {
		if why, _ := t.stands(w); why != "" {
			return w, false
		}
	}
	for _, k := range t.tasks {
		if why, _ := t.stands(k); why != "" {
			return k, false
		}
	}
	for _, k := range t.tasks {
		if t.timed(k) != "" {
			return k, false
		}
	}
	return nil, false
}

// stands tells why a task may go on without the others; "" when it cannot. seen tells that this ends with a stop.
func (t *Tracer) stands(k *task) (why string, seen bool) {
	if k.proc.foreign || k.model.Native {
		return "it is left to the kernel", false
	}
	switch k.state {
	case parked, away:
		if k.kicked || k.roused || k.broken {
			return "it is about to go on", true
		}
		return k.call.Elsewhere(), true
	case running:
		return t.asleep(k), false
	case stopped:
		return "it is stopped and may be continued", true
	case exiting:
		if procState(k.tid) == 'Z' {
			return "", false
		}
		return "it is ending", false
	}
	return "it is " + k.state.String(), false
}

// fingerprint is what a second look is held against: who is there, in which call, and how often each has run.
func (t *Tracer) fingerprint() string {
	var b strings.Builder
	for _, k := range t.byTID() {
		var buf [256]byte
		n, _ := readProc(k.tid, "syscall", buf[:])
		fmt.Fprintf(&b, "%d %v %s", k.tid, k.state, buf[:n])
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.tid))
		_, rest, _ := bytes.Cut(raw, []byte("voluntary_ctxt_switches"))
		b.Write(rest)
	}
	return b.String()
}

// outsiders names who outside the tree could wake it: a process with a descriptor of an emulated object, or a child
// that is not traced; "" when there is nobody.
func (t *Tracer) outsiders() string {
	inodes := map[string]bool{}
	seen := map[*emulate.FDTable]bool{}
	pids := map[int]bool{t.pid: true}
	for _, k := range t.tasks {
		pids[k.proc.tgid] = true
		if table := k.model.Files; table != nil && !seen[table] {
			seen[table] = true
			for _, fd := range table.FDs() {
				if link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", k.tid, fd)); err == nil && link != epollLink {
					inodes[link] = true
				}
			}
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return "/proc cannot be read"
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pids[pid] {
			continue
		}
		if st := readStatus(pid); st.state != 'Z' && pids[st.ppid] && st.ppid != t.pid {
			return fmt.Sprintf("%s[%d], a child that is not traced", comm(pid), pid)
		}
		dir := fmt.Sprintf("/proc/%d/fd/", pid)
		fds, _ := os.ReadDir(dir)
		for _, fd := range fds {
			if link, err := os.Readlink(dir + fd.Name()); err == nil && inodes[link] {
				return fmt.Sprintf("%s[%d], which has a descriptor", comm(pid), pid)
			}
		}
	}
	return ""
}
