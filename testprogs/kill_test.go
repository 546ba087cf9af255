package testprogs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fifo makes a named pipe, by which a test and a script wait for each other: opening it waits for the other side.
func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// hear reads what a script writes into a fifo, once all who hold it open for writing are done.
func hear(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// When the tracer is killed, nothing of the tree goes on: calls that nobody serves would fail strangely.
func TestTracerIsKilled(t *testing.T) {
	for _, script := range []string{
		`sleep 1000 & sleep 1000 | cat & yes | tr y n >/dev/null & echo up > $F; wait`,
		`setsid sh -c 'yes | cat >/dev/null' & (sleep 1000 | cat) & (echo up > $F) & exec sleep 1000`,
	} {
		t.Run("", func(t *testing.T) {
			parallel(t)
			for range rounds(5) {
				name := fifo(t)
				r := start(t, program{argv: wrapped([]string{"bash", "-c", script}), env: []string{"F=" + name}})
				hear(t, name)
				by := tracer(r.cmd.Process.Pid)
				if by == 0 {
					t.Fatal("nobody traces the program")
				}
				if err := syscall.Kill(by, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if got := r.all(); !got.status.Signaled() || got.status.Signal() != syscall.SIGKILL {
					t.Errorf("ended: %v", got)
				}
			}
		})
	}
}

// A traced process that is killed from outside, whatever it is doing, ends as natively for all others.
func TestTraceeIsKilled(t *testing.T) {
	for name, script := range map[string]string{
		"a writer at rest":  `(exec sh -c 'echo $$ > $F; exec sleep 1000') | (cat; echo end of file)`,
		"a waiting writer":  `(exec sh -c 'echo $$ > $F; exec yes') | (read x < $F.go; cat | tail -c 0; echo end of file)`,
		"a thread's parent": `python3 -c 'import os, threading; r, w = os.pipe(); threading.Thread(target=os.read, args=(r, 1)).start(); print(os.getpid(), file=open(os.environ["F"], "w")); os.read(r, 1)'; echo $?`,
	} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			once := func(argv []string) result {
				f := fifo(t)
				if err := unix.Mkfifo(f+".go", 0o666); err != nil {
					t.Fatal(err)
				}
				r := start(t, program{argv: argv, env: append(plain(t), "F="+f)})
				pid, err := strconv.Atoi(hear(t, f))
				if err != nil {
					t.Fatal(err)
				}
				if !r.until(func() bool { return asleep(pid) }) {
					t.Fatalf("%d does not come to rest:\n%s", pid, describe(r.mark))
				}
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(script, "F.go") {
					if err := os.WriteFile(f+".go", []byte("go\n"), 0); err != nil {
						t.Fatal(err)
					}
				}
				return nameless(r.all())
			}
			native := once([]string{"bash", "-c", script})
			for range rounds(5) {
				if !same(t, "wrapped", native, once(wrapped([]string{"bash", "-c", script}, "--on-deadlock=wait"))) { // two readers of a pipe of their own are stuck indeed
					return
				}
			}
		})
	}
}

// asleep tells whether a process does not go on by itself: it has slept whenever it was looked at. A call that is served may
// stand in a stop.
func asleep(pid int) bool {
	for range 40 {
		if state := field(fmt.Sprintf("/proc/%d", pid), "State"); state == "" || !strings.Contains("STt", state[:1]) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// What the main program leaves behind goes on, still served, and the tracer ends with the last of it.
func TestLeftBehind(t *testing.T) {
	parallel(t)
	name := fifo(t)
	out := filepath.Join(t.TempDir(), "out")
	script := `(read x < $F; seq 10000 | sort -rn | head -2 > $O; echo $x >> $O) & echo $!; true | true; exit 4`
	r := start(t, program{argv: wrapped([]string{"bash", "-c", script}), env: []string{"F=" + name, "O=" + out}})
	got := r.main()
	if got.status.ExitStatus() != 4 {
		t.Fatal(got)
	}
	child, err := strconv.Atoi(strings.TrimSpace(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	if tracer(child) == 0 {
		t.Error("what is left behind is not traced any more")
	}
	if err := os.WriteFile(name, []byte("word\n"), 0); err != nil {
		t.Fatal(err)
	}
	r.all()
	raw, err := os.ReadFile(out)
	if err != nil || string(raw) != "10000\n9999\nword\n" {
		t.Errorf("%v: it wrote %q", err, raw)
	}
}
