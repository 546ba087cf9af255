package emutest

import (
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The calls of the fake kernel that make and move descriptors.

func (t *Task) kClose(a [6]uint64) int64 { return t.table.close(int(int32(a[0]))) }

func (t *Task) kCloseRange(a [6]uint64) int64 {
	const unshare, cloexec = 2, 4
	if a[2]&^(unshare|cloexec) != 0 || uint32(a[0]) > uint32(a[1]) {
		return minus(unix.EINVAL)
	}
	if a[2]&unshare != 0 && t.Files.Users() > 1 {
		t.table = t.table.clone() // and the model follows when it hears of it
	}
	for _, fd := range t.table.numbers() {
		switch e := t.table.fds[fd]; {
		case uint32(fd) < uint32(a[0]) || uint32(fd) > uint32(a[1]):
		case a[2]&cloexec != 0:
			t.table.fds[fd] = entry{e.desc, true}
		default:
			t.table.close(fd)
		}
	}
	return 0
}

func (t *Task) kDup(a [6]uint64) int64 {
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	return t.table.add(d, 0, false)
}

func (t *Task) kDup2(a [6]uint64) int64 {
	if t.desc(a[0]) != nil && uint32(a[0]) == uint32(a[1]) {
		return int64(a[1])
	}
	return t.kDup3([6]uint64{a[0], a[1]})
}

func (t *Task) kDup3(a [6]uint64) int64 {
	d, n := t.desc(a[0]), int(int32(a[1]))
	switch {
	case a[2]&^unix.O_CLOEXEC != 0 || uint32(a[0]) == uint32(a[1]):
		return minus(unix.EINVAL)
	case d == nil || n < 0 || n >= t.table.limit:
		return minus(unix.EBADF)
	}
	t.table.set(n, d, a[2] != 0)
	return int64(n)
}

const setfl = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_ASYNC | unix.O_NOATIME

func (t *Task) kFcntl(a [6]uint64) int64 {
	d, fd := t.desc(a[0]), int(int32(a[0]))
	if d == nil {
		return minus(unix.EBADF)
	}
	e := t.table.fds[fd]
	switch int(a[1]) {
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC:
		if int(a[2]) >= t.table.limit {
			return minus(unix.EINVAL)
		}
		return t.table.add(d, int(a[2]), int(a[1]) == unix.F_DUPFD_CLOEXEC)
	case unix.F_GETFD:
		if e.cloexec {
			return unix.FD_CLOEXEC
		}
		return 0
	case unix.F_SETFD:
		t.table.fds[fd] = entry{d, a[2]&unix.FD_CLOEXEC != 0}
		return 0
	case unix.F_GETFL:
		return int64(d.flags)
	case unix.F_SETFL:
		if d.kind == anEventfd && a[2]&unix.O_DIRECT != 0 {
			return minus(unix.EINVAL)
		}
		d.flags = d.flags&^setfl | int(a[2])&setfl
		return 0
	case unix.F_GETPIPE_SZ:
		if d.kind != aPipe {
			return minus(unix.EBADF)
		}
		return int64(d.pipe.size * PageSize)
	case unix.F_SETPIPE_SZ:
		return t.resize(d, uint32(a[2]))
	case unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG:
		return 0
	}
	return minus(unix.EINVAL)
}

// resize is fs/pipe.c: pipe_set_size on an empty pipe.
func (t *Task) resize(d *desc, size uint32) int64 {
	switch {
	case d.kind != aPipe:
		return minus(unix.EBADF)
	case size > 1<<31:
		return minus(unix.EINVAL)
	}
	n := 1 << bits.Len32((max(size, PageSize)-1)/PageSize)
	if n > d.pipe.size && n*PageSize > t.sim.Sysctl("fs/pipe-max-size", 1<<20) && !t.sim.Capable(t.Task, unix.CAP_SYS_RESOURCE) {
		return minus(unix.EPERM)
	}
	d.pipe.size = n
	return int64(n * PageSize)
}

func (t *Task) kIoctl(a [6]uint64) int64 {
	const fionbio, fioasync, fionclex, fioclex = 0x5421, 0x5452, 0x5450, 0x5451
	d := t.desc(a[0])
	if d == nil {
		return minus(unix.EBADF)
	}
	bit := unix.O_NONBLOCK
	switch a[1] {
	case fioclex, fionclex:
		t.table.fds[int(a[0])] = entry{d, a[1] == fioclex}
		return 0
	case fioasync:
		bit = unix.O_ASYNC
	case fionbio:
	default:
		if d.kind == aPair {
			return minus(unix.EOPNOTSUPP) // SIOCATMARK of packets; no test asks for another
		}
		return minus(unix.ENOTTY)
	}
	var on [4]byte
	if _, e := t.Mem.ReadMem(on[:], a[2]); e != 0 {
		return minus(e)
	}
	d.flags &^= bit
	if on != [4]byte{} {
		d.flags |= bit
	}
	return 0
}

func (t *Task) kPipe(a [6]uint64) int64 { return t.kPipe2([6]uint64{a[0]}) }

func (t *Task) kPipe2(a [6]uint64) int64 {
	if a[1]&^(unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_DIRECT|unix.O_EXCL) != 0 {
		return minus(unix.EINVAL)
	}
	p := &placeholder{size: 16, readers: 1, writers: 1}
	flags := int(a[1]) & unix.O_NONBLOCK
	return t.pair(a[0], a[1]&unix.O_CLOEXEC != 0, &desc{kind: aPipe, flags: flags, pipe: p},
		&desc{kind: aPipe, flags: flags | unix.O_WRONLY | int(a[1])&unix.O_DIRECT, pipe: p})
}

func (t *Task) kSocketpair(a [6]uint64) int64 {
	typ := int(a[1]) & 0xf
	switch {
	case a[1]&^(0xf|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK) != 0:
		return minus(unix.EINVAL)
	case int(a[0]) != unix.AF_UNIX:
		return minus(unix.EOPNOTSUPP)
	case a[2] > 1:
		return minus(unix.EPROTONOSUPPORT)
	case typ == 0 || typ == 4 || typ > 5:
		return minus(unix.ESOCKTNOSUPPORT)
	}
	flags := unix.O_RDWR | int(a[1])&unix.SOCK_NONBLOCK
	x := &desc{kind: aPair, flags: flags, typ: typ}
	y := &desc{kind: aPair, flags: flags, typ: typ, peer: x}
	x.peer = y
	return t.pair(a[3], a[1]&unix.SOCK_CLOEXEC != 0, x, y)
}

func (t *Task) kEventfd(a [6]uint64) int64 { return t.kEventfd2([6]uint64{a[0]}) }

func (t *Task) kEventfd2(a [6]uint64) int64 {
	if a[1]&^(unix.EFD_SEMAPHORE|unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) != 0 {
		return minus(unix.EINVAL)
	}
	d := &desc{kind: anEventfd, flags: unix.O_RDWR | int(a[1])&unix.EFD_NONBLOCK, number: a[0]}
	return t.table.add(d, 0, a[1]&unix.EFD_CLOEXEC != 0)
}

// pair opens two descriptors and tells the program, or closes them again.
func (t *Task) pair(addr uint64, cloexec bool, x, y *desc) int64 {
	one := t.table.add(x, 0, cloexec)
	if one < 0 {
		return one
	}
	two := t.table.add(y, 0, cloexec)
	if two < 0 {
		t.table.close(int(one))
		return two
	}
	if _, e := t.Mem.WriteMem(addr, flat([]any{uint32(one), uint32(two)})); e != 0 {
		t.table.close(int(one))
		t.table.close(int(two))
		return minus(e)
	}
	return 0
}

func (t *Task) kOpen(a [6]uint64) int64 { return t.kOpenat([6]uint64{0, a[0], a[1]}) }

// kOpenat opens a pipe anew by a path that ends in its descriptor's number; there is no other file.
func (t *Task) kOpenat(a [6]uint64) int64 {
	path, _, _ := strings.Cut(string(t.Mem.Bytes(a[1], 256)), "\x00")
	n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
	if strings.HasPrefix(path, "/dev/") && t.sim.Devices {
		return t.table.add(&desc{kind: aFile, flags: int(a[2])}, 0, false)
	}
	if err != nil {
		return minus(unix.ENOENT)
	}
	d := t.desc(uint64(n))
	switch {
	case d == nil:
		return minus(unix.ENOENT)
	case d.kind != aPipe:
		return minus(unix.ENXIO)
	}
	f := &desc{kind: aPipe, flags: int(a[2]) & (unix.O_ACCMODE | setfl), pipe: d.pipe}
	f.count(1)
	return t.table.add(f, 0, a[2]&unix.O_CLOEXEC != 0)
}

func (t *Task) kPidfdGetfd(a [6]uint64) int64 {
	p := t.desc(a[0])
	if p == nil || p.kind != aPidfd {
		return minus(unix.EBADF)
	}
	d := t.sim.tasks[p.target].desc(a[1])
	if d == nil {
		return minus(unix.EBADF)
	}
	return t.table.add(d, 0, true)
}
