package tracer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// host answers the model's questions about the machine from /proc and through borrowed descriptors.
type host struct {
	t       *Tracer
	sysctls map[string]int
	ferry   *ferry // made when first needed

	// For the way back to the kernel.
	afloat   map[*emulate.File]int   // files taken out of messages, and our descriptors for them
	demoting map[emulate.Object]bool // the sockets whose messages they are
	seeking  map[*emulate.File]bool  // what open is looking for
	kept     map[*emulate.File]int   // files whose last number was closed while a call slept on them
}

func newHost(t *Tracer) *host {
	return &host{t: t, sysctls: map[string]int{}, afloat: map[*emulate.File]int{},
		demoting: map[emulate.Object]bool{}, seeking: map[*emulate.File]bool{}, kept: map[*emulate.File]int{}}
}

// Creds are the task's thread group and real ids.
func (h *host) Creds(m *emulate.Task) unix.Ucred {
	st := readStatus(m.TID)
	return unix.Ucred{Pid: int32(m.TGID), Uid: uint32(st.uid), Gid: uint32(st.gid)}
}

// Allowed follows net/core/scm.c: scm_check_creds.
func (h *host) Allowed(m *emulate.Task, cr unix.Ucred) unix.Errno {
	var uids, gids [4]int
	st := readStatus(m.TID)
	readIDs(m.TID, &uids, &gids)
	among := func(id uint32, ids [4]int) bool {
		return int(id) == ids[0] || int(id) == ids[1] || int(id) == ids[2]
	}
	capable := func(c uint) bool { return st.capEff>>c&1 != 0 }
	if int(cr.Pid) != m.TGID && !capable(unix.CAP_SYS_ADMIN) {
		return unix.EPERM
	}
	if !among(cr.Uid, uids) && !capable(unix.CAP_SETUID) || !among(cr.Gid, gids) && !capable(unix.CAP_SETGID) {
		return unix.EPERM
	}
	if int(cr.Pid) != m.TGID && unix.Kill(int(cr.Pid), 0) == unix.ESRCH {
		return unix.ESRCH
	}
	return 0
}

func readIDs(tid int, uids, gids *[4]int) {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	for _, line := range strings.Split(string(raw), "\n") {
		if f := strings.Fields(line); len(f) == 5 {
			dst := uids
			if f[0] == "Gid:" {
				dst = gids
			} else if f[0] != "Uid:" {
				continue
			}
			for i := range dst {
				dst[i], _ = strconv.Atoi(f[i+1])
			}
		}
	}
}

// PipeSize asks the placeholder. Only a user near the soft limit of pipe pages gets less than usual
// (fs/pipe.c: too_many_pipe_buffers_soft), and root never does.
func (h *host) PipeSize(m *emulate.Task, fd int) int {
	if os.Geteuid() == 0 {
		return 0
	}
	n, err := h.borrow(m, fd)
	if err != nil {
		return 0
	}
	defer unix.Close(n)
	size, err := unix.FcntlInt(uintptr(n), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return 0
	}
	return size
}

// PidfdTarget reads the pid that a pidfd refers to.
func (h *host) PidfdTarget(m *emulate.Task, pidfd int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", m.TID, pidfd))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(line, "Pid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(rest))
			return n
		}
	}
	return 0
}

// Link reads the link that a path is, as the task would: /proc/self is its own. An empty path names dirfd.
func (h *host) Link(m *emulate.Task, dirfd int, path string) (string, bool) {
	proc := fmt.Sprintf("/proc/%d", m.TID)
	switch {
	case path == "" && dirfd == unix.AT_FDCWD:
		path = proc + "/cwd"
	case path == "":
		path = fmt.Sprintf("%s/fd/%d", proc, dirfd)
	case path[0] == '/': // as its root has it
		path = proc + "/root" + path
	case dirfd == unix.AT_FDCWD:
		path = proc + "/cwd/" + path
	default:
		path = fmt.Sprintf("%s/fd/%d/%s", proc, dirfd, path)
	}
	s, err := os.Readlink(path)
	return s, err == nil
}

// Target says what a descriptor leads to, "" when it is not open, and whether it was opened with O_PATH.
func (h *host) Target(m *emulate.Task, fd int) (string, bool) {
	if fd < 0 {
		return "", false
	}
	link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd))
	path := false
	if strings.HasPrefix(link, "socket:") {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", m.TID, fd))
		if _, rest, ok := strings.Cut(string(raw), "flags:"); ok {
			word, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
			flags, _ := strconv.ParseInt(word, 8, 64)
			path = flags&unix.O_PATH != 0
		}
	}
	return link, path
}

// Autobind has the kernel name a placeholder, by a bind to nothing but a family.
func (h *host) Autobind(f *emulate.File) []byte {
	n := h.open(f)
	if n < 0 {
		return nil
	}
	defer rawClose(n)
	name := [128]byte{unix.AF_UNIX}
	size := uint32(2)
	unix.RawSyscall(unix.SYS_BIND, uintptr(n), uintptr(unsafe.Pointer(&name)), uintptr(size))
	size = uint32(len(name))
	if _, _, e := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(n), uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size))); e != 0 {
		return nil
	}
	return name[:size]
}

// Disconnect has a placeholder forget its peer, as the kernel's send does: getpeername and SO_PEERCRED tell.
func (h *host) Disconnect(f *emulate.File) {
	n := h.open(f)
	if n < 0 {
		return
	}
	defer rawClose(n)
	nobody := [16]byte{unix.AF_UNSPEC}
	unix.RawSyscall(unix.SYS_CONNECT, uintptr(n), uintptr(unsafe.Pointer(&nobody)), uintptr(len(nobody)))
}

// Limit is the task's soft RLIMIT_NOFILE.
func (h *host) Limit(m *emulate.Task) uint64 {
	var lim unix.Rlimit
	if unix.Prlimit(m.TID, unix.RLIMIT_NOFILE, nil, &lim) != nil {
		return 1024
	}
	return lim.Cur
}

// Sysctl reads a number below /proc/sys, once.
func (h *host) Sysctl(name string, otherwise int) int {
	if v, ok := h.sysctls[name]; ok {
		return v
	}
	v := otherwise
	if raw, err := os.ReadFile("/proc/sys/" + name); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil {
			v = n
		}
	}
	h.sysctls[name] = v
	return v
}

// Capable looks at the task's effective set.
func (h *host) Capable(m *emulate.Task, capability int) bool {
	return readStatus(m.TID).capEff>>uint(capability)&1 != 0
}
