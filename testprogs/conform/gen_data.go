package main

import "golang.org/x/sys/unix"

// size is how many bytes a call asks for.
func (g *gen) size() int64 {
	switch n := g.IntN(100); {
	case n < 45:
		return int64(1 + g.IntN(64))
	case n < 60:
		return int64(g.IntN(5000))
	case n < 80:
		return g.pick(0, 1, 8, 8, 100, 4095, 4096, 4097, 2048, 8192, 3776, 3777, 16064, 16065)
	case n < 94:
		return int64(g.IntN(40000))
	default:
		return g.pick(36544, 36545, 61440, 65536, 65537, 100000, 212960, 212992, 300000)
	}
}

// buffer packs a buffer's word, bad ones among them.
func (g *gen) buffer(n int64) (word int64) {
	if !g.chance(5) {
		return n
	}
	switch g.IntN(8) {
	case 0, 1, 2: // a hole behind some good bytes
		good := g.pick(0, 1, n/2, n-1, 4096, 5000)
		good = max(0, min(good, 100000))
		return n | 3<<32 | good<<40
	case 3:
		return n | g.pick(4, 5)<<32 | g.pick(0, 1, 100, 4096)<<40
	case 4: // an odd length
		good := g.pick(0, 10, 5000)
		return 3<<32 | good<<40 | g.pick(1, 2, 3, 4, 5, 6)<<60
	default:
		return n | g.pick(1, 2, 6, 7, 8)<<32
	}
}

// vector packs four buffers; the first count of them are what a call uses.
func (g *gen) vector() (count int64, v [4]int64, total int64) {
	count = g.pick(0, 1, 1, 2, 2, 3, 4)
	for i := range v {
		n := g.size() / max(1, count)
		v[i] = g.buffer(n)
		if int64(i) < count {
			total += n
		}
	}
	if g.chance(2) {
		count = g.pick(1024, 1025, -1, 1<<32+1)
	}
	return count, v, total
}

func (g *gen) badPtr() int64 {
	if g.chance(2) {
		return g.pick(1, 2, 3, 4)
	}
	return 0
}

func socket(e *end) bool {
	return e != nil && (e.kind == "stream" || e.kind == "seqpacket" || e.kind == "dgram")
}

// data makes a call that moves bytes, the way that the end is likely to allow.
func (g *gen) data(s int64, e *end) {
	if e != nil && e.kind == "epoll" && !g.chance(5) {
		g.epoll()
		return
	}
	send := g.chance(50)
	if e != nil {
		here := e.queued[e.side%2]
		if !socket(e) {
			here = e.queued[0]
		}
		if here > 0 && g.chance(20) {
			send = false
		}
		if e.kind == "pipe" && !g.chance(3) {
			send = e.side == 1
		}
	}
	if send {
		g.send(s, e)
	} else {
		g.receive(s, e)
	}
}

// careful tells whether the actor must not block: somebody has to stay awake.
func (g *gen) careful() bool { return g.at.n == 0 && !g.chance(2) }

func (g *gen) send(s int64, e *end) {
	n := g.size()
	flags := int64(0)
	if e != nil && e.kind == "eventfd" && g.chance(80) {
		n = 8
	}
	var st *step
	might := e != nil && !*e.nonblock
	full := false
	var into *int64
	if e != nil {
		side := 0
		if socket(e) {
			side = 1 - e.side
		}
		into = &e.queued[side]
	}
	if might && into != nil && *into+n+800 > e.room {
		full = true
	}
	if socket(e) && g.chance(30) || full && g.careful() && socket(e) {
		flags = g.bits(unix.MSG_DONTWAIT, unix.MSG_NOSIGNAL, unix.MSG_EOR, unix.MSG_MORE)
		if full || g.chance(30) {
			flags |= unix.MSG_DONTWAIT
		}
		if e.kind == "stream" && g.chance(4) || g.chance(1) {
			flags |= unix.MSG_OOB
			g.urgent = true
		}
	} else if full && g.careful() {
		return
	}
	total := n
	form := g.form(e, flags)
	switch {
	case form < 30 || e != nil && e.kind == "eventfd" && form < 80:
		st = g.add("write", s, g.buffer(n))
	case form < 42:
		c, v, t := g.vector()
		st, total = g.add("writev", s, c, v[0], v[1], v[2], v[3], g.badPtr()), t
	case form < 46:
		c, v, t := g.vector()
		st, total = g.add("pwritev2", s, c, v[0], v[1], v[2], v[3], g.badPtr(), g.pick(-1, -1, -1, 0, 5), g.bits(unix.RWF_NOWAIT)), t
	case form < 48:
		g.add("pwrite64", s, g.buffer(n), g.pick(0, 5, -1))
		return
	case form < 70 || !socket(e):
		addr := int64(0)
		if g.chance(3) {
			addr = g.pick(1, 2, 3)
		}
		if e != nil && e.kind == "dgram" {
			addr = 0
		}
		st = g.add("sendto", s, g.buffer(n), flags, addr)
	case form < 90:
		c, v, t := g.vector()
		nfds, fds, bad := g.rights(e)
		st, total = g.add("sendmsg", s, c, v[0], v[1], v[2], v[3], g.badPtr()+5*g.bits()&5, flags, nfds, fds, bad), t
	default:
		c, v, t := g.vector()
		nfds, fds, _ := g.rights(e)
		st, total = g.add("sendmmsg", s, min(c&7, 4), v[0], v[1], v[2], v[3], g.badPtr(), flags, nfds, fds), t
		st.mark(multi | big) // two receivers that it wakes race
	}
	if into != nil {
		*into += total + 800
		if e.kind == "eventfd" {
			*into = 1
		}
	}
	if e != nil && e.kind == "stream" && total > 2000 {
		st.mark(big)
	}
	if might && flags&unix.MSG_DONTWAIT == 0 {
		// The kernel wakes all who wait for room in a socket or an eventfd, and they race.
		lock := int64(0)
		if e.kind != "pipe" {
			lock = e.id*4 + int64(e.side)*2 + 1
		}
		g.sleeps(st, e, lock)
		if full {
			g.at.asleep, g.at.since = e, len(g.steps)
		}
	}
}

// form draws by which call bytes move: below 48 one that takes no flags.
func (g *gen) form(e *end, flags int64) int {
	form := g.IntN(100)
	if flags != 0 && form < 55 {
		form = 55 + g.IntN(45)
	}
	if !socket(e) && g.chance(92) {
		form %= 48
	}
	return form
}

// rights packs slots whose descriptors a message from e is to carry. No circle of sockets comes about that only their own
// messages hold: when the kernel throws such away nobody can tell (net/unix/garbage.c runs beside).
func (g *gen) rights(e *end) (n, packed, bad int64) {
	if !g.chance(30) {
		return 0, 0, 0
	}
	want := g.pick(1, 1, 2, 3)
	for range 3 * want {
		s, sent := g.some()
		if n == want || sent == nil || sent.kind == "epoll" && g.chance(90) || !carry(e, sent) {
			continue
		}
		packed |= s << (8 * n)
		n++
	}
	if g.chance(6) {
		bad = 1 + int64(g.IntN(7))
	}
	if n > 0 && g.chance(3) {
		packed &= 255
		for i := range 3 {
			packed |= packed << (8 << i)
		}
		n = g.pick(253, 254, 0)
	}
	return n, packed, bad
}

// carry tells whether a message from one may hold the other without a circle: a socket either lies in messages or has
// them lie in it.
func carry(by, sent *end) bool {
	switch {
	case !socket(sent) || by == nil || !socket(by):
		return true
	case by.object == sent.object || by.carried || sent.carries:
		return false
	}
	by.carries, sent.carried = true, true
	return true
}

func (g *gen) receive(s int64, e *end) {
	n := g.size()
	if e != nil && e.kind == "eventfd" && g.chance(80) {
		n = 8
	}
	var from *int64
	empty := true
	might := e != nil && !*e.nonblock
	if e != nil {
		side := 0
		if socket(e) {
			side = e.side
		}
		from = &e.queued[side]
		empty = *from == 0
	}
	flags := int64(0)
	if socket(e) && (g.chance(40) || might && empty && g.careful()) {
		flags = g.bits(unix.MSG_DONTWAIT, unix.MSG_PEEK, unix.MSG_TRUNC, unix.MSG_CMSG_CLOEXEC)
		if g.chance(10) {
			flags |= unix.MSG_WAITALL
		}
		if e.kind == "stream" && g.urgent && g.chance(30) || g.chance(2) {
			flags |= unix.MSG_OOB
		}
		if empty || flags&unix.MSG_WAITALL != 0 && g.careful() {
			flags |= unix.MSG_DONTWAIT
		}
		if e.kind != "stream" && flags&unix.MSG_PEEK != 0 {
			// Who of a sleeper that peeks and one that takes is woken for a message the kernel has been seen to answer
			// in two ways.
			flags |= unix.MSG_DONTWAIT
		}
	} else if might && empty && g.careful() {
		return
	}
	var st *step
	total := n
	form := g.form(e, flags)
	switch {
	case form < 30 || e != nil && e.kind == "eventfd" && form < 80:
		st = g.add("read", s, g.buffer(n))
	case form < 42:
		c, v, t := g.vector()
		st, total = g.add("readv", s, c, v[0], v[1], v[2], v[3], g.badPtr()), t
	case form < 46:
		c, v, t := g.vector()
		st, total = g.add("preadv2", s, c, v[0], v[1], v[2], v[3], g.badPtr(), g.pick(-1, -1, -1, 0, 5), g.bits(unix.RWF_NOWAIT)), t
	case form < 48:
		g.add("pread64", s, g.buffer(n), g.pick(0, 5, -1))
		return
	case form < 70 || !socket(e):
		st = g.add("recvfrom", s, g.buffer(n), flags, g.pick(0, 0, 0, 1, 1, 3))
	case form < 92:
		c, v, t := g.vector()
		st, total = g.add("recvmsg", s, c, v[0], v[1], v[2], v[3], g.badPtr(), flags, g.pick(0, 0, 16, 20, 24, 64, 64, 512), int64(g.free())), t
	default:
		_, v, t := g.vector()
		if g.careful() && might {
			flags |= unix.MSG_DONTWAIT
		}
		if g.chance(30) {
			flags |= unix.MSG_WAITFORONE
		}
		st, total = g.add("recvmmsg", s, g.pick(1, 2, 3, 4, 0), v[0], v[1], v[2], v[3], g.badPtr(), flags, g.pick(0, 0, 24, 64), int64(g.free())), t
		st.mark(multi)
		if e.kind == "stream" {
			st.mark(big)
		}
	}
	if from != nil && flags&unix.MSG_PEEK == 0 {
		*from = max(0, *from-total-800)
		if e.kind == "eventfd" {
			*from = 0
		}
	}
	if e != nil && e.kind == "stream" && (total > 2000 || flags&unix.MSG_WAITALL != 0) {
		st.mark(big)
	}
	if might && flags&unix.MSG_DONTWAIT == 0 {
		lock := int64(0)
		if e.kind == "stream" || e.kind == "eventfd" {
			lock = e.id*4 + int64(e.side)*2 + 2
		}
		g.sleeps(st, e, lock)
		if empty {
			g.at.asleep, g.at.since = e, len(g.steps)
		}
	}
}

func (g *gen) splice() {
	in, a := g.any()
	out, b := g.any()
	n := g.size()
	flags := g.bits(unix.SPLICE_F_NONBLOCK, unix.SPLICE_F_MORE, unix.SPLICE_F_MOVE)
	if g.chance(60) || g.careful() {
		flags |= unix.SPLICE_F_NONBLOCK
	}
	if g.chance(2) {
		flags |= 0x80
	}
	// A socket waits whatever the flag says.
	wait := func(e *end) bool { return e != nil && !*e.nonblock }
	if (wait(a) && a.queued[a.side%2] == 0 || wait(b)) && g.careful() {
		return
	}
	if socket(a) && wait(a) {
		return // it would sleep with the pipe's mutex held, and everybody behind it in a state that is no sleep
	}
	if a != nil && a.kind == "eventfd" && g.chance(90) || a != nil && a.kind == "epoll" || b != nil && b.kind == "epoll" {
		return
	}
	var st *step
	switch g.IntN(5) {
	case 0, 1, 2:
		off := int64(0)
		if g.chance(3) {
			off = g.pick(1, 2)
		}
		st = g.add("splice", in, out, n, flags, off)
	case 3:
		st = g.add("tee", in, out, n, flags)
	default:
		c, v, _ := g.vector()
		st = g.add("vmsplice", out, c, v[0], v[1], v[2], v[3], flags)
		if wait(b) && g.careful() {
			st[2+6] |= unix.SPLICE_F_NONBLOCK
		}
	}
	st.mark(multi)
	if socket(a) || socket(b) {
		st.mark(big)
	}
	if b != nil {
		b.queued[0] += n
	}
	if wait(a) || wait(b) {
		g.sleeps(st, nil, 0)
	}
}
