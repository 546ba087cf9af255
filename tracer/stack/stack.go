// Package stack walks a sleeping task's stack and names the places on it, by what its executable files say: call
// frame information where there is some, frame pointers elsewhere; symbols and line tables. It reads files and
// the task's memory, and changes nothing. What it does not know it leaves out.
package stack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sluice/emulate"
)

// A Frame is one place.
type Frame struct {
	PC   uint64
	Func string
	File string
	Line int
	in   place
}

const deepest = 24

// A Walker keeps the files that it has read, for as long as one picture takes.
type Walker struct {
	files map[string]*object
	names map[place]Frame
}

// A place is an address in a file.
type place struct {
	file *object
	addr uint64
}

// NewWalker has read nothing yet.
func NewWalker() *Walker { return &Walker{files: map[string]*object{}, names: map[place]Frame{}} }

// A mapping is one line of /proc/PID/maps that has code in it.
type mapping struct {
	from, to, off uint64
	path          string
}

// Walk lists the frames of a task, the innermost first. It reads no more than it needs to find them; Name does the rest.
func (w *Walker) Walk(pid int, ip, sp, bp uint64, mem emulate.Memory) (out []Frame) {
	defer func() { recover() }() // at a file that is not what it claims to be, what was found so far is the answer
	maps := mappings(pid)
	var regs [numReg]uint64
	var known [numReg]bool
	regs[regSP], known[regSP] = sp, true
	regs[regBP], known[regBP] = bp, bp != 0
	for pc, first := ip, true; len(out) < deepest; first = false {
		look := pc
		if !first { // of a return address the call before it counts
			look--
		}
		m := find(maps, look)
		if m == nil {
			break
		}
		o := w.object(pid, m.path)
		at := look - m.from + m.off // in the file
		addr, mapped := o.address(at)
		f := Frame{PC: pc, File: filepath.Base(m.path)}
		if m.path == "" {
			f.File = "memory without a file"
		}
		if mapped {
			f.in = place{o, addr}
		}
		out = append(out, f)
		next, ok := uint64(0), false
		if mapped && o.frame != nil {
			if r, c, found := lookup(o.frame, o.frameAt, addr); found {
				next, ok = step(&regs, &known, &r, c, mem)
				if !ok {
					break
				}
			}
		}
		if !ok { // no information: as far as frame pointers go
			if !known[regBP] || regs[regBP] < regs[regSP] || regs[regBP]&7 != 0 {
				break
			}
			var b [16]byte
			if n, _ := mem.ReadMem(b[:], regs[regBP]); n < len(b) {
				break
			}
			regs[regSP] = regs[regBP] + 16
			regs[regBP] = le(b[:8])
			next = le(b[8:])
		}
		if next == 0 {
			break
		}
		pc = next
	}
	return out
}

// Name fills in the functions and lines of frames.
func (w *Walker) Name(frames []Frame) {
	defer func() { recover() }()
	for i := range frames {
		f := &frames[i]
		if f.in.file == nil {
			continue
		}
		n, known := w.names[f.in]
		if !known {
			n = f.in.file.name(*f)
			w.names[f.in] = n
		}
		f.Func, f.File, f.Line = n.Func, n.File, n.Line
	}
}

func le(b []byte) uint64 {
	v := uint64(0)
	for i, x := range b[:8] {
		v |= uint64(x) << (8 * i)
	}
	return v
}

// step goes to the caller by a row; false at the outermost frame, or where the row cannot be followed.
func step(regs *[numReg]uint64, known *[numReg]bool, r *row, c *cie, mem emulate.Memory) (uint64, bool) {
	if r.expr || r.reg >= numReg || !known[r.reg] || c.ra != regRA || r.regs[regRA].kind == undefined {
		return 0, false
	}
	cfa := regs[r.reg] + uint64(r.off)
	if cfa <= regs[regSP] && !c.signal {
		return 0, false
	}
	before := *regs
	for i := range r.regs {
		switch u := r.regs[i]; u.kind {
		case atCFA:
			var b [8]byte
			n, _ := mem.ReadMem(b[:], cfa+uint64(u.n))
			known[i] = n == len(b)
			regs[i] = le(b[:])
		case undefined:
			known[i] = false
		default:
			regs[i] = before[i]
		}
	}
	regs[regSP], known[regSP] = cfa, true
	return regs[regRA], known[regRA]
}

func mappings(pid int) []mapping {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	var out []mapping
	for line := range bytes.Lines(raw) {
		var m mapping
		var perm, dev string
		var inode uint64
		n, _ := fmt.Sscanf(string(line), "%x-%x %s %x %s %d", &m.from, &m.to, &perm, &m.off, &dev, &inode)
		if n < 6 || len(perm) < 3 || perm[2] != 'x' {
			continue
		}
		if i := bytes.IndexByte(line, '/'); i >= 0 {
			m.path = strings.TrimSuffix(string(line[i:len(line)-1]), " (deleted)")
		} else if i := bytes.IndexByte(line, '['); i >= 0 {
			m.path = string(line[i : len(line)-1])
		}
		out = append(out, m)
	}
	return out
}

func find(maps []mapping, addr uint64) *mapping {
	i := sort.Search(len(maps), func(i int) bool { return maps[i].to > addr })
	if i < len(maps) && maps[i].from <= addr {
		return &maps[i]
	}
	return nil
}
