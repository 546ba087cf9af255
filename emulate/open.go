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
	path, e := c.str(addr, 4096)
	if e != 0 {
		return Pass()
	}
	c.Shows = strings.HasSuffix(path, "status")
	if isDevice(path) {
		c.State = device(path)
		return Hear()
	}
	if k.living == 0 {
		return Pass() // only a pipe can be opened by its descriptor's name
	}
	const most = 8 // links that are followed; the kernel follows 40, and nobody hides a descriptor behind so many
	for i := 0; !suspicious(path) && i < most; i++ {
		link, ok := k.Host.Link(c.Task, dirfd, path)
		if !ok {
			return Pass() // most opens are of ordinary files
		}
		path = beside(path, link)
	}
	if !strings.HasPrefix(path, "/") {
		dir, ok := k.Host.Link(c.Task, dirfd, "")
		if !ok {
			return Pass()
		}
		path = dir + "/" + path
	}
	path = clean(path)
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

// suspicious tells whether a path may lead to a descriptor: in /dev or /proc, or relative to a directory there.
func suspicious(path string) bool {
	switch {
	case path == "":
		return false
	case path[0] == '/':
		return strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/")
	case path[0] >= '0' && path[0] <= '9':
		return !strings.ContainsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	}
	return strings.Contains(path, "fd/")
}

// beside is where a link at path leads.
func beside(path, link string) string {
	if strings.HasPrefix(link, "/") {
		return link
	}
	return path[:strings.LastIndexByte(path, '/')+1] + link
}

// clean takes ".", ".." and doubled slashes out of an absolute path.
func clean(path string) string {
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, part)
		}
	}
	return "/" + strings.Join(out, "/")
}

// procFD finds the emulated file that a path of /dev or /proc names.
func (k *Kernel) procFD(t *Task, path string) *File {
	// What is a process's own is its first thread's, whose table need not be the caller's (unshare of CLONE_FILES).
	first := k.Tasks[t.TGID]
	if first == nil {
		first = t
	}
	switch path {
	case "/dev/stdin":
		return first.Files.Get(0)
	case "/dev/stdout":
		return first.Files.Get(1)
	case "/dev/stderr":
		return first.Files.Get(2)
	}
	if n, ok := strings.CutPrefix(path, "/dev/fd/"); ok {
		return k.numbered(first, n)
	}
	parts := strings.Split(strings.TrimPrefix(path, "/proc/"), "/")
	if len(parts) == 5 && parts[1] == "task" { // PID/task/TID/fd/N
		parts = parts[2:]
	}
	if len(parts) != 3 || parts[1] != "fd" {
		return nil
	}
	switch parts[0] {
	case "thread-self":
	case "self":
		t = first
	default:
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
	if ret < 0 {
		return
	}
	switch r := c.State.(type) {
	case device:
		r.opened(k, c)
	case reopening:
		k.install(c.Task.Files, int(ret), r.pipe.open(k, r.flags), r.flags&unix.O_CLOEXEC != 0)
	}
}
