package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/seccomp"
)

// Filters of the program's own. A call that the tracer makes a task run meets them like any other, and may be
// refused or be the task's death. So they are read when they are installed and asked before such a call.

// A filter is one program of seccomp.
type filter []unix.SockFilter

// readFilter reads the program that seccomp(2) or prctl(PR_SET_SECCOMP) is about to install.
func readFilter(k *task, fprog uint64) filter {
	const head, size = 16, 8 // struct sock_fprog, struct sock_filter
	var b [head]byte
	if _, e := k.mem.ReadMem(b[:], fprog); e != 0 {
		return nil
	}
	raw := make([]byte, (int(b[0])|int(b[1])<<8)*size)
	at := uint64(0)
	for i := range 8 {
		at |= uint64(b[8+i]) << (8 * i)
	}
	if _, e := k.mem.ReadMem(raw, at); e != 0 {
		return nil
	}
	var f filter
	for ; len(raw) > 0; raw = raw[size:] {
		f = append(f, unix.SockFilter{Code: uint16(raw[0]) | uint16(raw[1])<<8, Jt: raw[2], Jf: raw[3],
			K: uint32(raw[4]) | uint32(raw[5])<<8 | uint32(raw[6])<<16 | uint32(raw[7])<<24})
	}
	return f
}

// lets tells whether the program's own filters let a call run.
func (p *process) lets(nr int, args [6]uint64) bool {
	for _, f := range p.own {
		d := seccomp.Data{Nr: uint32(nr), Arch: auditArch, Args: args}
		switch seccomp.Eval(f, d) & unix.SECCOMP_RET_ACTION_FULL {
		case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG:
		default:
			return false
		}
	}
	return true
}

// filtered is a task that is about to install a filter. What later could not be done under it is done now: the
// filters of ours for every number, if it holds emulated descriptors, and memory for arguments.
func (t *Tracer) filtered(k *task, info *syscallInfo) {
	p := k.proc
	if f := readFilter(k, info.Args[2]); f != nil {
		p.own = append(p.own[:len(p.own):len(p.own)], f)
	}
	nr, args := info.Nr, info.Args
	k.entry, k.loaded = true, false
	onward := func() {
		t.stops.Passed++
		if k.entry {
			t.cont(k, 0)
			return
		}
		t.unmask(k)
		t.rewind(k, args, nr)
		k.state = passing
		t.cont(k, 0)
	}
	mapped := func() {
		_, has := p.space.mine[k.tid]
		if has || len(p.space.free) > 0 || k.model.Files.Len() == 0 || p.lets(unix.SYS_MMAP, mmapArgs) {
			onward()
			return
		}
		k.load()
		own := p.own
		p.own = nil // it is not in force yet
		t.needScratch(k, func(unix.Errno) {
			p.own = own
			k.state = running
			onward()
		})
	}
	if k.model.Files.Len() == 0 || p.armed.All || p.lets(unix.SYS_SECCOMP, [6]uint64{unix.SECCOMP_SET_MODE_FILTER}) {
		mapped()
		return
	}
	own := p.own
	p.own = nil
	t.arm(k, seccomp.Set{All: true}, func() {
		p.own = own
		mapped()
	})
}

// enterStrict is a task's way into strict mode, which the kernel refuses to a task that has filters, as all of ours
// do. So a filter stops what strict mode kills for, and the tracer kills (kernel/seccomp.c: __secure_computing_strict).
func (t *Tracer) enterStrict(k *task) {
	k.entry, k.loaded = true, false
	t.install(k, seccomp.Strict(), 0, func(ret int64) {
		k.strict = ret == 0
		k.load()
		r := k.regs
		r.Rax, r.Orig_rax = uint64(ret), ^uint64(0)
		setRegs(k.tid, &r)
		t.unmask(k)
		t.cont(k, 0)
	})
}

// forbidden tells whether strict mode kills for a call.
func forbidden(nr uint64) bool {
	switch nr {
	case unix.SYS_READ, unix.SYS_WRITE, unix.SYS_EXIT, unix.SYS_RT_SIGRETURN:
		return false
	}
	return true
}

// lingerFor is how often a task that cannot sleep in the kernel is looked at.
const lingerFor = 10 * tick

// linger keeps a blocked task in its stop because its own filters forbid pause(2). Signals do not reach it there, so
// they are looked for: when one is pending the call is skipped, and the task stops again on its way out, where the
// signal finds what it would find in a sleeping call.
func (t *Tracer) linger(k *task) {
	st := readStatus(k.tid)
	if st.sigPnd&^st.sigBlk == 0 {
		k.state = held
		k.heldAt = t.clock + lingerFor - parkAfter
		t.held = append(t.held, heldTask{k, k.heldAt})
		return
	}
	setResult(k.tid, -int64(emulate.ERESTARTNOHAND))
	k.load()
	k.entry, k.lingering = false, true
	k.state = parked
	t.kick(k)
	t.cont(k, 0)
}
