package doctor

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What can be read without trying.

func architecture() Check {
	c := Check{Name: "architecture", State: OK, Found: runtime.GOARCH}
	if runtime.GOARCH != "amd64" {
		c.State = Missing
		c.Costs = "sluice knows the registers and call numbers of x86-64 only"
		c.Advice = "run it on an x86-64 machine"
	}
	return c
}

// kernel looks for the version that brought the last call without which nothing works:
// PTRACE_GET_SYSCALL_INFO came with 5.3, pidfd_getfd with 5.6, close_range with 5.9.
func kernel() Check {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Check{Name: "kernel", State: Note, Found: err.Error()}
	}
	release := unix.ByteSliceToString(u.Release[:])
	c := Check{Name: "kernel", State: OK, Found: "Linux " + release}
	major, minor := versionOf(release)
	switch at := major*1000 + minor; {
	case at < 5003:
		c.State = Missing
		c.Costs = "PTRACE_GET_SYSCALL_INFO is not there before Linux 5.3"
		c.Advice = "use a newer kernel; 5.9 has all that sluice uses"
	case at < 5009:
		c.State = Note
		c.Costs = "before Linux 5.9 some things cannot be given back to the kernel when they have to"
		c.Advice = "a newer kernel is better"
	}
	return c
}

func versionOf(release string) (major, minor int) {
	fmt.Sscanf(release, "%d.%d", &major, &minor)
	return major, minor
}

func proc() Check {
	c := Check{Name: "/proc", State: OK, Found: "mounted"}
	if _, err := os.ReadFile("/proc/self/status"); err != nil {
		return Check{"/proc", Missing, err.Error(), "sluice reads the state of processes there", "mount it: mount -t proc proc /proc"}
	}
	if raw, err := os.ReadFile("/proc/self/mounts"); err == nil {
		for _, line := range strings.Split(string(raw), "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && f[1] == "/proc" && strings.Contains(f[3], "hidepid=") && !strings.Contains(f[3], "hidepid=0") && !strings.Contains(f[3], "hidepid=off") {
				c.Found = "mounted with hidepid"
			}
		}
	}
	return c
}

func seccompActions() Check {
	const name = "seccomp actions"
	raw, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		return Check{Name: name, State: Note, Found: "not listed by this kernel; see below what the trial says"}
	}
	actions := strings.Fields(string(raw))
	for _, a := range actions {
		if a == "trace" {
			return Check{Name: name, State: OK, Found: strings.Join(actions, " ")}
		}
	}
	return Check{name, Missing, strings.Join(actions, " "), "filters cannot stop a call for a tracer",
		"use a kernel with CONFIG_SECCOMP_FILTER"}
}

// yama reads the scope of Documentation/admin-guide/LSM/Yama.rst.
func yama() Check {
	const name = "Yama ptrace scope"
	raw, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return Check{Name: name, State: OK, Found: "no Yama in this kernel"}
	}
	c := Check{Name: name, State: OK, Found: strings.TrimSpace(string(raw))}
	switch c.Found {
	case "0":
	case "1":
		c.Found = "1: a process names its tracer, which sluice's does"
	case "2":
		c.Found = "2: only CAP_SYS_PTRACE may trace"
		if readSelf().capable(unix.CAP_SYS_PTRACE) {
			break
		}
		c.State, c.Costs = Missing, "without that capability no program can be traced"
		c.Advice = "sysctl kernel.yama.ptrace_scope=1, or run sluice as root"
	default:
		c.State, c.Costs = Missing, "nobody may trace anything"
		c.Advice = "set kernel.yama.ptrace_scope=1 in /etc/sysctl.d and reboot: scope 3 cannot be left otherwise"
	}
	return c
}

type status struct {
	caps       uint64
	noNewPrivs bool
	seccomp    int
	tracer     int
}

func (s status) capable(c uint) bool { return s.caps>>c&1 != 0 }

func readSelf() (s status) {
	raw, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(raw), "\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		n, _ := strconv.Atoi(value)
		switch name {
		case "CapEff":
			s.caps, _ = strconv.ParseUint(value, 16, 64)
		case "NoNewPrivs":
			s.noNewPrivs = n == 1
		case "Seccomp":
			s.seccomp = n
		case "TracerPid":
			s.tracer = n
		}
	}
	return s
}

// self is what this process was given: in a container often less than outside.
func self() Check {
	s := readSelf()
	c := Check{Name: "this process", State: OK}
	var found []string
	if os.Geteuid() == 0 {
		found = append(found, "root")
	} else {
		found = append(found, "not root")
	}
	if s.capable(unix.CAP_SYS_PTRACE) {
		found = append(found, "CAP_SYS_PTRACE")
	}
	if s.noNewPrivs {
		found = append(found, "no_new_privs")
	}
	if s.seccomp == 2 {
		found = append(found, "under a seccomp filter")
	}
	if s.noNewPrivs || !s.capable(unix.CAP_SYS_ADMIN) {
		c.State = Note
		c.Costs = "the filter needs no_new_privs: set-user-ID programs in the tree run without their privilege"
		c.Advice = "run sluice as root where such a program is part of what you wrap"
	}
	if s.tracer != 0 {
		found = append(found, fmt.Sprintf("traced by %d", s.tracer))
		c.State, c.Costs = Missing, "the kernel allows a process one tracer"
		c.Advice = "do not run sluice under strace, gdb or another sluice"
	}
	c.Found = strings.Join(found, ", ")
	return c
}

// place is how the tracer will stand to the program.
func place() Check {
	var reaper int32
	unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&reaper)), 0, 0, 0)
	c := Check{Name: "place", State: OK, Found: "the program takes this process's place"}
	if os.Getpid() == 1 || reaper != 0 {
		c.State = Note
		c.Found = "the first process of its namespace, or a subreaper"
		c.Costs = "sluice stays as the program's parent and passes signals on: the program's pid is another"
		c.Advice = "where that matters, put an init before it (docker run --init)"
	}
	return c
}

// pipePages warns of fs/pipe.c, too_many_pipe_buffers_soft: beyond it a new pipe has two slots.
func pipePages() Check {
	const name = "pipe pages"
	raw, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil {
		return Check{Name: name, State: OK, Found: "no limit known"}
	}
	soft, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	c := Check{Name: name, State: OK, Found: fmt.Sprintf("%d a user", soft)}
	if soft > 0 && soft < 16384 && os.Geteuid() != 0 {
		c.State = Note
		c.Costs = fmt.Sprintf("after some %d pipes a user's new ones are small; an emulated pipe counts as any other", soft/16)
		c.Advice = "sysctl fs.pipe-user-pages-soft=16384"
	}
	return c
}

func processors() Check {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return Check{"processors", Note, err.Error(), "calls that are served cost more when a task cannot be moved to the tracer's processor", ""}
	}
	return Check{Name: "processors", State: OK, Found: strconv.Itoa(set.Count())}
}
