package check

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

const spliceNonblock = unix.SPLICE_F_NONBLOCK

// splice makes splice, tee and sendfile between two twins. With a real file at one end it only follows: what the
// kernel moved into the model's pipe or out of it is moved in the twin, too.
func (k *Checker) splice(e *entry, c *emulate.Call, o emulate.Outcome) {
	inArg, outArg := 0, 2
	switch c.Sys.Nr {
	case unix.SYS_TEE:
		outArg = 1
	case unix.SYS_SENDFILE:
		inArg, outArg = 1, 0
	}
	in, out := e.files[inArg], e.files[outArg]
	if in == nil && out == nil {
		return
	}
	if !moves(in) || !moves(out) {
		k.strangers(e, c, o, inArg, outArg)
		return
	}
	from, to := k.usable(e, inArg), k.usable(e, outArg)
	s, ok := e.measure(c, o)
	if from == nil || to == nil {
		k.lost(e, c, o, from, to)
		return
	}
	if !ok || k.held(from, e, &s) || k.held(to, e, &s) {
		return
	}
	args := c.Args
	args[inArg], args[outArg] = uint64(from.fd), uint64(to.fd)
	var n int
	var errno unix.Errno
	switch c.Sys.Nr {
	case unix.SYS_TEE:
		n, errno = syscall(unix.SYS_TEE, args[0], args[1], args[2], args[3]|spliceNonblock)
	case unix.SYS_SENDFILE:
		if !k.lendOffset(c, &args, 2) {
			return
		}
		args[3] = k.rest(args[3], e, &s)
		n, errno = syscall(unix.SYS_SENDFILE, args[0], args[1], args[2], args[3])
	default:
		if !k.lendOffset(c, &args, 1) || !k.lendOffset(c, &args, 3) {
			return
		}
		args[4] = k.rest(args[4], e, &s)
		n, errno = syscall(unix.SYS_SPLICE, args[0], args[1], args[2], args[3], args[4], args[5]|spliceNonblock)
	}
	if e.asked && errno == unix.EAGAIN && s.moved > 0 && to.pipe != nil {
		// The pipe was filled while descriptors of the message were fetched, and the model let that one slot more in.
		e.why = "on a pipe that was filled while descriptors were on their way"
		e.moved += s.moved
		syscall(unix.SYS_READ, uint64(from.fd), address(k.room(s.moved)), uint64(s.moved))
		to.adrift = true
		return
	}
	k.judge(e, c, &s, o, from, n, errno)
	e.moved += s.moved
	if from.pipe == nil && to.pipe != nil && n > 0 && !k.failed {
		k.resync(to.twin) // how many slots it takes depends on where in the kernel's pages it lies
	}
}

// moves tells of a pipe or a socket of the model's, between which it makes a splice itself.
func moves(f *emulate.File) bool {
	if f == nil {
		return false
	}
	kind := f.Object().Kind()
	return kind == "pipe" || kind == "pair"
}

// rest is what is left of a call's length.
func (k *Checker) rest(n uint64, e *entry, s *step) uint64 {
	if s.asked {
		return uint64(s.moved)
	}
	return n - min(n, uint64(e.moved))
}

// lendOffset puts a copy of ours in the place of a file position.
func (k *Checker) lendOffset(c *emulate.Call, args *[6]uint64, i int) bool {
	if args[i] == 0 {
		return true
	}
	b := k.fetch(c, args[i], 8)
	if b == nil {
		return false // EFAULT, before anything else
	}
	args[i] = address(b)
	return true
}

// strangers is a transfer with a real file at one end.
func (k *Checker) strangers(e *entry, c *emulate.Call, o emulate.Outcome, inArg, outArg int) {
	var en *end
	for _, arg := range []int{inArg, outArg} {
		if moves(e.files[arg]) {
			en = k.twinOf(e, arg)
		}
	}
	if en == nil {
		return
	}
	e.why = "that splice with a real file"
	if en.pipe != nil {
		en.adrift = true
		e.mixed = en.twin
	} else if o.Kind == emulate.KindDone && o.Ret > 0 || o.Kind == emulate.KindBlock {
		k.drop(en.twin, "on a pair that was filled from a file")
	}
}

// lost is a transfer of which one end has no twin: the other cannot follow.
func (k *Checker) lost(e *entry, c *emulate.Call, o emulate.Outcome, ends ...*end) {
	for _, en := range ends {
		switch {
		case en == nil:
		case en.pipe != nil:
			en.adrift = true
			e.mixed = en.twin
		case o.Kind == emulate.KindDone && o.Ret > 0 || o.Kind == emulate.KindBlock:
			k.drop(en.twin, "on a pair that was spliced with what has no twin")
		}
	}
}

// vmsplice lays the program's pages out as they are in the program: each is a slot, from where in it the buffer begins.
func (k *Checker) vmsplice(e *entry, c *emulate.Call, o emulate.Outcome) {
	en := k.usable(e, 0)
	if en == nil {
		return
	}
	s, ok := e.measure(c, o)
	list, fine := k.iovec(c, c.Args[1], c.Args[2])
	if !ok || !fine {
		return
	}
	flags := c.Args[3] | spliceNonblock
	if en.file.Flags&unix.O_ACCMODE == unix.O_RDONLY {
		list = cut(list, 0, max(1<<20, k.inside(en)+pageSize))
		iov, data := k.blank(c, list, k.short(en, &s, size(list)))
		n, errno := syscall(unix.SYS_VMSPLICE, uint64(en.fd), address(iov), uint64(len(iov)/16), flags)
		k.judge(e, c, &s, o, nil, n, errno)
		k.bytes(e, c, list, data, n)
		return
	}
	list = cut(list, 0, k.plenty(en, size(list)))
	iov := k.room(max(1, len(list)) * 16)
	for i, l := range list {
		lead := int(l.base % pageSize)
		pages, err := unix.Mmap(-1, 0, (lead+int(l.n)+pageSize-1)&^(pageSize-1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			e.why = "for which there was no memory"
			en.adrift, e.mixed = true, en.twin
			return
		}
		defer unix.Munmap(pages) // the kernel keeps the pages as long as they lie in the pipe
		got, _ := c.Mem.ReadMem(pages[lead:lead+int(l.n)], l.base)
		if got < int(l.n) {
			if from := (lead + got) &^ (pageSize - 1); from < len(pages) {
				unix.Mprotect(pages[from:], unix.PROT_NONE)
			}
		}
		put64(iov[i*16:], address(pages)+uint64(lead))
		put64(iov[i*16+8:], l.n)
	}
	n, errno := syscall(unix.SYS_VMSPLICE, uint64(en.fd), address(iov), uint64(len(list)), flags)
	k.judge(e, c, &s, o, nil, n, errno)
}
