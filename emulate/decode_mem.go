package emulate

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// How much of the program's memory a line shows.
const (
	previewBytes = 32
	previewItems = 8
	pathBytes    = 256
	scanned      = 4096 // descriptors of a poll or select that are looked at for their objects
)

const everything = ^uint64(0)

// quoted shows bytes as a Go string literal; total is how many there are.
func quoted(p []byte, total uint64) Shown {
	text := strconv.Quote(string(p))
	value := []Field{{"length", Shown{"", total}}, {"data", Shown{"", text[1 : len(text)-1]}}}
	if uint64(len(p)) < total {
		text += "..."
	}
	return Shown{text, value}
}

// buffer shows the beginning of n bytes.
func buffer(c *Call, addr, n uint64) Shown {
	p := make([]byte, min(n, previewBytes))
	got, e := c.Mem.ReadMem(p, addr)
	if e != 0 && got == 0 && len(p) > 0 {
		return word(addr)
	}
	return quoted(p[:got], n)
}

func path(c *Call, addr uint64) Shown {
	p := make([]byte, pathBytes)
	n, e := c.Mem.ReadMem(p[:min(pathBytes, 4096-addr&4095)], addr)
	if n < pathBytes && e == 0 && !strings.Contains(string(p[:n]), "\x00") {
		m, _ := c.Mem.ReadMem(p[n:], addr+uint64(n))
		n += m
	}
	s, _, ended := strings.Cut(string(p[:n]), "\x00")
	switch {
	case ended:
		return Shown{strconv.Quote(s), s}
	case n == pathBytes:
		return Shown{strconv.Quote(s) + "...", s}
	}
	return word(addr)
}

// iovecs shows the buffers of which moved bytes were filled, or everything.
func iovecs(c *Call, addr, count, moved uint64) Shown {
	shown := min(count, previewItems)
	raw := make([]byte, shown*16)
	if c.get(raw, addr) != 0 {
		return word(addr)
	}
	var items []Shown
	for ; len(raw) > 0; raw = raw[16:] {
		base, n := le64(raw), le64(raw[8:])
		items = append(items, record(Field{"base", buffer(c, base, min(n, moved))}, Field{"len", Shown{strconv.FormatUint(n, 10), n}}))
		if moved != everything {
			moved -= min(n, moved)
		}
	}
	return list(items, shown < count)
}

const (
	msghdrSize  = 56
	mmsghdrSize = 64
)

// msghdr shows a message: its address, bytes and control messages; out tells that the kernel filled it.
func (v *View) msghdr(c *Call, addr, moved uint64, out bool) Shown {
	var h [msghdrSize]byte
	if c.get(h[:], addr) != 0 {
		return word(addr)
	}
	var fields []Field
	if name, n := le64(h[0:]), le32(h[8:]); name != 0 && n != 0 {
		fields = append(fields, Field{"name", sockaddr(c, name, uint64(n))})
	}
	fields = append(fields, Field{"iov", iovecs(c, le64(h[16:]), le64(h[24:]), moved)})
	if control, n := le64(h[32:]), le64(h[40:]); control != 0 && n != 0 {
		fields = append(fields, Field{"control", v.control(c, control, n)})
	}
	if out {
		fields = append(fields, Field{"flags", flags(uint64(le32(h[48:])), msgFlags)})
	}
	return record(fields...)
}

func (v *View) mmsghdr(c *Call, addr, count uint64, out bool) Shown {
	shown := min(count, previewItems)
	var items []Shown
	for i := range shown {
		at := addr + i*mmsghdrSize
		n := everything
		if out {
			m, e := c.get32(at + msghdrSize)
			if e != 0 {
				break
			}
			n = uint64(uint32(m))
		}
		items = append(items, v.msghdr(c, at, n, out))
	}
	return list(items, shown < count)
}

// control shows the control messages of which sluice knows the form (cmsg(3)).
func (v *View) control(c *Call, addr, n uint64) Shown {
	const header, most = 16, 1024
	raw := make([]byte, min(n, most))
	if c.get(raw, addr) != 0 {
		return word(addr)
	}
	var items []Shown
	for len(raw) >= header {
		size := le64(raw)
		if size < header || size > uint64(len(raw)) {
			break
		}
		items = append(items, v.cmsg(c, int(le32(raw[8:])), int(le32(raw[12:])), raw[header:size]))
		raw = raw[min((size+7)&^7, uint64(len(raw))):]
	}
	return list(items, n > most)
}

func (v *View) cmsg(c *Call, level, kind int, p []byte) Shown {
	switch {
	case level == unix.SOL_SOCKET && kind == unix.SCM_RIGHTS:
		var fds []Shown
		for ; len(p) >= 4; p = p[4:] {
			fds = append(fds, v.fd(c, "control", int(int32(le32(p)))))
		}
		return record(Field{"type", symbol("SCM_RIGHTS")}, Field{"fds", list(fds, false)})
	case level == unix.SOL_SOCKET && kind == unix.SCM_CREDENTIALS && len(p) >= 12:
		return record(Field{"type", symbol("SCM_CREDENTIALS")}, Field{"pid", number(int64(int32(le32(p))))},
			Field{"uid", number(int64(le32(p[4:])))}, Field{"gid", number(int64(le32(p[8:])))})
	}
	return record(Field{"level", number(int64(level))}, Field{"type", number(int64(kind))}, Field{"data", quoted(p[:min(len(p), previewBytes)], uint64(len(p)))})
}

func (v *View) pair(c *Call, arg string, addr uint64) Shown {
	var raw [8]byte
	if c.get(raw[:], addr) != 0 {
		return word(addr)
	}
	fds := pairOf(raw[:])
	return list([]Shown{v.fd(c, arg, fds[0]), v.fd(c, arg, fds[1])}, false)
}

func (v *View) pollfds(c *Call, arg string, addr, count uint64, out bool) Shown {
	raw := make([]byte, min(count, scanned)*pollfdSize)
	if c.get(raw, addr) != 0 {
		return word(addr)
	}
	var items []Shown
	for i := 0; len(raw) > 0; i, raw = i+1, raw[pollfdSize:] {
		fd := v.fd(c, arg, int(int32(le32(raw))))
		if i >= previewItems {
			continue
		}
		fields := []Field{{"fd", fd}, {"events", flags(uint64(le16(raw[4:])), pollEvents)}}
		if out {
			fields = append(fields, Field{"revents", flags(uint64(le16(raw[6:])), pollEvents)})
		}
		items = append(items, record(fields...))
	}
	return list(items, count > previewItems)
}

// fdset shows the members of a set as asked, and later beside them those that were ready.
func (v *View) fdset(c *Call, arg string, addr, nfds uint64, asked *Shown) Shown {
	nfds = min(nfds, scanned)
	raw := make([]byte, (nfds+63)/64*8)
	if c.get(raw, addr) != 0 {
		return word(addr)
	}
	var texts []string
	var fds []any
	for n := range int(nfds) {
		if raw[n/8]>>(n%8)&1 != 0 {
			s := v.fd(c, arg, n)
			texts, fds = append(texts, s.Text), append(fds, s.Value)
		}
	}
	text := "[" + strings.Join(texts, " ") + "]"
	if asked == nil {
		return Shown{text, []Field{{"asked", Shown{"", fds}}}}
	}
	fields, ok := asked.Value.([]Field)
	if !ok {
		return *asked
	}
	return Shown{asked.Text + " => " + text, append(fields[:1:1], Field{"ready", Shown{"", fds}})}
}

// epollEvents shows one event, or as a list those that came out.
func epollEvents(c *Call, addr uint64, count int, out bool) Shown {
	const size = 12 // struct epoll_event is packed on x86-64
	shown := min(count, previewItems)
	raw := make([]byte, shown*size)
	if c.get(raw, addr) != 0 {
		return word(addr)
	}
	var items []Shown
	for ; len(raw) > 0; raw = raw[size:] {
		items = append(items, record(Field{"events", flags(uint64(le32(raw)), epollBits)}, Field{"data", word(le64(raw[4:]))}))
	}
	if out {
		return list(items, shown < count)
	}
	return items[0]
}

// seconds shows a timespec or a timeval, whose small unit is so many ns; the value is in ns.
func seconds(c *Call, addr uint64, unit int64) Shown {
	var raw [16]byte
	if c.get(raw[:], addr) != 0 {
		return word(addr)
	}
	sec, ns := int64(le64(raw[:])), int64(le64(raw[8:]))*unit
	if sec < 0 || sec > 1<<32 || ns < 0 || ns >= 1e9 {
		return record(Field{"sec", number(sec)}, Field{"nsec", number(ns)})
	}
	text := strconv.FormatInt(sec, 10)
	if ns != 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(1e9+ns, 10)[1:], "0")
	}
	return Shown{text + "s", sec*1e9 + ns}
}

func signals(c *Call, addr uint64) Shown {
	var raw [8]byte
	if c.get(raw[:], addr) != 0 {
		return word(addr)
	}
	var items []Shown
	for set, n := le64(raw[:]), int64(1); set != 0; set, n = set>>1, n+1 {
		if set&1 != 0 {
			items = append(items, number(n))
		}
	}
	return list(items, false)
}

func sockaddr(c *Call, addr, n uint64) Shown {
	raw := make([]byte, min(n, 128))
	if len(raw) < 2 || c.get(raw, addr) != 0 {
		return word(addr)
	}
	family := Field{"family", enum(uint64(le16(raw)), families)}
	port := func() Field { return Field{"port", number(int64(raw[2])<<8 | int64(raw[3]))} }
	switch {
	case le16(raw) == unix.AF_UNIX && len(raw) > 2:
		name := strings.TrimRight(string(raw[2:]), "\x00") // an abstract one begins with a NUL
		return record(family, Field{"path", Shown{strconv.Quote(name), name}})
	case le16(raw) == unix.AF_INET && len(raw) >= 8:
		ip := make([]string, 4)
		for i, b := range raw[4:8] {
			ip[i] = strconv.Itoa(int(b))
		}
		return record(family, Field{"address", symbol(strings.Join(ip, "."))}, port())
	case le16(raw) == unix.AF_INET6 && len(raw) >= 24:
		var ip []string
		for i := 8; i < 24; i += 2 {
			ip = append(ip, strconv.FormatUint(uint64(raw[i])<<8|uint64(raw[i+1]), 16))
		}
		return record(family, Field{"address", symbol(strings.Join(ip, ":"))}, port())
	}
	return record(family, Field{"len", Shown{strconv.FormatUint(n, 10), n}})
}

// option shows an option's value: an int where it has the size of one, else bytes.
func option(c *Call, addr, n uint64) Shown {
	if n != 4 {
		return buffer(c, addr, n)
	}
	x, e := c.get32(addr)
	if e != 0 {
		return word(addr)
	}
	return list([]Shown{number(int64(x))}, false)
}

func offset(c *Call, addr uint64) Shown {
	var raw [8]byte
	if c.get(raw[:], addr) != 0 {
		return word(addr)
	}
	return list([]Shown{number(int64(le64(raw[:])))}, false)
}
