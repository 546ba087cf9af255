package emulate

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Opening /proc/PID/fd/N of a pipe makes a new open file description on it (fs/proc/fd.c, fs/pipe.c:
// fifo_open). /dev/stdin, /dev/stdout, /dev/stderr and /dev/fd are links to the caller's own.

func (k *Kernel) open(c *Call) Outcome {
	return k.reopen(c, unix.AT_FDCWD, c.Args[0], int(c.Args[1]))
}

func (k *Kernel) creat(c *Call) Outcome {
	return k.reopen(c, unix.AT_FDCWD, c.Args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
}

func (k *Kernel) openat(c *Call) Outcome {
	return k.reopen(c, c.Arg(0), c.Args[1], int(c.Args[2]))
}

func (k *Kernel) openat2(c *Call) Outcome {
	var how [8]byte
	if c.get(how[:], c.Args[2]) != 0 {
		return Pass()
	}
	return k.reopen(c, c.Arg(0), c.Args[1], int(le64(how[:])))
}

type reopening struct {
	pipe  *Pipe
	flags int
}

func (k *Kernel) reopen(c *Call, dirfd int, addr uint64, flags int) Outcome {
	if flags&unix.O_PATH != 0 {
		return Pass()
	}
	// Most opens are of ordinary files: 16 bytes of the path tell.
	var head [16]byte
	n, _ := c.Mem.ReadMem(head[:], addr)
	if !suspicious(head[:n]) {
		return Pass()
	}
	path, e := c.str(addr, 4096)
	if e != 0 {
		return Pass()
	}
	if !strings.HasPrefix(path, "/") {
		dir, ok := k.Host.Link(c.Task, dirfd, "")
		if !ok {
			return Pass()
		}
		path = dir + "/" + path
	}
	f := k.procFD(c.Task, path)
	if f == nil {
		return Pass()
	}
	p, ok := f.ops.(*Pipe)
	if !ok {
		return Pass() // ENXIO, says the kernel
	}
	c.State = reopening{p, flags}
	return Hear()
}

// suspicious tells whether a path may lead to a descriptor: in /dev or /proc, or a number in a directory.
func suspicious(head []byte) bool {
	switch {
	case len(head) == 0:
		return false
	case head[0] >= '0' && head[0] <= '9':
		return true
	case head[0] != '/':
		return strings.HasPrefix(string(head), "fd/") || strings.HasPrefix(string(head), "self/fd")
	}
	return strings.HasPrefix(string(head), "/dev/") || strings.HasPrefix(string(head), "/proc/")
}

// procFD finds the emulated file that a path of /dev or /proc names.
func (k *Kernel) procFD(t *Task, path string) *File {
	switch path {
	case "/dev/stdin":
		return t.Files.Get(0)
	case "/dev/stdout":
		return t.Files.Get(1)
	case "/dev/stderr":
		return t.Files.Get(2)
	}
	if n, ok := strings.CutPrefix(path, "/dev/fd/"); ok {
		return k.numbered(t, n)
	}
	parts := strings.Split(strings.TrimPrefix(path, "/proc/"), "/")
	if len(parts) == 5 && parts[1] == "task" { // PID/task/TID/fd/N
		parts = parts[2:]
	}
	if len(parts) != 3 || parts[1] != "fd" {
		return nil
	}
	if parts[0] != "self" && parts[0] != "thread-self" {
		pid, err := strconv.Atoi(parts[0])
		if t = k.Tasks[pid]; err != nil || t == nil {
			return nil
		}
	}
	return k.numbered(t, parts[2])
}

func (k *Kernel) numbered(t *Task, s string) *File {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return t.Files.Get(n)
}

func (k *Kernel) sawOpen(c *Call, ret int64) {
	if r, ok := c.State.(reopening); ok && ret >= 0 {
		k.install(c.Task.Files, int(ret), r.pipe.open(k, r.flags), r.flags&unix.O_CLOEXEC != 0)
	}
}
