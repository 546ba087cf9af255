package tracer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A procStatus is what the tracer needs of /proc/PID/status.
type procStatus struct {
	uid, gid       int // real
	sigIgn, sigCgt uint64
	sigBlk, sigPnd uint64
	capEff         uint64
	noNewPrivs     bool
	tracer         int
	tgid, ppid     int
	state          byte
	filtered       bool // by seccomp
}

func readStatus(tid int) (s procStatus) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return s
	}
	for line := range bytes.Lines(raw) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		fields := strings.Fields(string(rest))
		if len(fields) == 0 {
			continue
		}
		hex := func() uint64 { v, _ := strconv.ParseUint(fields[0], 16, 64); return v }
		switch string(name) {
		case "State":
			s.state = fields[0][0]
		case "Tgid":
			s.tgid, _ = strconv.Atoi(fields[0])
		case "PPid":
			s.ppid, _ = strconv.Atoi(fields[0])
		case "TracerPid":
			s.tracer, _ = strconv.Atoi(fields[0])
		case "Uid":
			s.uid, _ = strconv.Atoi(fields[0])
		case "Gid":
			s.gid, _ = strconv.Atoi(fields[0])
		case "SigPnd", "ShdPnd":
			s.sigPnd |= hex()
		case "SigBlk":
			s.sigBlk = hex()
		case "SigIgn":
			s.sigIgn = hex()
		case "SigCgt":
			s.sigCgt = hex()
		case "CapEff":
			s.capEff = hex()
		case "Seccomp":
			s.filtered = fields[0] != "0"
		case "NoNewPrivs":
			s.noNewPrivs = fields[0] == "1"
		}
	}
	return s
}

// comm is a task's short name.
func comm(tid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", tid))
	if err != nil {
		return "?"
	}
	return strings.TrimSuffix(string(raw), "\n")
}

// procs answers a layer's questions from /proc.
type procs struct{}

func (procs) Exe(tid int) string {
	s, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", tid))
	return s
}

// Handles leaves out what a program sends itself (SIGSEGV and the like), and what glibc keeps for its threads.
func (procs) Handles(tid int) bool {
	const own = 1<<31 | 1<<32 | 1<<(unix.SIGSEGV-1) | 1<<(unix.SIGBUS-1) | 1<<(unix.SIGFPE-1) | 1<<(unix.SIGILL-1) | 1<<(unix.SIGTRAP-1) |
		1<<(unix.SIGSYS-1)
	return readStatus(tid).sigCgt&^uint64(own) != 0
}

func (procs) Flags(tid, fd int) (int, bool) {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", tid, fd))
	_, rest, ok := strings.Cut(string(raw), "flags:")
	word, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	flags, err := strconv.ParseInt(word, 8, 64)
	return int(flags), ok && err == nil
}

func (procs) Regular(tid, fd int) bool {
	st, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", tid, fd))
	return err == nil && st.Mode().IsRegular()
}
