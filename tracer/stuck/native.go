package stuck

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// native shows a call that a task sleeps in in the kernel, and whom it waits for.
func native(s *emulate.Standing, all []emulate.Standing) (string, []Wait) {
	a := s.Args
	switch s.Nr {
	case unix.SYS_FUTEX:
		return futex(s, all)
	case unix.SYS_WAIT4:
		w := Wait{For: "the end of a child", Verb: "wait4", pids: s.Children}
		if pid := int(int32(a[0])); pid > 0 {
			w.For, w.pids = fmt.Sprintf("the end of %s", called(pid, all)), []int{pid}
		}
		return fmt.Sprintf("wait4(%d, %#x, %#x, %#x)", int32(a[0]), a[1], a[2], a[3]), []Wait{w}
	case unix.SYS_WAITID:
		w := Wait{For: "the end of a child", Verb: "waitid", pids: s.Children}
		if pid := int(int32(a[1])); a[0] == unix.P_PID {
			w.For, w.pids = fmt.Sprintf("the end of %s", called(pid, all)), []int{pid}
		}
		return fmt.Sprintf("waitid(%d, %d, %#x, %#x)", a[0], int32(a[1]), a[2], a[3]), []Wait{w}
	case unix.SYS_VFORK, unix.SYS_CLONE, unix.SYS_CLONE3:
		return emulate.ByNr(s.Nr).Name + "()", []Wait{{For: "its child to execute a program or to end", Verb: "vfork", pids: s.Children}}
	}
	if sys := emulate.ByNr(s.Nr); sys != nil {
		var words []string
		for i, arg := range sys.Args {
			switch arg.Kind {
			case emulate.FD, emulate.Int, emulate.DirFD:
				words = append(words, fmt.Sprint(int32(a[i])))
			default:
				words = append(words, fmt.Sprintf("%#x", a[i]))
			}
		}
		return sys.Name + "(" + strings.Join(words, ", ") + ")", nil
	}
	name := names[s.Nr]
	if name == "" {
		name = fmt.Sprintf("call %d", s.Nr)
	}
	return fmt.Sprintf("%s(%#x, %#x, %#x)", name, a[0], a[1], a[2]), nil
}

// futex shows a wait for a futex. The C library keeps a mutex's owner two words behind the futex, the thread
// that is joined in the futex itself; where neither fits, any other thread could be the one to wake it.
func futex(s *emulate.Standing, all []emulate.Standing) (string, []Wait) {
	ops := map[uint64]string{0: "FUTEX_WAIT", 6: "FUTEX_LOCK_PI", 9: "FUTEX_WAIT_BITSET", 11: "FUTEX_WAIT_REQUEUE_PI", 13: "FUTEX_LOCK_PI2"}
	op := ops[s.Args[1]&^(128|256)]
	if op == "" {
		op = fmt.Sprintf("%#x", s.Args[1])
	}
	text := fmt.Sprintf("futex(%#x, %s, %d, %#x)", s.Args[0], op, int32(s.Args[2]), s.Args[3])
	w := Wait{For: "another thread to wake it at a futex", Verb: "futex"}
	var raw [12]byte
	n, _ := s.Mem.ReadMem(raw[:], s.Args[0])
	word := func(i int) int { return int(raw[i]) | int(raw[i+1])<<8 | int(raw[i+2])<<16 | int(raw[i+3])<<24 }
	thread := func(tid int) bool {
		for i := range all {
			if t := all[i].Task; t.TID == tid && t.TGID == s.Task.TGID && t.TID != s.Task.TID {
				return true
			}
		}
		return false
	}
	switch value := int(int32(s.Args[2])); {
	case n == len(raw) && value == 2 && word(0) == 2 && (thread(word(8)) || word(8) == s.Task.TID):
		w.For, w.Who = "a mutex that "+called(word(8), all)+" holds", []int{word(8)}
	case op == "FUTEX_LOCK_PI" && n >= 4 && thread(word(0)&(1<<30-1)):
		owner := word(0) & (1<<30 - 1)
		w.For, w.Who = "a mutex that "+called(owner, all)+" holds", []int{owner}
	case value > 2 && n >= 4 && word(0) == value && thread(value):
		w.For, w.Who = "the end of "+called(value, all), []int{value}
	default:
		for i := range all {
			if t := all[i].Task; t.TGID == s.Task.TGID && t.TID != s.Task.TID && len(w.Who) < wakers {
				w.Who = append(w.Who, t.TID)
			}
		}
		if len(w.Who) == 0 && s.Args[1]&128 != 0 {
			w.For = "a futex, and there is no other thread to wake it"
		}
	}
	return text, []Wait{w}
}

// called names a task by its number.
func called(tid int, all []emulate.Standing) string {
	for i := range all {
		if t := all[i].Task; t.TID == tid {
			return nameOf(t.Name, t.TGID, t.TID)
		}
	}
	return fmt.Sprint(tid)
}

// nameOf is comm[pid], or comm[pid/tid] for a thread.
func nameOf(comm string, pid, tid int) string {
	if pid == tid {
		return fmt.Sprintf("%s[%d]", comm, pid)
	}
	return fmt.Sprintf("%s[%d/%d]", comm, pid, tid)
}
