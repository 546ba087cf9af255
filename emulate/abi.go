package emulate

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func put16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// get copies len(p) bytes from the program; anything less is EFAULT, as copy_from_user has it.
func (c *Call) get(p []byte, addr uint64) unix.Errno {
	if n, e := c.Mem.ReadMem(p, addr); n < len(p) {
		if e == 0 {
			e = unix.EFAULT
		}
		return e
	}
	return 0
}

// put copies p to the program; anything less is EFAULT, as copy_to_user has it.
func (c *Call) put(addr uint64, p []byte) unix.Errno {
	if n, e := c.Mem.WriteMem(addr, p); n < len(p) {
		if e == 0 {
			e = unix.EFAULT
		}
		return e
	}
	return 0
}

// get32 reads one int.
func (c *Call) get32(addr uint64) (int, unix.Errno) {
	var b [4]byte
	e := c.get(b[:], addr)
	return int(int32(le32(b[:]))), e
}

// put32 writes one int.
func (c *Call) put32(addr uint64, v int) unix.Errno {
	var b [4]byte
	put32(b[:], uint32(v))
	return c.put(addr, b[:])
}

// str reads a NUL-terminated string of at most limit bytes.
func (c *Call) str(addr uint64, limit int) (string, unix.Errno) {
	var out []byte
	for len(out) < limit {
		chunk := make([]byte, min(256-int(addr&255), limit-len(out)))
		n, e := c.Mem.ReadMem(chunk, addr)
		for i, ch := range chunk[:n] {
			if ch == 0 {
				return string(append(out, chunk[:i]...)), 0
			}
		}
		if e != 0 {
			return "", e
		}
		out = append(out, chunk[:n]...)
		addr += uint64(n)
	}
	return "", unix.ENAMETOOLONG
}

const efault = unix.EFAULT

// closing is a plan's close of one descriptor.
func closing(fd int) KernelCall {
	return KernelCall{Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(fd)}}
}
