package tracer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
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
