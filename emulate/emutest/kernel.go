package emutest

import (
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The fake of the kernel under the model, as far as calls pass to it: descriptor tables with the lowest free
// number, placeholders, the twins of messages, and files whose readiness a test sets.

// sleeps is the answer of a kernel call that would wait.
const sleeps int64 = math.MinInt64

func minus(e unix.Errno) int64 { return -int64(e) }

// A kind is what a desc leads to.
type kind uint8

const (
	aFile kind = iota // of the kernel's alone
	aPipe             // a pipe's placeholder
	aPair             // a socket's
	anEpoll
	anEventfd
	aPidfd
)

// A desc is one open file description of the fake kernel (struct file).
type desc struct {
	kind  kind
	refs  int // descriptors and twins
	flags int

	// Of a file: what it is ready for, what lies in it, and how far it is read. Of a socketpair's end: the options.
	ready emulate.Events
	data  []byte
	pos   int64
	cred  bool // SO_PASSCRED

	pipe *placeholder

	// Of a socketpair's end.
	typ   int
	peer  *desc
	twins []twin
	shut  int
	gone  bool

	items  []*member // of an epoll
	number uint64    // of an eventfd that was given back
	target int       // of a pidfd
}

// A placeholder is the pipe behind an emulated one. It is empty but for what a transfer of the kernel's is lent.
type placeholder struct {
	size             int // in slots
	slots            []emulate.Slot
	readers, writers int
}

func (d *desc) put() {
	if d.refs--; d.refs > 0 {
		return
	}
	switch d.kind {
	case aPipe:
		d.count(-1)
	case aPair:
		d.gone = true
		for _, w := range d.twins {
			w.free()
		}
		d.twins = nil
	}
}

// count adds n to the ends of a pipe that the description is.
func (d *desc) count(n int) {
	if d.flags&unix.O_ACCMODE != unix.O_WRONLY {
		d.pipe.readers += n
	}
	if d.flags&unix.O_ACCMODE != unix.O_RDONLY {
		d.pipe.writers += n
	}
}

// A table is a descriptor table as the fake kernel has it.
type table struct {
	fds   map[int]entry
	limit int // RLIMIT_NOFILE
}

type entry struct {
	desc    *desc
	cloexec bool
}

func (t *table) clone() *table {
	n := &table{fds: make(map[int]entry, len(t.fds)), limit: t.limit}
	for fd, e := range t.fds {
		e.desc.refs++
		n.fds[fd] = e
	}
	return n
}

// add puts d at the lowest free number from least on (alloc_fd), or says EMFILE.
func (t *table) add(d *desc, least int, cloexec bool) int64 {
	for fd := least; fd < t.limit; fd++ {
		if _, used := t.fds[fd]; !used {
			t.set(fd, d, cloexec)
			return int64(fd)
		}
	}
	return minus(unix.EMFILE)
}

func (t *table) set(fd int, d *desc, cloexec bool) {
	d.refs++
	if old, used := t.fds[fd]; used {
		old.desc.put()
	}
	t.fds[fd] = entry{d, cloexec}
}

func (t *table) close(fd int) int64 {
	e, ok := t.fds[fd]
	if !ok {
		return minus(unix.EBADF)
	}
	delete(t.fds, fd)
	e.desc.put()
	return 0
}

// numbers lists what is open, in order.
func (t *table) numbers() []int {
	fds := make([]int, 0, len(t.fds))
	for fd := range t.fds {
		fds = append(fds, fd)
	}
	slices.Sort(fds)
	return fds
}

func (t *Task) desc(fd uint64) *desc { return t.table.fds[int(int32(fd))].desc }

// kernelCalls are the calls that the fake kernel knows; it says ENOSYS to any other.
var kernelCalls map[int]func(*Task, [6]uint64) int64

func init() {
	kernelCalls = map[int]func(*Task, [6]uint64) int64{
		unix.SYS_CLOSE: (*Task).kClose, unix.SYS_CLOSE_RANGE: (*Task).kCloseRange, unix.SYS_DUP: (*Task).kDup,
		unix.SYS_DUP2: (*Task).kDup2, unix.SYS_DUP3: (*Task).kDup3, unix.SYS_FCNTL: (*Task).kFcntl,
		unix.SYS_IOCTL: (*Task).kIoctl, unix.SYS_PIPE: (*Task).kPipe, unix.SYS_PIPE2: (*Task).kPipe2,
		unix.SYS_SOCKETPAIR: (*Task).kSocketpair, unix.SYS_UNSHARE: (*Task).kZero,
		unix.SYS_EVENTFD: (*Task).kEventfd, unix.SYS_EVENTFD2: (*Task).kEventfd2,
		unix.SYS_OPEN: (*Task).kOpen, unix.SYS_OPENAT: (*Task).kOpenat, unix.SYS_PIDFD_GETFD: (*Task).kPidfdGetfd,

		unix.SYS_SENDMSG: (*Task).kSendmsg, unix.SYS_RECVMSG: (*Task).kRecvmsg, unix.SYS_SHUTDOWN: (*Task).kShutdown,
		unix.SYS_SETSOCKOPT: (*Task).kSetsockopt, unix.SYS_GETSOCKOPT: (*Task).kGetsockopt,
		unix.SYS_CONNECT: (*Task).kZero, unix.SYS_BIND: (*Task).kZero, unix.SYS_IO_URING_SETUP: (*Task).kZero,

		unix.SYS_POLL: (*Task).kPoll, unix.SYS_PPOLL: (*Task).kPpoll, unix.SYS_SELECT: (*Task).kSelect,
		unix.SYS_PSELECT6: (*Task).kSelect, unix.SYS_EPOLL_CREATE: (*Task).kEpollCreate,
		unix.SYS_EPOLL_CREATE1: (*Task).kEpollCreate1, unix.SYS_EPOLL_CTL: (*Task).kEpollCtl,
		unix.SYS_EPOLL_WAIT: (*Task).kEpollWait, unix.SYS_EPOLL_PWAIT: (*Task).kEpollWait,
		unix.SYS_EPOLL_PWAIT2: (*Task).kEpollPwait2,

		unix.SYS_READ: (*Task).kRead, unix.SYS_WRITE: (*Task).kWrite, unix.SYS_PREAD64: (*Task).kPread,
		unix.SYS_LSEEK: (*Task).kLseek, unix.SYS_PREADV2: (*Task).kPositioned, unix.SYS_PWRITEV2: (*Task).kPositioned,
		unix.SYS_SPLICE: (*Task).kSplice, unix.SYS_TEE: (*Task).kTee,
		unix.SYS_SENDFILE: (*Task).kSendfile,
	}
}

// kernel runs one call in the fake kernel.
func (t *Task) kernel(nr int, args [6]uint64) int64 {
	if f := kernelCalls[nr]; f != nil {
		return f(t, args)
	}
	if sys := emulate.ByNr(uint64(nr)); sys != nil && sys.Args[0].Kind == emulate.FD && t.desc(args[0]) == nil {
		return minus(unix.EBADF)
	}
	return minus(unix.ENOSYS)
}

func (t *Task) kZero([6]uint64) int64 { return 0 }
