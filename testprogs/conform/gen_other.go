package main

import "golang.org/x/sys/unix"

// tasks ends, replaces or disturbs an actor.
func (g *gen) tasks() {
	switch g.IntN(10) {
	case 0, 1, 2:
		g.spawn()
	case 3:
		// An actor that is not the first of its process can end alone; one that is takes all with it.
		if g.at.n == 0 {
			return
		}
		g.add("exit").mark(multi)
		if g.at.first {
			g.at.members = 0
		} else {
			g.at.proc = &proc{}
		}
	case 4, 5:
		if !g.at.first || g.at.members != 1 {
			return
		}
		g.add("exec").mark(multi)
		for i, c := range g.at.cloexec {
			if c {
				g.at.slot[i], g.at.cloexec[i] = nil, false
			}
		}
	default:
		p := g.players[g.IntN(len(g.players))]
		sig := g.pick(int64(unix.SIGUSR1), int64(unix.SIGUSR2))
		if g.chance(8) && p.n != 0 && p.first && p.proc != g.players[0].proc {
			sig = int64(unix.SIGKILL)
			p.members = 0
		}
		g.add("kill", int64(p.n), sig).mark(multi)
	}
}

func (g *gen) descriptor() {
	s, e := g.any()
	to := int64(g.IntN(slots))
	put := func(i int64, e *end, cloexec bool) {
		if i < slots {
			g.at.slot[i], g.at.cloexec[i] = e, cloexec
		}
	}
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		g.add("close", s)
		put(s, nil, false)
	case 4, 5:
		g.add("dup", s, to)
		put(to, e, false)
	case 6:
		where := g.pick(to, to, 200+30+int64(g.IntN(10)), 200+63, 200+64, 200+1<<20)
		g.add("dup2", s, where, to).mark(multi)
		put(to, e, false)
	case 7:
		where := g.pick(to, to, s, 200+30+int64(g.IntN(10)))
		flags := g.pick(0, unix.O_CLOEXEC, unix.O_CLOEXEC, 1)
		g.add("dup3", s, where, to, flags).mark(multi)
		put(to, e, flags == unix.O_CLOEXEC)
	case 8, 9:
		cloexec := g.pick(0, 1)
		g.add("dupfd", s, g.pick(0, 3, 20, 63, 64, -1, 50), to, cloexec)
		put(to, e, cloexec == 1)
	case 10:
		last, _ := g.some()
		if s >= 100 || last >= 100 {
			return
		}
		flags := g.pick(0, unix.CLOSE_RANGE_CLOEXEC, unix.CLOSE_RANGE_UNSHARE, 9)
		g.add("close_range", s, last, flags).mark(multi)
		if flags == 0 {
			put(s, nil, false)
			put(last, nil, false)
		}
	default:
		v := g.pick(0, 1, 1)
		g.add("fcntl", s, unix.F_SETFD, v)
		if s < slots {
			g.at.cloexec[s] = v == 1
		}
	}
}

func (g *gen) setting() {
	s, e := g.any()
	switch n := g.IntN(100); {
	case n < 15:
		v := g.pick(0, unix.O_NONBLOCK, unix.O_NONBLOCK) | g.bits(unix.O_APPEND)
		if e != nil && e.kind == "pipe" {
			v |= g.bits(unix.O_DIRECT)
		}
		if e != nil {
			*e.nonblock = v&unix.O_NONBLOCK != 0
		}
		g.add("fcntl", s, unix.F_SETFL, v)
	case n < 20:
		g.add("fcntl", s, g.pick(unix.F_GETFL, unix.F_GETFD, unix.F_GETPIPE_SZ, 9999), 0)
	case n < 30:
		g.add("ioctl", s, g.pick(unix.TIOCINQ, unix.TIOCINQ, unix.TIOCOUTQ, 0x8905), 0, g.badPtr())
		if g.urgent {
			g.steps = g.steps[:len(g.steps)-1]
		}
	case n < 33:
		v := g.pick(0, 1)
		g.add("ioctl", s, 0x5421, v, g.badPtr())
		if e != nil {
			*e.nonblock = v == 1
		}
	case n < 36:
		g.add("other", s, int64(g.IntN(10)))
	case e == nil:
	case e.kind == "pipe":
		v := g.pick(0, 1, 4096, 4097, 8192, 16384, 65536, 65537, 1<<17, 1<<20, 1<<31, 1<<32, -1)
		g.add("fcntl", s, unix.F_SETPIPE_SZ, v)
	case n < 50 && socket(e):
		g.add("shutdown", s, g.pick(0, 0, 1, 1, 2, 3, -1)).mark(multi)
	case n < 58 && socket(e):
		g.add("setsockopt", s, unix.SOL_SOCKET, g.pick(unix.SO_SNDBUF, unix.SO_SNDBUF, unix.SO_RCVBUF), g.pick(0, 1, 4608, 10000, 50000, 1<<20, -1), -1)
	case n < 63 && socket(e):
		g.limited = true
		g.add("setsockopt", s, unix.SOL_SOCKET, g.pick(unix.SO_RCVTIMEO, unix.SO_SNDTIMEO), g.pick(2000, 2000, 0, 1), -1)
	case n < 80 && socket(e):
		o := g.pick(unix.SO_PASSCRED, unix.SO_RCVLOWAT, unix.SO_PEEK_OFF, unix.SO_PRIORITY, unix.SO_KEEPALIVE, 9999)
		g.add("setsockopt", s, unix.SOL_SOCKET, o, g.pick(0, 1, 5, 100, -1), g.pick(-1, -1, -1, 0, 2, 8))
	case socket(e):
		o := g.pick(unix.SO_ERROR, unix.SO_ERROR, unix.SO_SNDBUF, unix.SO_RCVBUF, unix.SO_TYPE, unix.SO_PASSCRED, unix.SO_RCVLOWAT,
			unix.SO_PEEK_OFF, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO, unix.SO_ACCEPTCONN, unix.SO_DOMAIN, unix.SO_PROTOCOL, unix.SO_MEMINFO+9000)
		g.add("getsockopt", s, unix.SOL_SOCKET, o, g.pick(-1, -1, -1, 2, 0, 8))
	}
}

var pollEvents = []int64{unix.POLLIN, unix.POLLIN, unix.POLLOUT, unix.POLLPRI, unix.POLLRDHUP, unix.EPOLLRDNORM, unix.EPOLLWRNORM, unix.POLLHUP}

func (g *gen) events() (v int64) {
	for range 1 + g.IntN(3) {
		v |= g.pick(pollEvents...)
	}
	return v
}

// timeout is in ms. Only an actor that may sleep waits for ever.
func (g *gen) timeout() int64 {
	if g.careful() || g.chance(50) {
		if g.chance(6) {
			return 2
		}
		return 0
	}
	return -1
}

// wait marks a step that waits for several things.
func (g *gen) wait(s *step, limit int64, e *end) {
	if limit == 0 {
		return
	}
	s.mark(waits)
	g.sleeps(s, nil, 0)
	if limit > 0 {
		s.mark(timed)
		return
	}
	if e != nil {
		g.at.asleep, g.at.since = e, len(g.steps)
	}
}

func (g *gen) poll() {
	limit := g.timeout()
	var last *end
	if g.chance(70) {
		var p [4]int64
		for i := range p {
			var s int64
			s, last = g.any()
			p[i] = s | g.events()<<16
		}
		n := g.pick(1, 1, 2, 3, 4)
		if g.chance(2) {
			n = g.pick(0, 65)
			limit = 0
			if n == 65 { // beyond the limit of descriptors, and beyond what there is
				return
			}
		}
		g.wait(g.add("poll", n, p[0], p[1], p[2], p[3], limit, g.badPtr()), limit, last)
		return
	}
	var m [3]int64
	for range 3 {
		var s int64
		if s, last = g.some(); last != nil {
			m[g.IntN(3)] |= 1 << s
		}
	}
	// select takes us.
	us := limit
	if limit > 0 {
		us = 2000
	}
	g.wait(g.add("select", m[0], m[1], m[2], us), limit, last)
}

func (g *gen) epoll() {
	ep, have := g.some("epoll")
	if have == nil && g.chance(70) {
		s := int64(g.free())
		g.add("epoll_create1", s, 0)
		nb := false
		g.at.slot[s] = &end{&object{kind: "epoll", id: g.objects}, 0, &nb}
		g.objects++
		return
	}
	if g.chance(55) {
		s, _ := g.any()
		ev := g.events() | g.bits(1<<31, 1<<30) | g.pick(0, 0, 0, 0, 0, 1<<28)
		g.add("epoll_ctl", ep, g.pick(1, 1, 1, 1, 2, 3, 3, 4), s, ev, int64(len(g.steps))+1, g.badPtr())
		return
	}
	limit := g.timeout()
	g.wait(g.add("epoll_wait", ep, g.pick(1, 2, 16, 16, 16, 0, -1), limit, g.badPtr()), limit, have)
}
