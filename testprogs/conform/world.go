package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed runner/*.c runner/*.h
var sources embed.FS

// A bench is where programs are run: the runner, sluice, and a directory for what they exchange.
type bench struct {
	dir, runner, sluice string
	cpus                []int
}

// build compiles the runner, and sluice unless it is given.
func build(sluice string) (*bench, error) {
	b := &bench{sluice: sluice}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	for i := range 1024 {
		if set.IsSet(i) {
			b.cpus = append(b.cpus, i)
		}
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "conform-"); err != nil {
		return nil, err
	}
	b.runner = filepath.Join(b.dir, "runner")
	if err := os.CopyFS(b.dir, sources); err != nil {
		return nil, err
	}
	source := filepath.Join(b.dir, "source")
	if err := os.Rename(b.runner, source); err != nil {
		return nil, err
	}
	files, _ := filepath.Glob(filepath.Join(source, "*.c"))
	if err := tool("cc", append([]string{"-O1", "-Wall", "-pthread", "-o", b.runner}, files...)...); err != nil {
		return nil, err
	}
	if sluice == "" {
		b.sluice = filepath.Join(b.dir, "sluice")
		return b, tool("go", "build", "-buildvcs=false", "-o", b.sluice, "sluice")
	}
	b.sluice, err = filepath.Abs(sluice)
	return b, err
}

func tool(name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = os.Getenv("CONFORM_ROOT") // where scripts/conform found the module
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// An answer is what came of one program: a line a step. Programs that were never reached have none.
type answer []string

// A world is one run of the runner.
type world struct {
	answers []answer
	said    string // on stderr: by the runner, and by sluice
	broken  string // why it did not get to its end
}

// worker numbers the files and the processor of one of several worlds at a time.
type worker struct {
	*bench
	n        int
	patience time.Duration // after which a step counts as stuck
}

// run runs programs natively or wrapped. Everything stays on one processor: a stop costs a quarter of what it does
// between two, and natively the order in which sleepers run is the kernel's alone.
func (w *worker) run(list []prog, wrapped bool) world {
	name := func(what string) string { return filepath.Join(w.dir, fmt.Sprintf("%s-%d", what, w.n)) }
	in, out, shared := name("steps"), name("answers"), name("shared")
	if _, err := os.Stat("/dev/shm"); err == nil {
		shared = filepath.Join("/dev/shm", filepath.Base(w.dir)+"-"+filepath.Base(shared))
	}
	defer os.Remove(shared)
	os.Remove(out)
	if err := os.WriteFile(in, pack(list), 0o600); err != nil {
		return world{broken: err.Error()}
	}
	argv := []string{w.runner, in, out, shared}
	if wrapped {
		argv = append([]string{w.sluice, "run", "--"}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("CONFORM_PATIENCE=%d", w.patience.Milliseconds()))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err := os.Create(name("said"))
	if err != nil {
		return world{broken: err.Error()}
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	var res world
	if err := w.startHere(cmd); err != nil {
		return world{broken: err.Error()}
	}
	limit := time.AfterFunc(60*time.Second+time.Duration(len(list))*w.patience, func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	if err := cmd.Wait(); err != nil {
		res.broken = err.Error()
	}
	limit.Stop()
	// What the runner left, if it died.
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	text, _ := os.ReadFile(said.Name())
	res.said = string(text)
	lines, _ := os.ReadFile(out)
	res.answers = make([]answer, len(list))
	for i, part := range bytes.Split(lines, []byte("program "))[min(1, len(lines)):] {
		if i < len(list) {
			all := strings.Split(strings.TrimSuffix(string(part), "end\n"), "\n")
			res.answers[i] = all[1 : len(all)-1]
		}
	}
	return res
}

// startHere starts a command on the worker's processor.
func (w *worker) startHere(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return err
	}
	one.Set(w.cpus[w.n%len(w.cpus)])
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &old)
	return cmd.Start()
}
