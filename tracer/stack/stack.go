// Package stack walks a sleeping task's stack and names the places on it, by what its executable files say: call
// frame information where there is some, frame pointers elsewhere; symbols and line tables. It reads files and
// the task's memory, and changes nothing. What it does not know it leaves out.
package stack

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
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

// An object is one executable file or library.
type object struct {
	path    string
	read    bool // the names, too
	loads   []elf.ProgHeader
	frame   []byte
	frameAt uint64
	syms    []elf.Symbol // functions, by address
	debug   *dwarf.Data
	units   []unit // by address
}

// A unit is where one compilation unit has code.
type unit struct {
	from, to uint64
	entry    *dwarf.Entry
}

func (w *Walker) object(pid int, path string) *object {
	if o := w.files[path]; o != nil {
		return o
	}
	o := &object{}
	w.files[path] = o
	if !strings.HasPrefix(path, "/") {
		return o
	}
	o.path = fmt.Sprintf("/proc/%d/root%s", pid, path) // as the task's root has it
	f, err := elf.Open(o.path)
	if err != nil {
		return o
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			o.loads = append(o.loads, p.ProgHeader)
		}
	}
	if s := f.Section(".eh_frame"); s != nil && s.Type != elf.SHT_NOBITS {
		o.frame, _ = s.Data()
		o.frameAt = s.Addr
	}
	return o
}

// readNames reads the symbols and what there is about lines.
func (o *object) readNames() {
	f, err := elf.Open(o.path)
	if err != nil {
		return
	}
	defer f.Close()
	static, _ := f.Symbols()
	dynamic, _ := f.DynamicSymbols()
	for _, s := range append(static, dynamic...) {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Value != 0 && s.Section != elf.SHN_UNDEF {
			o.syms = append(o.syms, s)
		}
	}
	sort.SliceStable(o.syms, func(i, j int) bool { return o.syms[i].Value < o.syms[j].Value })
	const enough = 128 << 20 // what is larger takes longer to read than anybody waits
	if s := f.Section(".debug_info"); s != nil && s.Size < enough {
		if o.debug, _ = f.DWARF(); o.debug != nil {
			o.index()
		}
	}
}

// address turns an offset in the file into an address as the file has it.
func (o *object) address(off uint64) (uint64, bool) {
	for _, p := range o.loads {
		if off >= p.Off && off < p.Off+p.Filesz {
			return off - p.Off + p.Vaddr, true
		}
	}
	return off, false
}

// name finds what is known of a frame's place.
func (o *object) name(f Frame) Frame {
	if !o.read {
		o.read = true
		o.readNames()
	}
	addr := f.in.addr
	i := sort.Search(len(o.syms), func(i int) bool { return o.syms[i].Value > addr })
	for i--; i >= 0; i-- {
		if s := o.syms[i]; addr < s.Value+max(s.Size, 1) {
			f.Func = s.Name
			break
		} else if s.Size > 0 {
			break
		}
	}
	if f.Func != "" {
		f.Func = strings.TrimLeft(o.best(i, f.Func), " ")
	}
	if o.debug == nil {
		return f
	}
	at := sort.Search(len(o.units), func(i int) bool { return o.units[i].from > addr }) - 1
	if at < 0 || addr >= o.units[at].to {
		return f
	}
	lines, err := o.debug.LineReader(o.units[at].entry)
	if err != nil || lines == nil {
		return f
	}
	var e dwarf.LineEntry
	if lines.SeekPC(addr, &e) == nil && e.File != nil {
		f.File, f.Line = e.File.Name, e.Line
		if i := strings.LastIndexByte(f.File, '/'); i >= 0 {
			f.File = f.File[i+1:]
		}
	}
	return f
}

// index finds out which unit has code where.
func (o *object) index() {
	r := o.debug.Reader()
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			break
		}
		if e.Tag == dwarf.TagCompileUnit {
			ranges, err := o.debug.Ranges(e)
			if err == nil {
				for _, x := range ranges {
					o.units = append(o.units, unit{x[0], x[1], e})
				}
			}
		}
		r.SkipChildren()
	}
	sort.SliceStable(o.units, func(i, j int) bool { return o.units[i].from < o.units[j].from })
}

// best is the plainest of the names that one address has: libc's read is also __read and __GI___read.
func (o *object) best(i int, name string) string {
	value := o.syms[i].Value
	for ; i >= 0 && o.syms[i].Value == value; i-- {
		if s := o.syms[i].Name; weight(s) < weight(name) {
			name = s
		}
	}
	return name
}

func weight(s string) int { return 100*strings.Count(s[:min(2, len(s))], "_") + len(s) }
