package testprogs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal on which a program runs as on a console: it is the leader of a session, and the terminal
// controls it.
type terminal struct {
	t      *testing.T
	master *os.File
	fd     int
	shell  int // the process group that had it first
	mark   string
	ended  chan struct{}

	mu     sync.Mutex
	news   *sync.Cond
	text   []byte // all that was ever shown
	seen   int    // how much of it await has passed
	closed bool
}

func openTerminal(t *testing.T, argv []string, env ...string) *terminal {
	t.Helper()
	// Non-blocking, so that closing it ends a read.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	x := &terminal{t: t, master: master, fd: fd, ended: make(chan struct{}), mark: fmt.Sprintf("SLUICE_TESTS_MARK=%d-%d.", os.Getpid(), runs.Add(1))}
	x.news = sync.NewCond(&x.mu)
	x.resize(24, 80)
	c := exec.Command(argv[0], argv[1:]...)
	c.Env = append(append(plain(t), "TERM=dumb", x.mark), env...)
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	x.shell = c.Process.Pid
	go x.listen()
	go func() { c.Wait(); close(x.ended) }()
	t.Cleanup(func() { kill(x.mark); <-x.ended; master.Close() })
	return x
}

// listen collects what is shown. Reading fails when nobody has the terminal open any more.
func (x *terminal) listen() {
	b := make([]byte, 4096)
	for {
		n, err := x.master.Read(b)
		x.mu.Lock()
		x.text = append(x.text, b[:n]...)
		x.closed = err != nil
		x.news.Broadcast()
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *terminal) typed(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// resize changes the window's size, and the kernel tells the foreground of it.
func (x *terminal) resize(rows, columns uint16) {
	x.t.Helper()
	if err := unix.IoctlSetWinsize(x.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		x.t.Fatal(err)
	}
}

// await waits until what is new on the terminal has a text, and passes it.
func (x *terminal) await(text string) {
	x.t.Helper()
	late := time.AfterFunc(30*time.Second, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.closed = true
		x.news.Broadcast()
	})
	defer late.Stop()
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if i := bytes.Index(x.text[x.seen:], []byte(text)); i >= 0 {
			x.seen += i + len(text)
			return
		}
		if x.closed {
			x.t.Fatalf("%q is not shown.\n%s--- the terminal:\n%s", text, describe(x.mark), x.text)
		}
		x.news.Wait()
	}
}

// foreground is the terminal's process group.
func (x *terminal) foreground() int {
	x.t.Helper()
	n, err := unix.IoctlGetInt(x.fd, unix.TIOCGPGRP)
	if err != nil {
		x.t.Fatal(err)
	}
	return n
}

// jobs are the processes of the session other than its leader, each as its name and the letter of its state.
func (x *terminal) jobs() (all [][2]string) {
	for _, pid := range members(x.mark) {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || pid == x.shell {
			continue
		}
		head, rest, _ := strings.Cut(string(raw), ") ")
		_, name, _ := strings.Cut(head, "(")
		if f := strings.Fields(rest); f[3] == strconv.Itoa(x.shell) {
			all = append(all, [2]string{name, f[0]})
		}
	}
	return all
}

func (x *terminal) until(what string, there func(jobs [][2]string) bool) {
	x.t.Helper()
	r := &run{deadline: time.Now().Add(30 * time.Second)}
	if !r.until(func() bool { return there(x.jobs()) }) {
		x.t.Fatalf("%s.\n%s--- the terminal:\n%s", what, describe(x.mark), x.text)
	}
}

// stopped waits until every process of the job has stopped. The shell tells as soon as its own child has, and
// another that still reads would get a key that is meant for the shell.
func (x *terminal) stopped() {
	x.t.Helper()
	x.until("not all stop", func(jobs [][2]string) bool {
		return !slices.ContainsFunc(jobs, func(j [2]string) bool { return !strings.Contains("Tt", j[1]) })
	})
}

// runs waits until a program has been executed.
func (x *terminal) runs(name string) {
	x.t.Helper()
	x.until(name+" does not run", func(jobs [][2]string) bool {
		return slices.ContainsFunc(jobs, func(j [2]string) bool { return j[0] == name })
	})
}

// end waits for the end of the program and of all that it started, and returns all that was shown.
func (x *terminal) end() string {
	x.t.Helper()
	r := &run{t: x.t, ended: x.ended, deadline: time.Now().Add(30 * time.Second)}
	if !r.until(func() bool { return len(members(x.mark)) == 0 }) {
		x.t.Fatalf("these do not end:\n%s--- the terminal:\n%s", describe(x.mark), x.text)
	}
	<-x.ended
	x.mu.Lock()
	defer x.mu.Unlock()
	for !x.closed { // nobody has it open any more, so reading comes to an end
		x.news.Wait()
	}
	return string(x.text)
}
