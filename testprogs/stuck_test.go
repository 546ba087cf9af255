package testprogs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func stuckProgram(t *testing.T, name string) string {
	t.Helper()
	return build(t, "stuck-"+name, "cc", "-g", "-O1", "-w", "-pthread", "stuck/"+name+".c")
}

// slow are the ways in which slow.c is asleep and not stuck.
var slow = []string{"sleep", "thread that sleeps", "child that sleeps", "alarm", "alarm that kills", "itimer", "itimer again",
	"posix timer", "timerfd in epoll", "timerfd in poll", "poll with a time", "select with a time", "epoll with a time",
	"ppoll with a mask", "SO_RCVTIMEO", "sigsuspend", "pause", "sigwait", "signalfd", "terminal", "stopped child", "server",
	"server in poll", "datagrams", "inotify", "named pipe", "stdin", "shared futex", "futex with a time", "busy",
	"self-pipe", "self-pipe in poll", "self-pair", "sigio",
	"semaphore and a handler", "supervisor"}

// A tree that is only slow is not reported: here each is left alone for many times as long as a deadlock needs.
func TestSlowIsNotStuck(t *testing.T) {
	for _, what := range slow {
		t.Run(what, func(t *testing.T) {
			parallel(t)
			r, w, err := os.Pipe() // for stdin: real, and silent
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			defer r.Close()
			x := start(t, program{argv: wrapped([]string{stuckProgram(t, "slow"), what}, "--on-deadlock", "kill"),
				env: []string{"OUT=" + t.TempDir()}, stdin: r})
			if !x.until(func() bool { return strings.Contains(x.stderr(), "asleep") }) {
				x.stuck("it does not come so far")
			}
			select {
			case <-x.ended:
				t.Errorf("it ended: %v", x.result())
			case <-time.After(700 * time.Millisecond):
				if s := x.stderr(); s != "asleep\n" {
					t.Errorf("it is reported:\n%s", s)
				}
			}
		})
	}
}

func (r *run) stderr() string {
	raw, _ := os.ReadFile(r.err.Name())
	return string(raw)
}

// kinds are the ways in which kinds.c is stuck.
var kinds = []string{"popen_stderr", "keeps_write_end", "fork_cloexec", "both_full", "pair_full", "lost_wakeup", "philosophers",
	"zombie_holder", "in_a_message", "event_loop", "in_vfork"}

func TestStuck(t *testing.T) {
	for _, what := range kinds {
		t.Run(what, func(t *testing.T) {
			parallel(t)
			verdict := filepath.Join(t.TempDir(), "verdict")
			r := launch(t, program{argv: wrapped([]string{stuckProgram(t, "kinds"), what}, "--on-deadlock=kill", "--verdict", verdict)})
			if r.status.ExitStatus() != 120 {
				t.Errorf("%v", r)
			}
			got, golden := faceless(r.stderr), "testdata/stuck/"+what
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the report is\n%s\nwant\n%s", got, want)
			}
			var v struct {
				Status   int
				Finding  string
				Deadlock struct {
					Deadlock bool
					Tasks    []struct{ PID int }
				}
			}
			raw, err := os.ReadFile(verdict)
			if err != nil || json.Unmarshal(raw, &v) != nil || v.Status != 120 || v.Finding != "deadlock" || !v.Deadlock.Deadlock || len(v.Deadlock.Tasks) == 0 {
				t.Errorf("the verdict is %s, %v", raw, err)
			}
		})
	}
}

var (
	aPid     = regexp.MustCompile(`\[(\d+)(?:/(\d+))?\]|futex\(0x[0-9a-f]+, [A-Z_]+, (\d{2,}),`)
	aTime    = regexp.MustCompile(`\d+\.\d{6} s`)
	anAdress = regexp.MustCompile(`0x[0-9a-f]{5,}`)
	aFrame   = regexp.MustCompile(`(?m)^sluice:     #\d+ (.*)\n`)
	aPath    = regexp.MustCompile(`/\S*/stuck-kinds`)
)

// faceless is a report without what differs from run to run: numbers of processes become letters in the order in
// which they appear, and of the stacks only the program's own frames stay.
func faceless(s string) string {
	letters := map[string]string{}
	letter := func(pid string) string {
		if letters[pid] == "" {
			letters[pid] = string(rune('A' + len(letters)))
		}
		return letters[pid]
	}
	s = aPid.ReplaceAllStringFunc(s, func(m string) string {
		g := aPid.FindStringSubmatch(m)
		switch {
		case g[3] != "":
			return "futex(ADDRESS, OP, " + letter(g[3]) + ","
		case g[2] != "":
			return "[" + letter(g[1]) + "/" + letter(g[2]) + "]"
		}
		return "[" + letter(g[1]) + "]"
	})
	s = aTime.ReplaceAllString(s, "T s")
	s = aFrame.ReplaceAllStringFunc(s, func(m string) string {
		if strings.Contains(m, "kinds.c:") {
			return regexp.MustCompile(`#\d+ `).ReplaceAllString(m, "")
		}
		return ""
	})
	return aPath.ReplaceAllString(anAdress.ReplaceAllString(s, "ADDRESS"), "kinds")
}

// report is the rule by default: it is said once, the tree goes on, and a signal from outside can still free it.
func TestStuckIsReportedOnce(t *testing.T) {
	parallel(t)
	x := start(t, program{argv: wrapped([]string{stuckProgram(t, "kinds"), "both_full"})})
	if !x.until(func() bool { return strings.Contains(x.stderr(), "bytes lie unread") }) {
		x.stuck("it is not reported")
	}
	time.Sleep(300 * time.Millisecond)
	if n := strings.Count(x.stderr(), "deadlock after"); n != 1 {
		t.Errorf("reported %d times:\n%s", n, x.stderr())
	}
	got := launch(t, program{argv: []string{sluice, "report", fmt.Sprint(x.cmd.Process.Pid)}})
	if got.status != 0 || !strings.Contains(got.stdout, "the circle:") {
		t.Errorf("sluice report: %v", got)
	}
	ps := launch(t, program{argv: []string{sluice, "ps"}})
	if !regexp.MustCompile(fmt.Sprintf(`(?m)^%d +\d+ +\d+s +.*both_full$`, x.cmd.Process.Pid)).MatchString(ps.stdout) {
		t.Errorf("sluice ps: %v", ps)
	}
	unix.Kill(x.cmd.Process.Pid, unix.SIGKILL)
	x.all()
}

// The report comes within 100 ms. On a machine that has more to do it may take longer now and then, not always.
func TestStuckIsReportedSoon(t *testing.T) {
	parallel(t)
	const soon, tries = 100 * time.Millisecond, 20
	best := time.Hour
	for range tries {
		x := start(t, program{argv: wrapped([]string{stuckProgram(t, "kinds"), "clocked"}, "--on-deadlock=kill")})
		var before time.Time
		if !x.until(func() bool { before = time.Now(); return x.stderr() != "" }) {
			x.stuck("it does not come so far")
		}
		for !strings.Contains(x.stderr(), "deadlock after") && time.Now().Before(x.deadline) {
			time.Sleep(time.Millisecond)
		}
		best = min(best, time.Since(before))
		x.all()
		if best < soon {
			return
		}
	}
	t.Errorf("it takes %v at best", best)
}

func TestWaitSaysNothing(t *testing.T) {
	parallel(t)
	x := start(t, program{argv: wrapped([]string{stuckProgram(t, "kinds"), "keeps_write_end"}, "--on-deadlock=wait")})
	select {
	case <-x.ended:
		t.Errorf("it ended: %v", x.result())
	case <-time.After(time.Second):
		if s := x.stderr(); s != "" {
			t.Errorf("it says\n%s", s)
		}
	}
}

// Somebody outside who took a descriptor of an emulated pipe may wake its reader; when they have let go of it, nobody.
func TestOutsiderIsNotStuck(t *testing.T) {
	parallel(t)
	x := start(t, program{argv: wrapped([]string{stuckProgram(t, "slow"), "outsider"}, "--on-deadlock=kill")})
	if !x.until(func() bool { return strings.Contains(x.stderr(), "asleep") }) {
		x.stuck("it does not come so far")
	}
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/4", x.cmd.Process.Pid), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-x.ended:
		t.Errorf("it ended: %v", x.result())
	case <-time.After(2 * time.Second):
	}
	f.Close()
	if r := x.main(); r.status.ExitStatus() != 120 {
		t.Errorf("%v", r)
	}
}
