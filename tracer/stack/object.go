package stack

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"sort"
	"strings"
)

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
