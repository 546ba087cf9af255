package emutest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the logs in testdata anew")

// Interleavings of several tasks, each with the whole log of what happens. A change of a log is a change of what
// programs see: look at it line by line before -update.
func TestInterleavings(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*Sim, *Task)
	}{
		{"pipe_ends", pipeEnds},
		{"pipe_fifo", pipeFIFO},
		{"pipe_big_write", pipeBigWrite},
		{"pipe_signals", pipeSignals},
		{"pipe_dying", pipeDying},
		{"pair_timeouts", pairTimeouts},
		{"pair_readers", pairReaders},
		{"pair_rights", pairRights},
		{"pair_rights_full", pairRightsFull},
		{"poll_mixed", pollMixed},
		{"poll_closed", pollClosed},
		{"waits_stopped", waitsStopped},
		{"epoll_sleepers", epollSleepers},
		{"epoll_adopted", epollAdopted},
		{"eventfds", eventfds},
		{"threads_share", threadsShare},
		{"fork_and_exec", forkAndExec},
		{"splice_file", spliceFile},
		{"splice_waits", spliceWaits},
		{"demoted", demoted},
		{"demoted_in_flight", demotedInFlight},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, a := New()
			c.run(s, a)
			golden(t, c.name, s.Log())
			again, a := New()
			c.run(again, a)
			if got := again.Log(); got != s.Log() {
				t.Errorf("a second run differs: %s", firstDifference(got, s.Log()))
			}
			for _, task := range s.sorted() {
				agree(t, task)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".log")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: %s", path, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "line " + number(i+1) + "\ngot  " + g[i] + "\nwant " + strings.Join(w[min(i, len(w)):min(i+1, len(w))], "")
		}
	}
	return "it ends early, before " + w[len(g)]
}

func number(n int) string { return resultText(int64(n)) }

// agree holds the model's table against the kernel's: whatever it has, the kernel has, with the same FD_CLOEXEC.
func agree(t *testing.T, task *Task) {
	t.Helper()
	for _, fd := range task.Files.FDs() {
		e, open := task.table.fds[fd]
		if !open || e.cloexec != task.Files.Cloexec(fd) {
			t.Errorf("task %d, descriptor %d: open %v, close-on-exec %v in the kernel and %v in the model",
				task.TID, fd, open, e.cloexec, task.Files.Cloexec(fd))
		}
	}
}

const thread = unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_THREAD
