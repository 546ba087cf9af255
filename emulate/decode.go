package emulate

import (
	"strconv"
	"strings"
)

// A call made readable: generic over the table's kinds of arguments, with no code for a single call. What
// goes into the kernel is read at the entry, what comes out when the result stands; neither changes anything.

// Shown is one value twice: as a line of text has it, and for machines. Value is nil, a bool, an int64, a
// uint64, a string, []any of these, or []Field for a structure.
type Shown struct {
	Text  string
	Value any
}

// A Field is a value with its name.
type Field struct {
	Name string
	Shown
}

// Named is an emulated descriptor that a call is about.
type Named struct {
	Arg    string // the argument that names it; "" for the result
	FD     int
	Object string
}

// A View is one call from its entry to its result.
type View struct {
	Args   []Field
	Named  []Named
	MadeFD bool // the result is an emulated descriptor that the call made
	gen    int
}

// See reads what c gives to the kernel.
func See(c *Call) *View {
	v := &View{Args: make([]Field, len(c.Sys.Args))}
	if c.Task.Files != nil {
		v.gen = c.Task.Files.gen
	}
	for i, a := range c.Sys.Args {
		v.Args[i] = Field{a.Name, v.before(c, i)}
	}
	return v
}

// End reads what the kernel, or the model, gave back. A call whose result is not known gave nothing that
// could be shown.
func (v *View) End(c *Call, ret int64) {
	if ret < 0 {
		return
	}
	for i := range c.Sys.Args {
		if s, ok := v.after(c, i, ret); ok {
			v.Args[i].Shown = s
		}
	}
	// A call that gave the table the very number it returned made a descriptor. Calls that take descriptors
	// out of a message return a count.
	if t := c.Task.Files; t != nil && t.gen != v.gen && !has(c, MsgOut, MMsgOut, FDPair) {
		if f := t.Get(int(ret)); f != nil {
			v.MadeFD = true
			v.name("", int(ret), f)
		}
	}
}

// Result is the text of a result that is no error: a descriptor with its object, or a number.
func (v *View) Result(ret int64) string {
	if v.MadeFD {
		return strconv.FormatInt(ret, 10) + "<" + v.Named[len(v.Named)-1].Object + ">"
	}
	return strconv.FormatInt(ret, 10)
}

func has(c *Call, kinds ...ArgKind) bool {
	for _, a := range c.Sys.Args {
		for _, k := range kinds {
			if a.Kind == k {
				return true
			}
		}
	}
	return false
}

// before shows an argument at the entry; what comes out later is an address until then.
func (v *View) before(c *Call, i int) Shown {
	a, x := c.Sys.Args[i], c.Args[i]
	switch a.Kind {
	case Int:
		// An int leaves the upper half of its register undefined, mostly zero; positions use all of it.
		if x>>32 == 0 && !strings.HasPrefix(a.Name, "pos") {
			return number(int64(int32(x)))
		}
		return number(int64(x))
	case Uint:
		return Shown{strconv.FormatUint(x, 10), x}
	case Hex:
		return word(x)
	case FD:
		return v.fd(c, a.Name, c.Arg(i))
	case DirFD:
		if c.Arg(i) == -100 { // AT_FDCWD, include/uapi/linux/fcntl.h
			return symbol("AT_FDCWD")
		}
		return v.fd(c, a.Name, c.Arg(i))
	case FcntlArg:
		return fcntlArg(uint32(c.Args[i-1]), x)
	case SockOpt:
		return sockopt(uint32(c.Args[i-1]), x)
	}
	if s, ok := symbolic(c, a.Kind, x); ok {
		return s
	}
	if x == 0 {
		return Shown{"NULL", nil}
	}
	switch a.Kind {
	case Path:
		return path(c, x)
	case BufIn:
		return buffer(c, x, c.Args[a.Len])
	case IovIn:
		return iovecs(c, x, c.Args[a.Len], everything)
	case MsgIn:
		return v.msghdr(c, x, everything, false)
	case MMsgIn:
		return v.mmsghdr(c, x, c.Args[a.Len], false)
	case PollFDs:
		return v.pollfds(c, a.Name, x, c.Args[a.Len], false)
	case FDSet:
		return v.fdset(c, a.Name, x, c.Args[a.Len], nil)
	case EpEvent:
		return epollEvents(c, x, 1, false)
	case Timespec:
		return seconds(c, x, 1)
	case Timeval:
		return seconds(c, x, 1000)
	case SigMask:
		return signals(c, x)
	case Sockaddr:
		return sockaddr(c, x, c.Args[a.Len])
	case IntIn:
		return option(c, x, c.Args[a.Len])
	case OffIO:
		return offset(c, x)
	}
	return word(x)
}

// after shows an argument again whose memory the call wrote.
func (v *View) after(c *Call, i int, ret int64) (Shown, bool) {
	a, x := c.Sys.Args[i], c.Args[i]
	if x == 0 {
		return Shown{}, false
	}
	switch a.Kind {
	case BufOut:
		return buffer(c, x, min(uint64(ret), c.Args[a.Len])), true
	case IovOut:
		return iovecs(c, x, c.Args[a.Len], uint64(ret)), true
	case MsgOut:
		return v.msghdr(c, x, uint64(ret), true), true
	case MMsgOut:
		return v.mmsghdr(c, x, uint64(ret), true), true
	case FDPair:
		return v.pair(c, a.Name, x), true
	case PollFDs:
		return v.pollfds(c, a.Name, x, c.Args[a.Len], true), true
	case FDSet:
		return v.fdset(c, a.Name, x, c.Args[a.Len], &v.Args[i].Shown), true
	case EpEvents:
		return epollEvents(c, x, int(ret), true), true
	case SockaddrOut:
		if n, e := c.get32(c.Args[i+1]); e == 0 && n > 0 {
			return sockaddr(c, x, uint64(n)), true
		}
	case IntOut:
		n := uint64(4)
		if a.Len != 0 { // an option's value, as long as another argument's memory says
			m, e := c.get32(c.Args[a.Len])
			if e != 0 {
				return Shown{}, false
			}
			n = uint64(uint32(m))
		}
		return option(c, x, n), true
	}
	return Shown{}, false
}

func (v *View) fd(c *Call, arg string, n int) Shown {
	s := number(int64(n))
	if c.Task.Files != nil {
		if f := c.Task.Files.Get(n); f != nil {
			v.name(arg, n, f)
			s.Text += "<" + f.Name() + ">"
		}
	}
	return s
}

func (v *View) name(arg string, fd int, f *File) {
	n := Named{arg, fd, f.Name()}
	for _, old := range v.Named {
		if old == n {
			return
		}
	}
	v.Named = append(v.Named, n)
}

func number(n int64) Shown  { return Shown{strconv.FormatInt(n, 10), n} }
func symbol(s string) Shown { return Shown{s, s} }

// word is an opaque value or an address.
func word(x uint64) Shown {
	if x == 0 {
		return symbol("0")
	}
	return symbol("0x" + strconv.FormatUint(x, 16))
}

// list shows several values; more says that there are others.
func list(items []Shown, more bool) Shown {
	values := make([]any, len(items))
	texts := make([]string, len(items), len(items)+1)
	for i, s := range items {
		values[i], texts[i] = s.Value, s.Text
	}
	if more {
		texts = append(texts, "...")
	}
	return Shown{"[" + strings.Join(texts, ", ") + "]", values}
}

// record shows a structure.
func record(fields ...Field) Shown {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name)
		b.WriteByte('=')
		b.WriteString(f.Text)
	}
	b.WriteByte('}')
	return Shown{b.String(), fields}
}
