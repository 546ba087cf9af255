package tracer

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"sluice/emulate"
)

// A Chronicle remembers what a picture of the tree needs of its past, and draws it.
type Chronicle interface {
	emulate.Layer
	// Cloned hears of a new task, Execed of a task's new program.
	Cloned(parent, child *emulate.Task)
	Execed(*emulate.Task)
	// Draw looks where everybody stands; dead tells that it is for good. What it returns makes a report of that, for
	// people and as one JSON object; it may take its time, on any thread.
	Draw(all []emulate.Standing, dead bool) func() (text, json []byte)
}

// Chronicles makes a run's chronicle. It is set before Stage is called; nil means none.
var Chronicles func(LayerEnv) Chronicle

// deadlock does what --on-deadlock asks for.
func (t *Tracer) deadlock(all []emulate.Standing) {
	text, json := []byte("sluice: deadlock: no task of the tree can go on\n"), []byte(nil)
	if t.chronicle != nil {
		text, json = t.chronicle.Draw(all, true)()
	}
	t.found = json
	t.flush()
	if t.opts.LogFormat == "json" && json != nil {
		text = append(json, '\n')
	}
	os.Stderr.Write(text)
	text, json = nil, nil
	t.collect()
	if t.opts.OnDeadlock == DeadlockKill {
		t.verdict(Deadlocked, "deadlock")
		if t.reporter != nil {
			t.reporter.Finish(t.stops, t.others())
		}
		t.kill(Deadlocked)
		t.failure = errEnded
	}
}

// byTID lists the tasks in the order of their ids.
func (t *Tracer) byTID() []*task {
	list := make([]*task, 0, len(t.tasks))
	for _, k := range t.tasks {
		list = append(list, k)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].tid < list[j].tid })
	return list
}

// standings are where all tasks stand.
func (t *Tracer) standings() []emulate.Standing {
	list := t.byTID()
	parents := map[int]int{}
	for _, k := range list {
		if _, known := parents[k.proc.tgid]; !known {
			parents[k.proc.tgid] = readStatus(k.proc.tgid).ppid
		}
	}
	children := map[int][]int{}
	for pid, parent := range parents {
		children[parent] = append(children[parent], pid)
	}
	for _, pids := range children {
		sort.Ints(pids)
	}
	out := make([]emulate.Standing, 0, len(list))
	for _, k := range list {
		if k.state == exiting && procState(k.tid) == 'Z' {
			continue
		}
		_ = k.String() // has its name read
		s := emulate.Standing{Task: k.model, Mem: &k.mem, Command: commandLine(k.proc.tgid), Parent: parents[k.proc.tgid], Children: children[k.proc.tgid]}
		s.Why, _ = t.stands(k)
		if s.Why == "" {
			s.Why = t.timed(k)
		}
		t.posture(k, &s)
		out = append(out, s)
	}
	return out
}

// posture finds the call and the registers of one task.
func (t *Tracer) posture(k *task, s *emulate.Standing) {
	switch k.state {
	case held, parked, away:
		s.State, s.Call = "blocked", &k.call
		k.load()
		s.IP, s.SP, s.BP = k.regs.Rip, k.regs.Rsp, k.regs.Rbp
	case running, passing:
		s.State = "running"
		switch procState(k.tid) {
		case 'S', 'D':
			s.State = "asleep"
			s.Nr, s.Args, s.SP, s.IP, s.Sleeps = sleeping(k.tid)
		case 'Z':
			s.State = "ended"
		}
	case stopped:
		s.State = "stopped"
	default:
		s.State = k.state.String()
	}
}

// readProc reads the beginning of a small file of a task.
func readProc(tid int, name string, buf []byte) (int, bool) {
	fd := rawOpen("/proc/"+strconv.Itoa(tid)+"/"+name, os.O_RDONLY)
	if fd < 0 {
		return 0, false
	}
	n := rawRead(fd, buf)
	rawClose(fd)
	return n, true
}

// procState is the letter of a task's state, 0 when it is gone.
func procState(tid int) byte {
	var buf [128]byte
	n, _ := readProc(tid, "stat", buf[:])
	if i := bytes.LastIndexByte(buf[:n], ')'); i >= 0 && i+2 < n {
		return buf[i+2]
	}
	return 0
}

// sleeping is the call that a task sleeps in, by /proc/PID/syscall (proc_pid_syscall(5)).
func sleeping(tid int) (nr uint64, args [6]uint64, sp, pc uint64, ok bool) {
	var buf [256]byte
	n, _ := readProc(tid, "syscall", buf[:])
	f := strings.Fields(string(buf[:n]))
	if len(f) != 9 {
		return
	}
	nr, _ = strconv.ParseUint(f[0], 10, 64)
	hex := func(s string) uint64 { v, _ := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64); return v }
	for i := range args {
		args[i] = hex(f[i+1])
	}
	return nr, args, hex(f[7]), hex(f[8]), true
}

func commandLine(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(raw) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}
