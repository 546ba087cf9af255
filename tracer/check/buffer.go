package check

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

const pageSize = 4096

// Sizes and bounds of the kernel's: struct msghdr and mmsghdr, MAX_RW_COUNT, TASK_SIZE_MAX, UIO_MAXIOV.
const (
	hdrSize  = 56
	mhdrSize = 64
	maxRW    = 0x7ffff000
	taskMax  = 0x7ffffffff000
	maxIov   = 1024
)

func le32(b []byte) uint32       { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64       { return binary.LittleEndian.Uint64(b) }
func put32(b []byte, v uint32)   { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64)   { binary.LittleEndian.PutUint64(b, v) }
func address(b []byte) uint64    { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
func (k *Checker) empty() uint64 { return address(k.hole) }

// syscall makes a call that does not wait.
func syscall(nr int, args ...uint64) (int, unix.Errno) {
	var a [6]uint64
	copy(a[:], args)
	for {
		n, _, e := unix.RawSyscall6(uintptr(nr), uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

// room is memory of the tracer's for the call under way.
func (k *Checker) room(n int) []byte {
	if k.used+n > len(k.arena) {
		if len(k.arena) > 0 {
			k.kept = append(k.kept, k.arena)
		}
		k.arena, k.used = make([]byte, max(n, 2*len(k.arena), 1<<16)), 0
	}
	b := k.arena[k.used : k.used+n : k.used+n]
	k.used += (n + 15) &^ 15
	k.used = min(k.used, len(k.arena))
	clear(b)
	return b
}

// fetch reads n bytes of the program's memory, all or nothing.
func (k *Checker) fetch(c *emulate.Call, addr uint64, n int) []byte {
	b := k.room(n)
	if got, _ := c.Mem.ReadMem(b, addr); got < n {
		return nil
	}
	return b
}

// A span is one buffer of the program's.
type span struct{ base, n uint64 }

// buffers are those of the call. It is false for what the kernel refuses before it looks at anything else.
func (k *Checker) buffers(c *emulate.Call) ([]span, bool) {
	for i, a := range c.Sys.Args {
		switch a.Kind {
		case emulate.BufIn, emulate.BufOut:
			s := span{c.Args[i], c.Args[a.Len]}
			if int64(s.n) < 0 && c.Sys.Nr <= unix.SYS_WRITE || s.base > taskMax || s.n > taskMax-s.base && c.Sys.Nr <= unix.SYS_WRITE {
				return nil, false
			}
			s.n = min(s.n, maxRW)
			return []span{s}, s.n <= taskMax-s.base
		case emulate.IovIn, emulate.IovOut:
			return k.iovec(c, c.Args[i], c.Args[a.Len])
		}
	}
	return nil, false
}

func (k *Checker) iovec(c *emulate.Call, at, count uint64) ([]span, bool) {
	if count > maxIov {
		return nil, false
	}
	raw := k.fetch(c, at, int(count)*16)
	if raw == nil && count > 0 {
		return nil, false
	}
	list := make([]span, 0, count)
	left := uint64(maxRW)
	for i := range int(count) {
		s := span{le64(raw[i*16:]), le64(raw[i*16+8:])}
		if int64(s.n) < 0 {
			return nil, false
		}
		if count == 1 {
			s.n = min(s.n, maxRW)
		}
		if s.base > taskMax || s.n > 0 && s.n > taskMax-s.base {
			return nil, false
		}
		s.n = min(s.n, left)
		left -= s.n
		list = append(list, s)
	}
	return list, true
}

func size(list []span) int {
	n := 0
	for _, s := range list {
		n += int(s.n)
	}
	return n
}

// cut is at most limit bytes of the buffers behind the first skip.
func cut(list []span, skip, limit int) []span {
	out := make([]span, 0, len(list))
	for _, s := range list {
		d := min(uint64(skip), s.n)
		skip -= int(d)
		s.base, s.n = s.base+d, min(s.n-d, uint64(limit))
		limit -= int(s.n)
		if s.n > 0 {
			out = append(out, s)
		}
	}
	return out
}

// copied lays the program's bytes out in our memory, as the kernel's iovecs. What cannot be read leads to the hole.
func (k *Checker) copied(c *emulate.Call, list []span) []byte {
	var iov []byte
	for _, s := range list {
		b := k.room(int(s.n))
		got, _ := c.Mem.ReadMem(b, s.base)
		iov = k.piece(iov, b[:got], int(s.n))
	}
	return k.pin(iov)
}

// blank is as much of our memory for the kernel to write to. With probe, what the program cannot have written leads
// to the hole.
func (k *Checker) blank(c *emulate.Call, list []span, probe bool) (iov, data []byte) {
	data = k.room(size(list))
	at := 0
	for _, s := range list {
		n := int(s.n)
		if probe {
			n = writable(c, s)
		}
		iov = k.piece(iov, data[at:at+n], int(s.n))
		at += int(s.n)
	}
	return k.pin(iov), data
}

func (k *Checker) piece(iov, b []byte, n int) []byte {
	if len(b) > 0 {
		iov = binary.LittleEndian.AppendUint64(iov, address(b))
		iov = binary.LittleEndian.AppendUint64(iov, uint64(len(b)))
	}
	if len(b) < n {
		iov = binary.LittleEndian.AppendUint64(iov, k.empty())
		iov = binary.LittleEndian.AppendUint64(iov, uint64(n-len(b)))
	}
	return iov
}

// pin keeps memory alive until the call is over.
func (k *Checker) pin(b []byte) []byte {
	k.kept = append(k.kept, b)
	return b
}

// writable is how much of a buffer the program could have written to. It writes the bytes that are there, one a page,
// and is asked only where the model stopped short.
func writable(c *emulate.Call, s span) int {
	for at := uint64(0); at < s.n; {
		var b [1]byte
		if n, _ := c.Mem.ReadMem(b[:], s.base+at); n == 0 {
			return int(at)
		}
		if n, _ := c.Mem.WriteMem(s.base+at, b[:]); n == 0 {
			return int(at)
		}
		at += pageSize - (s.base+at)%pageSize
	}
	return int(s.n)
}

// same compares the first n bytes of the program's buffers with ours, and tells where they differ.
func (k *Checker) same(c *emulate.Call, list []span, ours []byte, n int) (at int, theirs byte, ok bool) {
	for _, s := range list {
		m := min(int(s.n), n-at)
		b := k.room(m)
		got, _ := c.Mem.ReadMem(b, s.base)
		for i := range b[:got] {
			if b[i] != ours[at+i] {
				return at + i, b[i], false
			}
		}
		at += m
	}
	return 0, 0, true
}
