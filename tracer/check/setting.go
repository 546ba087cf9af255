package check

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// setting makes the calls that set something, or ask for a number. ret is Unknown where the kernel answered on the
// placeholder and nobody listened.
func (k *Checker) setting(e *entry, c *emulate.Call, ret int64) {
	en := k.twinOf(e, 0)
	if en == nil || e.compared {
		return
	}
	switch c.Sys.Nr {
	case unix.SYS_SHUTDOWN:
		k.touch(en.twin)
		n, errno := syscall(unix.SYS_SHUTDOWN, uint64(en.fd), c.Args[1])
		k.result(e, c, ret, n, errno)
	case unix.SYS_FCNTL:
		if c.Arg(1) == unix.F_SETPIPE_SZ {
			k.resize(e, c, en, ret)
		}
	case unix.SYS_IOCTL:
		k.count(e, c, en, ret)
	case unix.SYS_SETSOCKOPT:
		k.set(e, c, en, ret)
	case unix.SYS_GETSOCKOPT:
		k.get(e, c, en, ret)
	}
}

// result compares a result that nothing goes with.
func (k *Checker) result(e *entry, c *emulate.Call, ret int64, n int, errno unix.Errno) {
	if ret == emulate.Unknown || ret <= -512 {
		return
	}
	e.compared = true
	mine := int64(n)
	if errno != 0 {
		mine = -int64(errno)
	}
	if mine != ret {
		k.differ(e, c, result(ret), result(mine))
	}
}

func (k *Checker) resize(e *entry, c *emulate.Call, en *end, ret int64) {
	if ret == -int64(unix.EPERM) { // its own limits, and its own privileges
		e.why = "that the kernel refused for what is the program's alone"
		return
	}
	k.touch(en.twin)
	if en.adrift || en.pipe != nil && en.pipe.Lent() {
		return
	}
	n, errno := syscall(unix.SYS_FCNTL, uint64(en.fd), unix.F_SETPIPE_SZ, c.Args[2])
	if errno == unix.EPERM || errno == unix.ENOMEM {
		k.drop(en.twin, "on a pipe whose twin cannot be made larger (fs.pipe-user-pages-soft)")
		return
	}
	k.result(e, c, ret, n, errno)
}

// count makes FIONREAD, SIOCOUTQ and SIOCATMARK.
func (k *Checker) count(e *entry, c *emulate.Call, en *end, ret int64) {
	cmd := uint32(c.Args[1])
	if cmd != unix.TIOCINQ && cmd != unix.TIOCOUTQ && cmd != unix.SIOCATMARK || ret != 0 || en.adrift ||
		cmd == unix.TIOCINQ && en.urgent && en.typ == unix.SOCK_STREAM {
		return
	}
	theirs := k.fetch(c, c.Args[2], 4)
	if theirs == nil {
		return
	}
	b := k.room(4)
	n, errno := syscall(unix.SYS_IOCTL, uint64(en.fd), uint64(cmd), address(b))
	if k.result(e, c, ret, n, errno); errno == 0 {
		k.number(e, c, "the number", int(int32(le32(theirs))), int(int32(le32(b))))
	}
}

// set makes setsockopt, whoever answered it.
func (k *Checker) set(e *entry, c *emulate.Call, en *end, ret int64) {
	n := int(int32(c.Args[4]))
	if c.Arg(1) != unix.SOL_SOCKET || ret == -int64(unix.EPERM) || n < 0 || n > 256 {
		return
	}
	value := k.fetch(c, c.Args[3], n)
	if value == nil {
		return
	}
	k.touch(en.twin)
	m, errno := syscall(unix.SYS_SETSOCKOPT, uint64(en.fd), unix.SOL_SOCKET, c.Args[2], address(value), uint64(n))
	if errno == unix.EPERM && ret == 0 {
		k.drop(en.twin, "on a pair with an option that only the program may set")
		return
	}
	k.result(e, c, ret, m, errno)
}

// get makes getsockopt of what the model answers itself.
func (k *Checker) get(e *entry, c *emulate.Call, en *end, ret int64) {
	if c.Arg(1) != unix.SOL_SOCKET || c.Arg(2) != unix.SO_ERROR && c.Arg(2) != unix.SO_PEEK_OFF || ret == emulate.Unknown ||
		ret == -int64(unix.EINVAL) || k.fetch(c, c.Args[4], 4) == nil {
		return
	}
	k.touch(en.twin)
	b := k.room(8)
	put32(b[4:], 4)
	n, errno := syscall(unix.SYS_GETSOCKOPT, uint64(en.fd), unix.SOL_SOCKET, c.Args[2], address(b), address(b)+4)
	if ret == -int64(unix.EFAULT) {
		return
	}
	k.result(e, c, ret, n, errno)
	size := k.fetch(c, c.Args[4], 4)
	if size == nil || le32(size) != 4 || k.failed {
		return
	}
	if theirs := k.fetch(c, c.Args[3], 4); theirs != nil {
		k.number(e, c, "the value", int(int32(le32(theirs))), int(int32(le32(b))))
	}
}
