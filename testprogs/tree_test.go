package testprogs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// members are the processes whose environment has mark. The tracer is among them: what it was started
// with, the program's environment too, stands in a variable of its own.
func members(mark string) []int {
	// One that forks and ends while we look can hide its child: nobody is there only if twice nobody is.
	for range 2 {
		if pids := look(mark); len(pids) > 0 {
			return pids
		}
	}
	return nil
}

func look(mark string) (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		env, err := os.ReadFile("/proc/" + name + "/environ")
		if err == nil && bytes.Contains(env, []byte(mark)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends the processes of a run, all that they start meanwhile, and their tracer.
func kill(mark string) {
	for pids := members(mark); len(pids) > 0; pids = members(mark) {
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// describe tells of each thread of a run what it is doing, for the report of one that hangs.
func describe(mark string) string {
	var b strings.Builder
	for _, pid := range members(mark) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		for _, dir := range threads {
			tid := filepath.Base(dir)
			if exe == sluice && tid != strconv.Itoa(pid) {
				continue // a thread of the Go runtime
			}
			line := func(file string) string {
				raw, err := os.ReadFile(dir + "/" + file)
				if err != nil {
					return "(" + err.Error() + ")"
				}
				return strings.TrimSpace(string(raw))
			}
			fmt.Fprintf(&b, "pid %d thread %s %q state %s parent %s tracer %s wchan %s syscall %s\n", pid, tid,
				line("comm"), field(dir, "State"), field(dir, "PPid"), field(dir, "TracerPid"), line("wchan"), line("syscall"))
			if stack, err := os.ReadFile(dir + "/stack"); err == nil && exe != sluice {
				frames := strings.SplitAfter(string(stack), "\n")
				fmt.Fprintf(&b, "    %s", strings.Join(frames[:min(3, len(frames))], "    "))
			}
		}
	}
	return b.String()
}

// field is one line of a task's status file in /proc, "" when the task is gone.
func field(dir, name string) string {
	raw, err := os.ReadFile(dir + "/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// tracer is the process that traces pid, 0 if nobody does.
func tracer(pid int) int {
	n, _ := strconv.Atoi(field(fmt.Sprintf("/proc/%d", pid), "TracerPid"))
	return n
}
