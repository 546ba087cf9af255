package check

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Slots of pipes. A plain write cannot make every slot: one to which nothing may be appended, or one whose bytes begin
// within the page. So each is made in a pipe of our own and spliced to where it belongs.

// slot puts s into the pipe behind fd, as it is. A pipe that is full is EAGAIN.
func (k *Checker) slot(fd int, s emulate.Slot) (int, unix.Errno) {
	n, off := len(s.Bytes), 0
	if s.Merge {
		off = s.Off
	}
	if n == 0 {
		return 0, 0
	}
	if off+n > pageSize {
		return -1, unix.EMSGSIZE
	}
	k.packets(s.Packet)
	b := make([]byte, off+n, off+n+1)
	copy(b[off:], s.Bytes)
	if !s.Merge && !s.Packet && n < pageSize {
		b = append(b, 0) // what is a part of a slot is not appended to
	}
	defer k.drain(k.helper[0])
	if m, e := syscall(unix.SYS_WRITE, uint64(k.helper[1]), address(b), uint64(len(b))); m < len(b) {
		return -1, e
	}
	if off > 0 {
		skip := make([]byte, off)
		if m, e := syscall(unix.SYS_READ, uint64(k.helper[0]), address(skip), uint64(off)); m < off {
			return -1, e
		}
	}
	return syscall(unix.SYS_SPLICE, uint64(k.helper[0]), 0, uint64(fd), 0, uint64(n), unix.SPLICE_F_NONBLOCK)
}

func (k *Checker) packets(on bool) {
	flags := unix.O_NONBLOCK
	if on {
		flags |= unix.O_DIRECT
	}
	unix.FcntlInt(uintptr(k.helper[1]), unix.F_SETFL, flags)
}

// drain empties a pipe and returns what lay in it.
func (k *Checker) drain(fd int) []byte {
	var all []byte
	b := make([]byte, 1<<16)
	for {
		n, e := syscall(unix.SYS_READ, uint64(fd), address(b), uint64(len(b)))
		if e != 0 || n <= 0 {
			return all
		}
		all = append(all, b[:n]...)
	}
}

// resync fills a pipe's twin with what lies in the model. While the model's pipe is on loan it cannot be done.
func (k *Checker) resync(t *twin) {
	p := t.pipe
	if t.gone != "" || len(t.ends) == 0 || p == nil || p.Lent() {
		return
	}
	t.adrift = false
	k.touch(t)
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", t.ends[0].fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		k.drop(t, "on a pipe whose twin cannot be filled: "+err.Error())
		return
	}
	defer unix.Close(fd)
	k.drain(fd)
	for _, s := range p.Slots() {
		if n, e := k.slot(fd, s); n < len(s.Bytes) {
			switch e {
			case unix.EAGAIN: // it holds a slot more than it has room for, for now
				t.adrift = true
			case unix.EMSGSIZE:
				k.drop(t, "on a pipe with slots that only a socket makes")
			default:
				k.drop(t, "on a pipe whose twin cannot be filled: "+e.Error())
			}
			return
		}
	}
}
