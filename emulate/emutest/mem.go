package emutest

import (
	"encoding/binary"
	"fmt"
	"sort"

	"golang.org/x/sys/unix"
)

// PageSize is the size of a page of Mem.
const PageSize = 4096

// Prot is what a page of Mem lets a transfer do: PROT_READ and PROT_WRITE, which here do not imply each other.
type Prot uint8

// The protections.
const (
	None  Prot = 0
	Read  Prot = 1
	Write Prot = 2
	Both  Prot = Read | Write
)

// Mem is a fake address space: pages that can be read, written, both or neither, and holes between them.
// A transfer stops at the first page that forbids it and says EFAULT, as copy_to_user and copy_from_user do.
type Mem struct {
	areas []area // by address; none overlaps another
	brk   uint64 // Room takes from here
}

// An area is pages side by side with one protection (struct vm_area_struct).
type area struct {
	base uint64
	data []byte
	prot Prot
}

func (a *area) end() uint64 { return a.base + uint64(len(a.data)) }

// NewMem is an address space with nothing in it.
func NewMem() *Mem { return &Mem{brk: 0x10000} }

// ReadMem copies from the address space until a page cannot be read.
func (m *Mem) ReadMem(p []byte, addr uint64) (int, unix.Errno) {
	n := 0
	for n < len(p) {
		b := m.from(addr+uint64(n), Read)
		if b == nil {
			return n, unix.EFAULT
		}
		n += copy(p[n:], b)
	}
	return n, 0
}

// WriteMem copies into the address space until a page cannot be written.
func (m *Mem) WriteMem(addr uint64, p []byte) (int, unix.Errno) {
	n := 0
	for n < len(p) {
		b := m.from(addr+uint64(n), Write)
		if b == nil {
			return n, unix.EFAULT
		}
		n += copy(b, p[n:])
	}
	return n, 0
}

// from is what lies at addr and behind it in one area, nil where prot is not given.
func (m *Mem) from(addr uint64, prot Prot) []byte {
	i := m.find(addr)
	if i == len(m.areas) || m.areas[i].base > addr || m.areas[i].prot&prot != prot {
		return nil
	}
	return m.areas[i].data[addr-m.areas[i].base:]
}

// find is the first area that ends behind addr.
func (m *Mem) find(addr uint64) int {
	return sort.Search(len(m.areas), func(i int) bool { return m.areas[i].end() > addr })
}

// Map puts fresh pages at an address, over what was there.
func (m *Mem) Map(addr uint64, size int, prot Prot) {
	m.MapBytes(addr, make([]byte, size), prot)
}

// MapBytes puts pages at an address whose bytes the caller keeps, to look at or to change.
func (m *Mem) MapBytes(addr uint64, data []byte, prot Prot) {
	m.Unmap(addr, len(data))
	m.insert(area{addr, data, prot})
}

// Unmap makes a hole.
func (m *Mem) Unmap(addr uint64, size int) {
	aligned(addr, size)
	m.cut(addr)
	m.cut(addr + uint64(size))
	i, j := m.find(addr), 0
	for j = i; j < len(m.areas) && m.areas[j].base < addr+uint64(size); j++ {
	}
	m.areas = append(m.areas[:i], m.areas[j:]...)
}

// Protect changes what pages allow; what lies in them stays, and holes stay holes.
func (m *Mem) Protect(addr uint64, size int, prot Prot) {
	aligned(addr, size)
	m.cut(addr)
	m.cut(addr + uint64(size))
	for i := m.find(addr); i < len(m.areas) && m.areas[i].base < addr+uint64(size); i++ {
		m.areas[i].prot = prot
	}
}

// cut has an area begin at addr if one reaches across it.
func (m *Mem) cut(addr uint64) {
	i := m.find(addr)
	if i == len(m.areas) || m.areas[i].base >= addr {
		return
	}
	a := &m.areas[i]
	n := addr - a.base
	tail := area{addr, a.data[n:], a.prot}
	a.data = a.data[:n:n]
	m.insert(tail)
}

func (m *Mem) insert(a area) {
	i := m.find(a.base)
	m.areas = append(m.areas, area{})
	copy(m.areas[i+1:], m.areas[i:])
	m.areas[i] = a
}

func aligned(addr uint64, size int) {
	if addr%PageSize != 0 || size%PageSize != 0 || size < 0 {
		panic(fmt.Sprintf("emutest: %d bytes at %#x are not whole pages", size, addr))
	}
}

// Room maps memory for size bytes and returns where they begin. They end where their last page does, and a hole
// follows: whoever goes on beyond them meets EFAULT.
func (m *Mem) Room(size int) uint64 {
	pages := max(1, (size+PageSize-1)/PageSize) * PageSize
	m.Map(m.brk, pages, Both)
	addr := m.brk + uint64(pages-size)
	m.brk += uint64(pages + PageSize)
	return addr
}

// Lay takes room for values and puts them there.
func (m *Mem) Lay(parts ...any) uint64 {
	b := flat(parts)
	addr := m.Room(len(b))
	m.put(addr, b)
	return addr
}

// Put lays values of 1, 2, 4 or 8 bytes, strings and bytes side by side, whatever the pages allow.
func (m *Mem) Put(addr uint64, parts ...any) { m.put(addr, flat(parts)) }

func (m *Mem) put(addr uint64, b []byte) {
	for len(b) > 0 {
		to := m.from(addr, None)
		if to == nil {
			panic(fmt.Sprintf("emutest: nothing is mapped at %#x", addr))
		}
		n := copy(to, b)
		addr, b = addr+uint64(n), b[n:]
	}
}

// Bytes is a copy of what lies at an address, whatever the pages allow; it ends early at a hole.
func (m *Mem) Bytes(addr uint64, size int) []byte {
	out := make([]byte, size)
	n := 0
	for n < size {
		b := m.from(addr+uint64(n), None)
		if b == nil {
			break
		}
		n += copy(out[n:], b)
	}
	return out[:n]
}

// Uint reads a number of 1, 2, 4 or 8 bytes; 0 at a hole.
func (m *Mem) Uint(addr uint64, size int) uint64 {
	var b [8]byte
	copy(b[:size], m.Bytes(addr, size))
	return binary.LittleEndian.Uint64(b[:])
}

func flat(parts []any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, p)
		case int32:
			b = binary.LittleEndian.AppendUint32(b, uint32(p))
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, p)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, p)
		default:
			panic(fmt.Sprintf("emutest: a %T has no size", p))
		}
	}
	return b
}
