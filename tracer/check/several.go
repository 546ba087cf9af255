package check

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// at is our memory at an address that a twin's call was given.
func at(addr uint64, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n)
}

// several makes sendmmsg and recvmmsg. An attempt may bring several messages through, and a part of a stream's next.
func (k *Checker) several(e *entry, c *emulate.Call, o emulate.Outcome) {
	en := k.usable(e, 0)
	if en == nil {
		return
	}
	sends := c.Sys.Nr == unix.SYS_SENDMMSG
	s := step{was: e.step}
	through, part := c.Step, 0
	switch o.Kind {
	case emulate.KindDone:
		s.errno = o.Errno()
		if s.errno == 0 {
			through = int(o.Ret)
		}
	case emulate.KindBlock:
		s.blocked, part = true, c.Partial()
	case emulate.KindAsk:
		s.asked, part = true, c.Partial()
	default:
		return
	}
	if through == e.step && part > e.moved || through > e.step && part > 0 {
		s.moved = 1
	}
	s.moved += max(0, through-e.step)
	if k.held(en, e, &s) {
		return
	}
	count := int(min(uint64(uint32(c.Args[2])), maxIov)) - e.step
	if s.asked || !sends && c.Args[4] != 0 && !s.blocked { // as many as there were: its time may have been over
		count = min(count, max(s.moved, 1))
	}
	var heads []header
	vec := k.room(max(count, 1) * mhdrSize)
	lists, datas := make([][]span, count), make([][]byte, count)
	for i := range count {
		h, fine := k.header(c, c.Args[1]+uint64(e.step+i)*mhdrSize)
		if !fine {
			count = i
			break
		}
		heads = append(heads, h)
		skip := 0
		if i == 0 {
			skip = e.moved
		}
		raw := vec[i*mhdrSize:]
		if sends {
			if !k.toSend(c, en, h, raw, skip, s.errno) {
				e.why = "that the kernel refused for what is the program's alone"
				return
			}
			continue
		}
		most := max(1<<18, k.inside(en)+pageSize)
		if s.asked && i == s.moved-1 && part > 0 {
			most = part - skip
		}
		lists[i], datas[i] = k.toReceive(c, h, raw, skip, most, s.errno == unix.EFAULT)
	}
	if count == 0 {
		return
	}
	flags := msgFlags(c)
	en.urgent = en.urgent || flags&unix.MSG_OOB != 0
	n, errno := syscall(int(c.Sys.Nr), uint64(en.fd), address(vec), uint64(count), flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0)
	if s.errno == unix.EFAULT && errno == 0 {
		return
	}
	e.compared = true
	if !sends && en.over() {
		if s.moved > 0 && !s.blocked && s.moved > max(n, 0) { // who would wait gets empty messages
			s.moved = max(n, 0)
			if n, errno = s.moved, 0; n == 0 {
				s.was = 1
			}
		}
	}
	if !s.agrees(n, errno) {
		k.differ(e, c, s.text(o), answer(n, errno))
	}
	for i := 0; i < n && !k.failed; i++ {
		raw := vec[i*mhdrSize:]
		if !sends {
			en.discard(raw, n)
		}
		got := int(le32(raw[hdrSize:]))
		if i < through-e.step {
			if b := k.fetch(c, heads[i].at+hdrSize, 4); b != nil {
				was := 0
				if i == 0 {
					was = e.moved
				}
				k.number(e, c, text("msg_len of message %d", e.step+i), int(le32(b))-was, got)
			}
		}
		if !sends && !k.failed {
			k.bytes(e, c, lists[i], datas[i], got)
			if i < through-e.step && (i > 0 || e.moved == 0) && !k.failed {
				k.about(e, c, en, heads[i], raw)
			}
		}
	}
	e.step, e.moved = through, part
}
