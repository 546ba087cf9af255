package emulate

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Ends calls visit for every emulated file that a descriptor argument of c names, with the argument's index.
func (c *Call) Ends(visit func(arg int, f *File)) {
	if c.Task.Files == nil {
		return
	}
	for i, a := range c.Sys.Args {
		if a.Kind != FD {
			continue
		}
		if f := c.Task.Files.Get(c.Arg(i)); f != nil {
			visit(i, f)
		}
	}
}

// Flow is how many bytes a call that returned ret put into the file behind descriptor argument arg, and how
// many it took out. Bytes that a peek shows stay where they are.
func (c *Call) Flow(arg int, f *File, ret int64) (in, out int64) {
	if ret <= 0 {
		return 0, 0
	}
	for i, a := range c.Sys.Args {
		if a.Kind == MsgFlags && c.Args[i]&unix.MSG_PEEK != 0 {
			return 0, 0
		}
	}
	fds, sized := 0, false
	for i, a := range c.Sys.Args {
		switch a.Kind {
		case FD:
			fds++
		case Uint:
			sized = true
		case BufIn, MsgIn:
			return ret, 0
		case IovIn:
			if !f.writes() { // vmsplice from a pipe
				return 0, ret
			}
			return ret, 0
		case BufOut, IovOut, MsgOut:
			return 0, ret
		case MMsgIn:
			return c.sumLens(c.Args[i], ret), 0
		case MMsgOut:
			return 0, c.sumLens(c.Args[i], ret)
		}
	}
	if fds < 2 || !sized {
		return 0, 0
	}
	// From one descriptor to the other, which the table names in_fd and out_fd, or fd_in and fd_out.
	if strings.Contains(c.Sys.Args[arg].Name, "out") {
		return ret, 0
	}
	if c.Sys.Nr == unix.SYS_TEE { // copies: tee(2)
		return 0, 0
	}
	return 0, ret
}

func (c *Call) sumLens(addr uint64, count int64) int64 {
	sum := int64(0)
	for i := range uint64(count) {
		n, e := c.get32(addr + i*mmsghdrSize + msghdrSize)
		if e != 0 {
			break
		}
		sum += int64(uint32(n))
	}
	return sum
}

// End names the end of a pipe that f is, by its access mode; "" for objects that are an end by themselves.
func (f *File) End() string {
	switch {
	case f.ops.Kind() != "pipe":
		return ""
	case f.reads() && f.writes():
		return "both"
	case f.reads():
		return "read"
	}
	return "write"
}
