package stack

import "encoding/binary"

// Call frame information, as far as unwinding needs it: which of .eh_frame's entries covers an address, and what its
// program says there about the caller's registers (DWARF 5, section 6.4; Linux Standard Base, section 10.6).

// The numbers of registers on x86-64 (System V psABI, figure 3.36).
const (
	regBP  = 6
	regSP  = 7
	regRA  = 16
	numReg = 17
)

// A rule tells where a caller's register is.
type rule struct {
	kind uint8 // 0: as it is; 1: at the CFA + n; 2: undefined
	n    int64
}

const (
	atCFA     = 1
	undefined = 2
)

// A row is what holds at one address.
type row struct {
	reg  int   // the CFA is this register
	off  int64 // plus this
	expr bool  // or what an expression says, which is not understood here
	regs [numReg]rule
}

type cie struct {
	codeAlign uint64
	dataAlign int64
	ra        uint64
	enc       byte
	augmented bool // 'z'
	signal    bool // 'S': the frame of a signal handler's return
	init      []byte
}

// A reader takes numbers off a slice; past its end everything is 0.
type reader struct {
	b  []byte
	at int
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b)-r.at {
		r.at = len(r.b)
		return make([]byte, max(0, min(n, 8)))
	}
	p := r.b[r.at : r.at+n]
	r.at += n
	return p
}

func (r *reader) u8() byte    { return r.bytes(1)[0] }
func (r *reader) u16() uint64 { return uint64(binary.LittleEndian.Uint16(r.bytes(2))) }
func (r *reader) u32() uint64 { return uint64(binary.LittleEndian.Uint32(r.bytes(4))) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }
func (r *reader) more() bool  { return r.at < len(r.b) }

func (r *reader) uleb() (v uint64) {
	for shift := uint(0); ; shift += 7 {
		c := r.u8()
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return v
		}
	}
}

func (r *reader) sleb() (v int64) {
	shift := uint(0)
	for {
		c := r.u8()
		v |= int64(c&0x7f) << shift
		shift += 7
		if c&0x80 == 0 {
			if c&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// encoded reads a pointer of one of the encodings DW_EH_PE_*; base is the address of the reader's slice.
func (r *reader) encoded(enc byte, base uint64) uint64 {
	at := base + uint64(r.at)
	var v uint64
	switch enc & 0x0f {
	case 0, 4:
		v = r.u64()
	case 1:
		v = r.uleb()
	case 2:
		v = r.u16()
	case 3:
		v = r.u32()
	case 9:
		v = uint64(r.sleb())
	case 10:
		v = uint64(int64(int16(r.u16())))
	case 11:
		v = uint64(int64(int32(r.u32())))
	case 12:
		v = r.u64()
	}
	if enc&0x70 == 0x10 { // DW_EH_PE_pcrel
		v += at
	}
	return v
}

// lookup finds the row for pc in an .eh_frame section that lies at base.
func lookup(frame []byte, base, pc uint64) (row, *cie, bool) {
	at, last, c := 0, -1, (*cie)(nil)
	for at+8 <= len(frame) {
		length := int(binary.LittleEndian.Uint32(frame[at:]))
		if length == 0 || length == 0xffffffff || at+4+length > len(frame) {
			break
		}
		body, next := at+4, at+4+length
		id := int(binary.LittleEndian.Uint32(frame[body:]))
		if id != 0 && body-id >= 0 {
			if body-id != last { // most share one
				last = body - id
				c = parseCIE(frame, last)
			}
			if c != nil {
				r := &reader{b: frame[:next], at: body + 4}
				start := r.encoded(c.enc, base)
				size := r.encoded(c.enc&0x0f, base)
				if pc >= start && pc < start+size {
					if c.augmented {
						n := int(r.uleb())
						r.bytes(n)
					}
					w, ok := interpret(c, frame[r.at:next], pc-start)
					return w, c, ok
				}
			}
		}
		at = next
	}
	return row{}, nil, false
}

func parseCIE(frame []byte, at int) *cie {
	if at+9 > len(frame) {
		return nil
	}
	length := int(binary.LittleEndian.Uint32(frame[at:]))
	if length <= 5 || at+4+length > len(frame) {
		return nil
	}
	r := &reader{b: frame[:at+4+length], at: at + 8}
	version := r.u8()
	var aug []byte
	for r.more() {
		c := r.u8()
		if c == 0 {
			break
		}
		aug = append(aug, c)
	}
	c := &cie{codeAlign: r.uleb(), dataAlign: r.sleb()}
	if version == 1 {
		c.ra = uint64(r.u8())
	} else {
		c.ra = r.uleb()
	}
	for _, a := range aug {
		switch a {
		case 'z':
			r.uleb()
			c.augmented = true
		case 'R':
			c.enc = r.u8()
		case 'P':
			r.encoded(r.u8(), 0)
		case 'L':
			r.u8()
		case 'S':
			c.signal = true
		default:
			return nil
		}
	}
	c.init = r.b[r.at:]
	return c
}

// interpret runs a CIE's and an FDE's programs up to an offset into the function.
func interpret(c *cie, program []byte, offset uint64) (row, bool) {
	var w row
	if !w.run(c, c.init, ^uint64(0), nil) {
		return w, false
	}
	initial := w
	ok := w.run(c, program, offset, &initial)
	return w, ok
}

func (w *row) run(c *cie, program []byte, offset uint64, initial *row) bool {
	r := &reader{b: program}
	loc := uint64(0)
	var stack []row
	set := func(reg uint64, u rule) {
		if reg < numReg {
			w.regs[reg] = u
		}
	}
	for r.more() {
		op := r.u8()
		low := uint64(op & 0x3f)
		advance := uint64(0)
		switch op & 0xc0 {
		case 0x40: // DW_CFA_advance_loc
			advance = low
		case 0x80: // DW_CFA_offset
			set(low, rule{atCFA, int64(r.uleb()) * c.dataAlign})
			continue
		case 0xc0: // DW_CFA_restore
			if initial != nil && low < numReg {
				w.regs[low] = initial.regs[low]
			}
			continue
		default:
			switch op {
			case 0x00: // nop
				continue
			case 0x01: // set_loc
				return false
			case 0x02:
				advance = uint64(r.u8())
			case 0x03:
				advance = r.u16()
			case 0x04:
				advance = r.u32()
			case 0x05: // offset_extended
				reg := r.uleb()
				set(reg, rule{atCFA, int64(r.uleb()) * c.dataAlign})
				continue
			case 0x06: // restore_extended
				if reg := r.uleb(); initial != nil && reg < numReg {
					w.regs[reg] = initial.regs[reg]
				}
				continue
			case 0x07: // undefined
				set(r.uleb(), rule{kind: undefined})
				continue
			case 0x08: // same_value
				set(r.uleb(), rule{})
				continue
			case 0x09: // register: where to is not followed
				set(r.uleb(), rule{kind: undefined})
				r.uleb()
				continue
			case 0x0a: // remember_state
				stack = append(stack, *w)
				continue
			case 0x0b: // restore_state
				if len(stack) == 0 {
					return false
				}
				*w = stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				continue
			case 0x0c: // def_cfa
				w.reg, w.off, w.expr = int(r.uleb()), 0, false
				w.off = int64(r.uleb())
				continue
			case 0x0d: // def_cfa_register
				w.reg = int(r.uleb())
				continue
			case 0x0e: // def_cfa_offset
				w.off = int64(r.uleb())
				continue
			case 0x0f: // def_cfa_expression
				r.bytes(int(r.uleb()))
				w.expr = true
				continue
			case 0x10, 0x16: // expression, val_expression
				set(r.uleb(), rule{kind: undefined})
				r.bytes(int(r.uleb()))
				continue
			case 0x11: // offset_extended_sf
				reg := r.uleb()
				set(reg, rule{atCFA, r.sleb() * c.dataAlign})
				continue
			case 0x12: // def_cfa_sf
				w.reg, w.expr = int(r.uleb()), false
				w.off = r.sleb() * c.dataAlign
				continue
			case 0x13: // def_cfa_offset_sf
				w.off = r.sleb() * c.dataAlign
				continue
			case 0x14: // val_offset
				set(r.uleb(), rule{kind: undefined})
				r.uleb()
				continue
			case 0x2e: // GNU_args_size
				r.uleb()
				continue
			default:
				return false
			}
		}
		if loc += advance * c.codeAlign; loc > offset {
			return true
		}
	}
	return true
}
