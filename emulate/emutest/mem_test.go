package emutest

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestMem(t *testing.T) {
	const a = 0x20000
	m := NewMem()
	m.Map(a, 4*PageSize, Both)
	m.Protect(a+PageSize, PageSize, Read)
	m.Protect(a+2*PageSize, PageSize, Write)
	m.Unmap(a+3*PageSize, PageSize)
	m.Map(a+4*PageSize, PageSize, Both)
	for _, c := range []struct {
		name  string
		write bool
		addr  uint64
		n     int
		want  int
		errno unix.Errno
	}{
		{"read within a page", false, a + 5, 10, 10, 0},
		{"read nothing", false, 0, 0, 0, 0},
		{"read across pages", false, a + PageSize - 4, 8, 8, 0},
		{"write into a read-only page", true, a + PageSize - 4, 8, 4, unix.EFAULT},
		{"write at a read-only page", true, a + PageSize, 8, 0, unix.EFAULT},
		{"read what can only be written", false, a + 2*PageSize - 1, 8, 1, unix.EFAULT},
		{"write what can only be written", true, a + 2*PageSize, 8, 8, 0},
		{"write into a hole", true, a + 3*PageSize - 6, 8, 6, unix.EFAULT},
		{"read a hole", false, a + 3*PageSize, 8, 0, unix.EFAULT},
		{"behind a hole", false, a + 4*PageSize, PageSize, PageSize, 0},
		{"before everything", false, 0, 1, 0, unix.EFAULT},
		{"behind everything", true, a + 5*PageSize, 1, 0, unix.EFAULT},
		{"the end of addresses", false, ^uint64(0), 2, 0, unix.EFAULT},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := make([]byte, c.n)
			n, e := m.ReadMem(p, c.addr)
			if c.write {
				n, e = m.WriteMem(c.addr, p)
			}
			if n != c.want || e != c.errno {
				t.Errorf("%d bytes, %v; want %d, %v", n, e, c.want, c.errno)
			}
		})
	}
}

func TestMemKeepsBytes(t *testing.T) {
	m := NewMem()
	addr := m.Lay("abc", uint16(0x6564), uint32(0x69686766), uint64(0x716f6e6d6c6b6a))
	if got := string(m.Bytes(addr, 16)); got != "abcdefghijklmnoq" {
		t.Errorf("got %q", got)
	}
	m.Protect(addr&^(PageSize-1), PageSize, None)
	if _, e := m.ReadMem(make([]byte, 1), addr); e != unix.EFAULT {
		t.Errorf("read a page without rights: %v", e)
	}
	if got := m.Uint(addr+3, 2); got != 0x6564 {
		t.Errorf("got %#x", got)
	}
	if other := m.Room(3 * PageSize); m.Bytes(other, 4*PageSize) == nil || len(m.Bytes(other, 4*PageSize)) != 3*PageSize {
		t.Error("no hole behind room that was taken")
	}
}
