package tracer

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What the kernel says about an epoll that a program made before it was armed, so that the model can take it
// over; and the way back, for a file that the kernel is to serve again.

const epollLink = "anon_inode:[eventpoll]"

// Types of kcmp(2), include/uapi/linux/kcmp.h.
const (
	kcmpFile     = 0
	kcmpFiles    = 2 // descriptor tables
	kcmpEpollTFD = 7
)

// same compares two descriptors by kcmp; idx2 is a number or the address of a kcmp_epoll_slot.
func same(kind, pid1, fd1, pid2 int, idx2 uintptr) (bool, unix.Errno) {
	r, _, e := unix.RawSyscall6(unix.SYS_KCMP, uintptr(pid1), uintptr(pid2), uintptr(kind), uintptr(fd1), idx2, 0)
	return e == 0 && r == 0, e
}

// Epoll finds out who holds an epoll and what is in it. The model can have it only if no other process can
// reach it: that one's waits are not stopped, or its copies of the descriptor are not watched.
func (h *host) Epoll(m *emulate.Task, fd int) *emulate.Foundling {
	if s, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd)); err != nil || s != epollLink {
		return nil
	}
	found := &emulate.Foundling{}
	seen := map[*emulate.FDTable]bool{}
	for tid, k := range h.t.tasks {
		if table := k.model.Files; table != nil && !seen[table] && (table != m.Files || tid == m.TID) {
			seen[table] = true
			h.search(found, m, fd, k.model)
		}
	}
	found.Members = len(members(m.TID, fd))
	if found.Why != "" {
		return found
	}
	for _, k := range h.t.tasks {
		if k.model.Files == m.Files && k.model != m {
			h.t.startle(k)
		}
	}
	return found
}

// startle makes a task that may sleep in the kernel on a new epoll of the model's begin its call anew.
func (t *Tracer) startle(k *task) {
	switch k.state {
	case running:
	case passing: // to the kernel, for which the call was meant when it was looked at
		if !k.active && waits(uint64(k.call.Sys.Nr)) {
			k.state = running
		}
		return
	case away: // poll and select knew the epoll as one of the kernel's
		if !waits(uint64(k.call.Sys.Nr)) || k.kicked || k.broken {
			return
		}
	default:
		return
	}
	if !k.roused {
		k.roused = true
		t.kick(k)
	}
}

// waits tells whether a call may sleep on an epoll.
func waits(nr uint64) bool {
	switch nr {
	case unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2,
		unix.SYS_POLL, unix.SYS_PPOLL, unix.SYS_SELECT, unix.SYS_PSELECT6:
		return true
	}
	return false
}

// search looks for the epoll in one table, and for other epolls that it is in.
func (h *host) search(found *emulate.Foundling, m *emulate.Task, fd int, o *emulate.Task) {
	dir := fmt.Sprintf("/proc/%d/fd/", o.TID)
	list, err := os.ReadDir(dir)
	if err != nil {
		return // it has ended
	}
	for _, entry := range list {
		if s, err := os.Readlink(dir + entry.Name()); err != nil || s != epollLink {
			continue
		}
		n, _ := strconv.Atoi(entry.Name())
		is, e := n == fd && o.Files == m.Files, unix.Errno(0)
		if !is && o.Files.Get(n) == nil {
			is, e = same(kcmpFile, m.TID, fd, o.TID, uintptr(n))
		}
		switch {
		case e != 0:
			found.Why = "added to an epoll, and the kernel does not tell whose (kcmp: " + e.Error() + ")"
		case is && o.Files == m.Files:
			found.Holdings = append(found.Holdings, emulate.Holding{FD: n, Cloexec: cloexec(o.TID, n)})
		case is:
			found.Why = "added to an epoll that another process holds"
		case inside(m.TID, fd, o.TID, n):
			found.Why = "added to an epoll that is in another epoll"
		}
	}
}

// inside tells whether the epoll at outer has the one at fd in it. What cannot be known counts as yes.
func inside(tid, fd, otherTID, outer int) bool {
	type slot struct{ efd, tfd, toff uint32 } // struct kcmp_epoll_slot
	seen := map[int]uint32{}
	for _, tfd := range members(otherTID, outer) {
		s := slot{uint32(outer), uint32(tfd), seen[tfd]}
		seen[tfd]++
		if is, e := same(kcmpEpollTFD, tid, fd, otherTID, uintptr(unsafe.Pointer(&s))); is || e != 0 && e != unix.ENOENT {
			return true
		}
	}
	return false
}

// fdinfo reads the lines that the kernel has about a descriptor.
func fdinfo(tid, fd int) []string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", tid, fd))
	return strings.Split(string(raw), "\n")
}

// members lists the numbers under which files were added to an epoll (fs/eventpoll.c: ep_show_fdinfo).
func members(tid, fd int) []int {
	var out []int
	for _, line := range fdinfo(tid, fd) {
		if rest, ok := strings.CutPrefix(line, "tfd:"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				n, _ := strconv.Atoi(f[0])
				out = append(out, n)
			}
		}
	}
	return out
}

// cloexec reads a descriptor's FD_CLOEXEC.
func cloexec(tid, fd int) bool {
	for _, line := range fdinfo(tid, fd) {
		if rest, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, _ := strconv.ParseUint(strings.TrimSpace(rest), 8, 64)
			return flags&unix.O_CLOEXEC != 0
		}
	}
	return false
}

// rouse is the stop of a task that may have slept in the kernel on an epoll that has become the model's. The
// call that PTRACE_INTERRUPT cut short is begun anew, unless a handler runs first, and stops at the filter.
func (t *Tracer) rouse(k *task) {
	k.roused = false
	if k.state != running || k.active {
		return
	}
	var r unix.PtraceRegs
	if getRegs(k.tid, &r) != 0 {
		return
	}
	ret := int64(r.Rax)
	if !waits(r.Orig_rax) || ret != -int64(unix.EINTR) && ret != -int64(emulate.ERESTART_RESTARTBLOCK) {
		return // ppoll, select and pselect6 begin anew by themselves
	}
	restart := -int64(emulate.ERESTARTNOHAND)
	r.Rax = uint64(restart)
	setRegs(k.tid, &r)
}

// A membership is one interest of an epoll that goes over to the kernel, by the descriptors that lead there.
type membership struct {
	epoll, file *emulate.File
	as          int // the number under which the file was added
	event       unix.EpollEvent
}

// rejoin registers the files of o, which is about to be the kernel's, in the kernel's half of the epolls
// that watch them. A nested epoll is there already.
func (h *host) rejoin(o emulate.Object) {
	if _, ok := o.(*emulate.Epoll); ok {
		return
	}
	k := h.t.kernel
	var list []membership
	for _, f := range k.Files(o) {
		for _, in := range f.Interests() {
			event := unix.EpollEvent{Events: uint32(in.Events), Fd: int32(in.Data), Pad: int32(in.Data >> 32)}
			for _, ep := range k.Files(in.Epoll) {
				list = append(list, membership{ep, f, in.FD, event})
			}
		}
	}
	if len(list) == 0 {
		return
	}
	sort.Slice(list, func(i, j int) bool { return list[i].as < list[j].as })
	for _, ms := range list {
		done := make(chan error)
		go func() { done <- h.join(ms) }()
		if err := <-done; err != nil {
			h.t.warn("%s: an epoll that watches it has lost it: %v", o.Name(), err)
		}
	}
}

// join adds a file to an epoll. An epoll tells its members by file and number, and so will the program: only in
// a table of its own can a thread give a file the number that it has there. The thread ends with it.
func (h *host) join(ms membership) error {
	runtime.LockOSThread() // never unlocked
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return err
	}
	ep, fd := h.open(ms.epoll), h.open(ms.file)
	defer func() { unix.Close(ep) }()
	if ep < 0 || fd < 0 {
		unix.Close(fd)
		return unix.EBADF
	}
	if ep == ms.as {
		var err error
		if ep, err = unix.Dup(ep); err != nil {
			return err
		}
	}
	if fd != ms.as {
		err := unix.Dup3(fd, ms.as, unix.O_CLOEXEC)
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, ms.as, &ms.event)
}
