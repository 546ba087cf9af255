package fault

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// An end is a descriptor among a call's arguments, and what the call does with it.
type end struct {
	arg  int // -1 for a call without one
	fd   int
	file *emulate.File // nil when it is not emulated
	dir  Dir
}

// ends lists the descriptors of a call, those through which it moves bytes first.
func ends(c *emulate.Call) []end {
	var moving, others []end
	for i, a := range c.Sys.Args {
		if a.Kind != emulate.FD {
			continue
		}
		e := end{arg: i, fd: c.Arg(i)}
		if c.Task.Files != nil {
			e.file = c.Task.Files.Get(e.fd)
		}
		if e.dir = dirOf(c.Sys, i, e.file); e.dir != NoDir {
			moving = append(moving, e)
		} else {
			others = append(others, e)
		}
	}
	if moving = append(moving, others...); len(moving) == 0 {
		return []end{{arg: -1}}
	}
	return moving
}

// key names the channel behind an end.
func (e *end) key(c *emulate.Call) string {
	if e.file != nil {
		return e.file.Name()
	}
	return strconv.Itoa(c.Task.TGID) + ":" + strconv.Itoa(e.fd)
}

// A stream is one direction of a channel.
type stream struct {
	channel string
	dir     Dir
}

// is tells whether the end belongs to the channel and direction that a rule is about.
func (e *end) is(r *Rule) bool {
	if r.dir != NoDir && e.dir != r.dir {
		return false
	}
	switch r.kind {
	case "":
		return true
	case "stdin":
		return e.arg >= 0 && e.fd == 0
	case "stdout":
		return e.arg >= 0 && e.fd == 1
	case "stderr":
		return e.arg >= 0 && e.fd == 2
	}
	return e.file != nil && e.file.Object().Kind() == r.kind && (r.channel == "" || r.channel == e.file.Name())
}

// A piece is a part of the program's buffers: size bytes from addr on.
type piece struct{ addr, size uint64 }

// maxPieces is UIO_MAXIOV.
const maxPieces = 1024

// pieces lists the buffers of a call that moves bytes, nil when they are none of its arguments' or cannot be read.
func pieces(c *emulate.Call) []piece {
	for i, a := range c.Sys.Args {
		switch a.Kind {
		case emulate.BufIn, emulate.BufOut:
			return []piece{{c.Args[i], c.Args[a.Len]}}
		case emulate.IovIn, emulate.IovOut:
			return iovecs(c, c.Args[i], c.Args[a.Len])
		case emulate.MsgIn, emulate.MsgOut: // struct msghdr: msg_iov at 16, msg_iovlen at 24
			var raw [16]byte
			if _, e := c.Mem.ReadMem(raw[:], c.Args[i]+16); e != 0 {
				return nil
			}
			return iovecs(c, binary.LittleEndian.Uint64(raw[:]), binary.LittleEndian.Uint64(raw[8:]))
		}
	}
	return nil
}

func iovecs(c *emulate.Call, at, n uint64) []piece {
	if n == 0 || n > maxPieces {
		return nil
	}
	raw := make([]byte, 16*n)
	if _, e := c.Mem.ReadMem(raw, at); e != 0 {
		return nil
	}
	list := make([]piece, n)
	for i := range list {
		list[i] = piece{binary.LittleEndian.Uint64(raw[16*i:]), binary.LittleEndian.Uint64(raw[16*i+8:])}
	}
	return list
}

// maxCount is what one call moves at the most: MAX_RW_COUNT.
const maxCount = 0x7ffff000

// wanted is how many bytes a call asks for.
func wanted(c *emulate.Call) int64 {
	if list := pieces(c); list != nil {
		sum := uint64(0)
		for _, p := range list {
			sum = min(sum+min(p.size, maxCount), maxCount)
		}
		return int64(sum)
	}
	if i := sizeArg(c.Sys); i >= 0 {
		return int64(min(c.Args[i], maxCount))
	}
	return 0
}

// sizeArg is the argument that counts the bytes of a call, -1 where there is none such.
func sizeArg(sys *emulate.Syscall) int {
	if i := index(sys, emulate.BufIn, emulate.BufOut); i >= 0 {
		return sys.Args[i].Len
	}
	if has(sys, emulate.IovIn, emulate.IovOut, emulate.MsgIn, emulate.MsgOut, emulate.MMsgIn, emulate.MMsgOut) {
		return -1
	}
	return index(sys, emulate.Uint)
}

// bound makes a call one of at most n bytes. A vector that the kernel serves cannot be bound.
func bound(c *emulate.Call, e *end, n int64) bool {
	if i := sizeArg(c.Sys); i >= 0 {
		c.Args[i] = min(c.Args[i], uint64(n))
		return true
	}
	if e.file == nil {
		return false
	}
	if c.Also.Most == 0 || int64(c.Also.Most) > n {
		c.Also.Most = int(n)
	}
	return true
}

// payload is what a call is about to give, or would get if it came now; of either no more than peeked.
func payload(c *emulate.Call, e *end) []byte {
	const peeked = 64 << 10
	n := int(min(wanted(c), peeked))
	if e.dir == Read {
		if e.file == nil {
			return nil
		}
		return e.file.Ahead(n)
	}
	var out []byte
	for _, p := range pieces(c) {
		b := make([]byte, min(int(min(p.size, peeked)), n-len(out)))
		got, _ := c.Mem.ReadMem(b, p.addr)
		if out = append(out, b[:got]...); got < len(b) || len(out) == n {
			break
		}
	}
	return out
}

// flags are the call's own for messages, 0 for a call that has none.
func flags(c *emulate.Call) uint64 {
	if i := index(c.Sys, emulate.MsgFlags); i >= 0 {
		return c.Args[i]
	}
	return 0
}

// peeks tells whether the call leaves what it reads where it is.
func peeks(c *emulate.Call) bool { return flags(c)&unix.MSG_PEEK != 0 }
