package check

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// A play is a few threads that do what comes to hand on pipes and pairs, and wait for each other.
type play struct {
	*rand.Rand
	tasks  []*emutest.Task
	traps  []*emutest.Trap
	fds    []int // what they share
	parked []bool
	said   []string
}

func (p *play) free() int {
	var list []int
	for i, tr := range p.traps {
		if tr == nil || !tr.Blocked() {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return -1
	}
	return list[p.IntN(len(list))]
}

func (p *play) size() int {
	switch p.IntN(6) {
	case 0:
		return p.IntN(3)
	case 1:
		return []int{4095, 4096, 4097, 8192, 16384, 65536, 65537, 100000, 300000}[p.IntN(9)]
	case 2:
		return p.IntN(70000)
	}
	return p.IntN(5000)
}

func (p *play) fd() int { return p.fds[p.IntN(len(p.fds))] }

func (p *play) call(i, nr int, args ...uint64) {
	p.parked[i] = false
	p.traps[i] = p.tasks[i].Call(nr, args...)
	p.said = append(p.said, fmt.Sprintf("%d %s(%x) = %s", i, emulate.ByNr(uint64(nr)).Name, args, p.traps[i].Result()))
}

func (p *play) bytes(n int) string { return strings.Repeat(string(rune('a'+p.IntN(26))), n) }

// act has one thread make one call.
func (p *play) act(i int) {
	m := p.tasks[i].Mem
	fd, n := uint64(p.fd()), p.size()
	flags := []uint64{0, 0, 0, unix.MSG_DONTWAIT, unix.MSG_PEEK, unix.MSG_WAITALL, unix.MSG_TRUNC, unix.MSG_PEEK | unix.MSG_DONTWAIT}[p.IntN(8)]
	switch op := p.IntN(40); {
	case op < 8:
		p.call(i, unix.SYS_READ, fd, m.Room(n), uint64(n))
	case op < 16:
		p.call(i, unix.SYS_WRITE, fd, m.Lay(p.bytes(n)), uint64(n))
	case op < 18:
		p.call(i, unix.SYS_RECVFROM, fd, m.Room(n), uint64(n), flags, 0, 0)
	case op < 20:
		p.call(i, unix.SYS_SENDTO, fd, m.Lay(p.bytes(n)), uint64(n), flags&unix.MSG_DONTWAIT, 0, 0)
	case op < 22:
		iov := m.Lay(m.Lay(p.bytes(n)), uint64(n), m.Lay("tail"), uint64(4), uint64(8), uint64(p.IntN(2)*10))
		p.call(i, unix.SYS_WRITEV, fd, iov, uint64(1+p.IntN(3)))
	case op < 24:
		p.message(i, fd, n, flags)
	case op < 26:
		p.call(i, unix.SYS_SPLICE, fd, 0, uint64(p.fd()), 0, uint64(n), uint64(p.IntN(2)*2))
	case op < 27:
		p.call(i, unix.SYS_TEE, fd, uint64(p.fd()), uint64(n), uint64(p.IntN(2)*2))
	case op < 28:
		at := m.Room(n)
		p.call(i, unix.SYS_VMSPLICE, fd, m.Lay(at, uint64(n)), 1, uint64(p.IntN(2)*2))
	case op < 29:
		p.call(i, unix.SYS_FCNTL, fd, unix.F_SETPIPE_SZ, uint64(4096<<p.IntN(6)))
	case op < 31:
		bits := []uint64{0, unix.O_NONBLOCK, unix.O_DIRECT, 0}[p.IntN(4)]
		p.call(i, unix.SYS_FCNTL, fd, unix.F_SETFL, bits)
	case op < 32:
		option := []uint64{unix.SO_SNDBUF, unix.SO_RCVLOWAT, unix.SO_PASSCRED, unix.SO_PEEK_OFF}[p.IntN(4)]
		p.call(i, unix.SYS_SETSOCKOPT, fd, unix.SOL_SOCKET, option, m.Lay(uint32([]int{0, 1, 5000, 40000}[p.IntN(4)])), 4)
	case op < 34:
		list := make([]any, 0, 3*len(p.fds))
		for _, fd := range p.fds {
			list = append(list, uint32(fd), uint16(p.IntN(1<<11)), uint16(0))
		}
		p.call(i, unix.SYS_POLL, m.Lay(list...), uint64(len(p.fds)), uint64(p.IntN(2))*uint64(0xffffffff))
	case op < 35:
		sets := make([]uint64, 3)
		for j := range sets {
			sets[j] = m.Lay(p.Uint64(), uint64(0))
		}
		p.call(i, unix.SYS_SELECT, 64, sets[0], sets[1], sets[2], m.Lay(uint64(0), uint64(0)))
	case op < 36:
		p.call(i, unix.SYS_IOCTL, fd, []uint64{unix.TIOCINQ, unix.TIOCOUTQ}[p.IntN(2)], m.Room(4))
	case op < 37 && p.IntN(4) == 0:
		p.call(i, unix.SYS_SHUTDOWN, fd, uint64(p.IntN(4)))
	case op < 38 && p.IntN(6) == 0:
		p.call(i, unix.SYS_CLOSE, fd)
	case op < 39 && p.IntN(3) == 0:
		p.call(i, unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_ERROR, m.Room(4), m.Lay(uint32(4)))
	default:
		p.disturb(p.IntN(len(p.tasks)))
	}
}

// disturb parks a thread that waits, or has a signal reach it.
func (p *play) disturb(j int) {
	tr := p.traps[j]
	if tr == nil || !tr.Blocked() {
		return
	}
	if !p.parked[j] {
		p.parked[j] = true
		p.tasks[j].Park()
	}
	if tr.Blocked() && p.IntN(2) == 0 {
		p.tasks[j].Interrupt(p.IntN(2) == 0)
		p.said = append(p.said, fmt.Sprintf("%d is interrupted", j))
		p.parked[j] = false
	}
}

// message sends one with a descriptor at times, or receives.
func (p *play) message(i int, fd uint64, n int, flags uint64) {
	m := p.tasks[i].Mem
	if p.IntN(2) == 0 {
		control, size := uint64(0), uint64(0)
		if p.IntN(2) == 0 {
			control, size = m.Lay(uint64(20), uint32(unix.SOL_SOCKET), uint32(unix.SCM_RIGHTS), uint32(1), uint32(0)), 24
		}
		h := m.Lay(uint64(0), uint64(0), m.Lay(m.Lay(p.bytes(n)), uint64(n)), uint64(1), control, size, uint64(0))
		p.call(i, unix.SYS_SENDMSG, fd, h, flags&unix.MSG_DONTWAIT)
		return
	}
	room := p.IntN(3) * 24
	h := m.Lay(uint64(0), uint64(0), m.Lay(m.Room(n), uint64(n)), uint64(1), m.Room(room), uint64(room), uint64(0))
	if p.IntN(3) == 0 {
		vec := m.Lay(uint64(0), uint64(0), m.Lay(m.Room(n), uint64(n)), uint64(1), uint64(0), uint64(0), uint64(0), uint64(0),
			uint64(0), uint64(0), m.Lay(m.Room(n), uint64(n)), uint64(1), uint64(0), uint64(0), uint64(0), uint64(0))
		p.call(i, unix.SYS_RECVMMSG, fd, vec, 2, flags&^unix.MSG_PEEK, 0)
		return
	}
	p.call(i, unix.SYS_RECVMSG, fd, h, flags)
}

// Whatever threads do on pipes and pairs, and however they wait, the twins say the same.
func TestPlays(t *testing.T) {
	rounds := 120
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 5000
	}
	compared := uint64(0)
	for seed := range uint64(rounds) {
		compared += playOnce(t, seed)
		if t.Failed() {
			return
		}
	}
	if compared < uint64(rounds)*50 {
		t.Errorf("only %d calls were compared", compared)
	}
}

func playOnce(t *testing.T, seed uint64) uint64 {
	b, a := newBench(t)
	p := &play{Rand: rand.New(rand.NewPCG(seed, 7)), tasks: []*emutest.Task{a, a.Clone(thread), a.Clone(thread), a.Clone(thread)}}
	p.traps, p.parked = make([]*emutest.Trap, len(p.tasks)), make([]bool, len(p.tasks))
	add := func(x, y int) { p.fds = append(p.fds, x, y) }
	add(a.Pipe(0))
	add(a.Pipe([]int{0, unix.O_DIRECT, unix.O_NONBLOCK}[p.IntN(3)]))
	add(a.Pair([]int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET}[p.IntN(3)]))
	if p.IntN(2) == 0 {
		add(a.Pair(unix.SOCK_STREAM))
	}
	for range 250 {
		i := p.free()
		if i < 0 || b.found != "" {
			break
		}
		p.act(i)
	}
	if b.found != "" {
		said := p.said
		if len(said) > 25 {
			said = said[len(said)-25:]
		}
		t.Errorf("seed %d: %s\nthe calls before:\n%s", seed, b.found, strings.Join(said, "\n"))
	}
	b.close()
	return b.check.compared
}
