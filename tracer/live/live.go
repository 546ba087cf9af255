// Package live finds the runs of sluice on this machine and asks one of them where everybody stands. It only reads:
// what the kernel lists, and what a tracer answers.
package live

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// A Run is a tracer and its program.
type Run struct {
	Tracer, Program int
	Command         []string // nil when the program itself has ended
	Age             time.Duration
	name            string
}

// Runs lists the runs that this user may ask, the oldest first. prefix begins their doors' names.
func Runs(prefix string) ([]Run, error) {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var runs []Run
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) != 8 {
			continue
		}
		rest, ok := strings.CutPrefix(words[7], "@"+prefix)
		a, b, dash := strings.Cut(rest, "-")
		r := Run{name: words[7]}
		var e1, e2 error
		r.Tracer, e1 = strconv.Atoi(a)
		r.Program, e2 = strconv.Atoi(b)
		// Anybody can take a name; the socket must be the tracer's own.
		if !ok || !dash || e1 != nil || e2 != nil || !holds(r.Tracer, "socket:["+words[6]+"]") {
			continue
		}
		r.Age = age(r.Tracer)
		if status(r.Program, "TracerPid") == r.Tracer {
			r.Command = command(r.Program)
		}
		runs = append(runs, r)
	}
	sort.Slice(runs, func(i, j int) bool {
		if runs[i].Age != runs[j].Age {
			return runs[i].Age > runs[j].Age
		}
		return runs[i].Tracer < runs[j].Tracer
	})
	return runs, nil
}

func holds(pid int, link string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if got, _ := os.Readlink(fd); got == link {
			return true
		}
	}
	return false
}

// status is a number in /proc/PID/status, 0 when there is none.
func status(pid int, field string) int {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(raw), "\n"+field+":")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n
}

func command(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(raw) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}

// age is how long a process has lived, by its start in ticks after the boot (proc_pid_stat(5)), of which Linux has
// 100 in a second for everybody.
func age(pid int) time.Duration {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const startTime = 19 // of the fields behind the name
	if len(f) <= startTime {
		return 0
	}
	ticks, _ := strconv.ParseInt(f[startTime], 10, 64)
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return max(0, time.Duration(now.Nano())-time.Duration(ticks)*10*time.Millisecond)
}

// List prints the runs.
func List(w io.Writer, prefix string) error {
	runs, err := Runs(prefix)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "PID\tTRACER\tAGE\tCOMMAND")
	for _, r := range runs {
		what := strings.Join(r.Command, " ")
		if r.Command == nil {
			what = "(ended, and others of its tree live on)"
		}
		fmt.Fprintf(t, "%d\t%d\t%v\t%s\n", r.Program, r.Tracer, r.Age.Round(time.Second), strings.Map(printable, what))
	}
	return t.Flush()
}

// printable keeps a command line from steering the terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// Report prints where everybody stands in the run that pid belongs to: the program, its tracer or any of the tree.
func Report(w io.Writer, prefix string, pid int, json bool) error {
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
		return fmt.Errorf("there is no process %d", pid)
	}
	runs, err := Runs(prefix)
	if err != nil {
		return err
	}
	tracer := status(pid, "TracerPid")
	for _, r := range runs {
		if r.Tracer == tracer || r.Tracer == pid {
			return r.ask(w, json)
		}
	}
	if tracer != 0 {
		return fmt.Errorf("process %d is traced by %d, which is no run of sluice that you may ask", pid, tracer)
	}
	return fmt.Errorf("process %d does not run under sluice; sluice ps lists what does", pid)
}

// ask knocks and copies the answer. The signal that wakes the tracer can be lost on it just before it sleeps: so
// it is knocked again until an answer begins.
func (r *Run) ask(w io.Writer, json bool) error {
	word := "text"
	if json {
		word = "json"
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var ends []unix.PollFd // of the pipes that the answer may come through, one for each knock
	defer func() {
		for _, p := range ends {
			unix.Close(int(p.Fd))
		}
	}()
	for wait := 250; wait <= 8000; wait *= 2 {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			return err
		}
		ends = append(ends, unix.PollFd{Fd: int32(p[0]), Events: unix.POLLIN})
		err := unix.Sendmsg(fd, []byte(word), unix.UnixRights(p[1]), &unix.SockaddrUnix{Name: r.name}, 0)
		unix.Close(p[1])
		if err != nil {
			return fmt.Errorf("the run of process %d cannot be asked: %w", r.Program, err)
		}
		for end := time.Now().Add(time.Duration(wait) * time.Millisecond); time.Until(end) > 0; {
			if n, _ := unix.Poll(ends, int(time.Until(end)/time.Millisecond)+1); n <= 0 {
				continue
			}
			for i := range ends {
				if ends[i].Revents&unix.POLLIN != 0 {
					_, err := io.Copy(w, os.NewFile(uintptr(ends[i].Fd), "answer"))
					ends[i].Fd = -1
					return err
				}
			}
			return fmt.Errorf("the run of process %d has ended, or answers too many others", r.Program)
		}
	}
	return errors.New("the tracer does not answer")
}
