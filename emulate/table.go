package emulate

import "golang.org/x/sys/unix"

// ArgKind says what an argument is, for the filter, the log, recordings and fault rules alike.
type ArgKind uint8

// The kinds of arguments.
const (
	Int          ArgKind = iota // a signed number
	Uint                        // an unsigned number: sizes
	Hex                         // an opaque word
	Ptr                         // an address that is not followed
	FD                          // a descriptor
	DirFD                       // a descriptor or AT_FDCWD
	Path                        // a NUL-terminated string, in
	BufIn                       // bytes the call reads from the program; Len names the argument with their count
	BufOut                      // bytes the call writes to the program; the result is their count
	IovIn                       // iovecs whose bytes go in; Len names the count of iovecs
	IovOut                      // iovecs whose bytes come out
	MsgIn                       // struct msghdr to send
	MsgOut                      // struct msghdr to fill
	MMsgIn                      // array of struct mmsghdr to send
	MMsgOut                     // array of struct mmsghdr to fill
	FDPair                      // int[2], out
	PollFDs                     // struct pollfd[], in and out
	FDSet                       // fd_set, in and out
	EpEvent                     // struct epoll_event, in
	EpEvents                    // struct epoll_event[], out; the result is their count
	Timespec                    // struct timespec, in
	Timeval                     // struct timeval, in and out
	SigMask                     // sigset_t, in
	Sockaddr                    // struct sockaddr, in
	SockaddrOut                 // struct sockaddr, out
	IntIn                       // int *, in (or bytes: option values)
	IntOut                      // int *, out
	OffIO                       // loff_t *, in and out
	OpenFlags                   // O_*
	PipeFlags                   // O_CLOEXEC, O_NONBLOCK, O_DIRECT
	EventfdFlags                // EFD_*
	SockDomain                  // AF_*
	SockType                    // SOCK_* with flags
	MsgFlags                    // MSG_*
	ShutHow                     // SHUT_*
	FcntlCmd                    // F_*
	FcntlArg                    // by the command
	IoctlCmd                    // FION*, SIOC*
	SockLevel                   // SOL_*
	SockOpt                     // SO_*
	EpOp                        // EPOLL_CTL_*
	SpliceFlags                 // SPLICE_F_*
)

// An Arg is one argument of a system call.
type Arg struct {
	Name string
	Kind ArgKind
	Len  int // for buffers: the index of the argument that gives their length
}

// Scope says when the filter stops a call.
type Scope uint8

// The scopes.
const (
	ByFD   Scope = iota // in processes that hold emulated descriptors, when an argument of kind FD names one
	Armed               // always in such processes: what it touches lies behind a pointer
	Always              // in every process: it makes objects or escapes
)

// Rerun says what a replay does with a call that the kernel ran at the recording.
type Rerun uint8

// The ways of a replay.
const (
	RerunNo      Rerun = iota // answered from the file
	RerunYes                  // made again: mmap, clone, execve
	RerunStandIn              // made with an inert descriptor
)

// A Syscall is one row of the table.
type Syscall struct {
	Nr    int
	Name  string
	Args  []Arg
	Scope Scope
	Cmds  []uint32 // with ByFD: only when argument 1 is one of these (fcntl, ioctl); nil for all
	Do    func(*Kernel, *Call) Outcome
	Saw   func(*Kernel, *Call, int64)
	Rerun Rerun
	// Table is set for calls that change the descriptor table: in a table that several tasks share, nobody
	// else's call is looked at between such a call's entry and its answer.
	Table bool
}

func fd(name string) Arg { return Arg{name, FD, 0} }
func a(name string, k ArgKind, length ...int) Arg {
	if len(length) > 0 {
		return Arg{name, k, length[0]}
	}
	return Arg{name, k, 0}
}

// Table lists every call that the filter stops, in the order of their numbers.
var Table = []*Syscall{
	{Nr: unix.SYS_READ, Name: "read", Args: []Arg{fd("fd"), a("buf", BufOut, 2), a("count", Uint)}, Do: (*Kernel).read},
	{Nr: unix.SYS_WRITE, Name: "write", Args: []Arg{fd("fd"), a("buf", BufIn, 2), a("count", Uint)}, Do: (*Kernel).write},
	{Nr: unix.SYS_OPEN, Name: "open", Args: []Arg{a("path", Path), a("flags", OpenFlags), a("mode", Hex)}, Scope: Armed, Do: (*Kernel).open, Saw: (*Kernel).sawOpen, Table: true},
	{Nr: unix.SYS_CLOSE, Name: "close", Args: []Arg{fd("fd")}, Do: (*Kernel).close, Saw: (*Kernel).sawClose, Table: true},
	{Nr: unix.SYS_POLL, Name: "poll", Args: []Arg{a("fds", PollFDs, 1), a("nfds", Uint), a("timeout", Int)}, Scope: Armed, Do: (*Kernel).poll},
	{Nr: unix.SYS_IOCTL, Name: "ioctl", Args: []Arg{fd("fd"), a("cmd", IoctlCmd), a("arg", Ptr)}, Cmds: ioctlCmds, Do: (*Kernel).ioctl, Saw: (*Kernel).sawIoctl},
	{Nr: unix.SYS_READV, Name: "readv", Args: []Arg{fd("fd"), a("iov", IovOut, 2), a("iovcnt", Uint)}, Do: (*Kernel).readv},
	{Nr: unix.SYS_WRITEV, Name: "writev", Args: []Arg{fd("fd"), a("iov", IovIn, 2), a("iovcnt", Uint)}, Do: (*Kernel).writev},
	{Nr: unix.SYS_PIPE, Name: "pipe", Args: []Arg{a("pipefd", FDPair)}, Scope: Always, Do: (*Kernel).pipe, Saw: (*Kernel).sawPipe, Table: true},
	{Nr: unix.SYS_SELECT, Name: "select", Args: []Arg{a("nfds", Int), a("readfds", FDSet, 0), a("writefds", FDSet, 0), a("exceptfds", FDSet, 0), a("timeout", Timeval)}, Scope: Armed, Do: (*Kernel).sel},
	{Nr: unix.SYS_DUP, Name: "dup", Args: []Arg{fd("oldfd")}, Do: (*Kernel).dup, Saw: (*Kernel).sawDup, Table: true},
	{Nr: unix.SYS_DUP2, Name: "dup2", Args: []Arg{fd("oldfd"), fd("newfd")}, Do: (*Kernel).dup2, Saw: (*Kernel).sawDup2, Table: true},
	{Nr: unix.SYS_ALARM, Name: "alarm", Args: []Arg{a("seconds", Uint)}, Scope: Always, Do: (*Kernel).alarm},
	{Nr: unix.SYS_SETITIMER, Name: "setitimer", Args: []Arg{a("which", Int), a("new", Ptr), a("old", Ptr)}, Scope: Always, Do: (*Kernel).setitimer},
	{Nr: unix.SYS_SENDFILE, Name: "sendfile", Args: []Arg{fd("out_fd"), fd("in_fd"), a("offset", OffIO), a("count", Uint)}, Do: (*Kernel).sendfile},
	{Nr: unix.SYS_CONNECT, Name: "connect", Args: []Arg{fd("sockfd"), a("addr", Sockaddr, 2), a("addrlen", Uint)}, Do: (*Kernel).connect},
	{Nr: unix.SYS_SENDTO, Name: "sendto", Args: []Arg{fd("sockfd"), a("buf", BufIn, 2), a("len", Uint), a("flags", MsgFlags), a("addr", Sockaddr, 5), a("addrlen", Uint)}, Do: (*Kernel).sendto},
	{Nr: unix.SYS_RECVFROM, Name: "recvfrom", Args: []Arg{fd("sockfd"), a("buf", BufOut, 2), a("len", Uint), a("flags", MsgFlags), a("addr", SockaddrOut), a("addrlen", IntOut)}, Do: (*Kernel).recvfrom},
	{Nr: unix.SYS_SENDMSG, Name: "sendmsg", Args: []Arg{fd("sockfd"), a("msg", MsgIn), a("flags", MsgFlags)}, Scope: Armed, Do: (*Kernel).sendmsg},
	{Nr: unix.SYS_RECVMSG, Name: "recvmsg", Args: []Arg{fd("sockfd"), a("msg", MsgOut), a("flags", MsgFlags)}, Do: (*Kernel).recvmsg, Table: true},
	{Nr: unix.SYS_SHUTDOWN, Name: "shutdown", Args: []Arg{fd("sockfd"), a("how", ShutHow)}, Do: (*Kernel).shutdown, Saw: (*Kernel).sawShutdown},
	{Nr: unix.SYS_BIND, Name: "bind", Args: []Arg{fd("sockfd"), a("addr", Sockaddr, 2), a("addrlen", Uint)}, Do: (*Kernel).bind},
	{Nr: unix.SYS_SOCKETPAIR, Name: "socketpair", Args: []Arg{a("domain", SockDomain), a("type", SockType), a("protocol", Int), a("sv", FDPair)}, Scope: Always, Do: (*Kernel).socketpair, Saw: (*Kernel).sawSocketpair, Table: true},
	{Nr: unix.SYS_SETSOCKOPT, Name: "setsockopt", Args: []Arg{fd("sockfd"), a("level", SockLevel), a("optname", SockOpt), a("optval", IntIn, 4), a("optlen", Uint)}, Do: (*Kernel).setsockopt, Saw: (*Kernel).sawSetsockopt},
	{Nr: unix.SYS_GETSOCKOPT, Name: "getsockopt", Args: []Arg{fd("sockfd"), a("level", SockLevel), a("optname", SockOpt), a("optval", IntOut, 4), a("optlen", IntOut)}, Do: (*Kernel).getsockopt},
	{Nr: unix.SYS_CLONE, Name: "clone", Args: []Arg{a("flags", Hex), a("stack", Ptr), a("parent_tid", Ptr), a("child_tid", Ptr), a("tls", Ptr)}, Scope: Armed, Do: (*Kernel).clone, Table: true},
	{Nr: unix.SYS_FORK, Name: "fork", Scope: Armed, Do: (*Kernel).fork, Table: true},
	{Nr: unix.SYS_VFORK, Name: "vfork", Scope: Armed, Do: (*Kernel).fork, Table: true},
	{Nr: unix.SYS_FCNTL, Name: "fcntl", Args: []Arg{fd("fd"), a("cmd", FcntlCmd), a("arg", FcntlArg)}, Cmds: fcntlCmds, Do: (*Kernel).fcntl, Saw: (*Kernel).sawFcntl, Table: true},
	{Nr: unix.SYS_CREAT, Name: "creat", Args: []Arg{a("path", Path), a("mode", Hex)}, Scope: Armed, Do: (*Kernel).creat, Saw: (*Kernel).sawOpen, Table: true},
	{Nr: unix.SYS_SCHED_SETAFFINITY, Name: "sched_setaffinity", Args: []Arg{a("pid", Int), a("size", Uint), a("mask", Ptr)}, Scope: Armed},
	{Nr: unix.SYS_SCHED_GETAFFINITY, Name: "sched_getaffinity", Args: []Arg{a("pid", Int), a("size", Uint), a("mask", Ptr)}, Scope: Armed},
	{Nr: unix.SYS_IO_SETUP, Name: "io_setup", Args: []Arg{a("nr_events", Uint), a("ctxp", Ptr)}, Scope: Always, Do: (*Kernel).escape},
	{Nr: unix.SYS_EPOLL_CREATE, Name: "epoll_create", Args: []Arg{a("size", Int)}, Scope: Armed, Do: (*Kernel).epollCreate, Saw: (*Kernel).sawEpollCreate, Table: true},
	{Nr: unix.SYS_EPOLL_WAIT, Name: "epoll_wait", Args: []Arg{fd("epfd"), a("events", EpEvents, 2), a("maxevents", Int), a("timeout", Int)}, Scope: Armed, Do: (*Kernel).epollWait},
	{Nr: unix.SYS_EPOLL_CTL, Name: "epoll_ctl", Args: []Arg{fd("epfd"), a("op", EpOp), fd("fd"), a("event", EpEvent)}, Scope: Armed, Do: (*Kernel).epollCtl, Saw: (*Kernel).sawEpollCtl},
	{Nr: unix.SYS_OPENAT, Name: "openat", Args: []Arg{a("dirfd", DirFD), a("path", Path), a("flags", OpenFlags), a("mode", Hex)}, Scope: Armed, Do: (*Kernel).openat, Saw: (*Kernel).sawOpen, Table: true},
	{Nr: unix.SYS_UNSHARE, Name: "unshare", Args: []Arg{a("flags", Hex)}, Scope: Armed, Do: (*Kernel).unshare, Saw: (*Kernel).sawUnshare, Table: true},
	{Nr: unix.SYS_PSELECT6, Name: "pselect6", Args: []Arg{a("nfds", Int), a("readfds", FDSet, 0), a("writefds", FDSet, 0), a("exceptfds", FDSet, 0), a("timeout", Timespec), a("sigmask", Ptr)}, Scope: Armed, Do: (*Kernel).pselect6},
	{Nr: unix.SYS_PPOLL, Name: "ppoll", Args: []Arg{a("fds", PollFDs, 1), a("nfds", Uint), a("timeout", Timespec), a("sigmask", SigMask, 4), a("sigsetsize", Uint)}, Scope: Armed, Do: (*Kernel).ppoll},
	{Nr: unix.SYS_SPLICE, Name: "splice", Args: []Arg{fd("fd_in"), a("off_in", OffIO), fd("fd_out"), a("off_out", OffIO), a("len", Uint), a("flags", SpliceFlags)}, Do: (*Kernel).splice},
	{Nr: unix.SYS_TEE, Name: "tee", Args: []Arg{fd("fd_in"), fd("fd_out"), a("len", Uint), a("flags", SpliceFlags)}, Do: (*Kernel).tee},
	{Nr: unix.SYS_VMSPLICE, Name: "vmsplice", Args: []Arg{fd("fd"), a("iov", IovIn, 2), a("nr_segs", Uint), a("flags", SpliceFlags)}, Do: (*Kernel).vmsplice},
	{Nr: unix.SYS_EPOLL_PWAIT, Name: "epoll_pwait", Args: []Arg{fd("epfd"), a("events", EpEvents, 2), a("maxevents", Int), a("timeout", Int), a("sigmask", SigMask, 5), a("sigsetsize", Uint)}, Scope: Armed, Do: (*Kernel).epollWait},
	{Nr: unix.SYS_EVENTFD, Name: "eventfd", Args: []Arg{a("count", Uint)}, Scope: Always, Do: (*Kernel).eventfd, Saw: (*Kernel).sawEventfd, Table: true},
	{Nr: unix.SYS_EVENTFD2, Name: "eventfd2", Args: []Arg{a("count", Uint), a("flags", EventfdFlags)}, Scope: Always, Do: (*Kernel).eventfd, Saw: (*Kernel).sawEventfd, Table: true},
	{Nr: unix.SYS_EPOLL_CREATE1, Name: "epoll_create1", Args: []Arg{a("flags", OpenFlags)}, Scope: Armed, Do: (*Kernel).epollCreate1, Saw: (*Kernel).sawEpollCreate, Table: true},
	{Nr: unix.SYS_DUP3, Name: "dup3", Args: []Arg{fd("oldfd"), fd("newfd"), a("flags", OpenFlags)}, Do: (*Kernel).dup3, Saw: (*Kernel).sawDup2, Table: true},
	{Nr: unix.SYS_PIPE2, Name: "pipe2", Args: []Arg{a("pipefd", FDPair), a("flags", PipeFlags)}, Scope: Always, Do: (*Kernel).pipe, Saw: (*Kernel).sawPipe, Table: true},
	{Nr: unix.SYS_RECVMMSG, Name: "recvmmsg", Args: []Arg{fd("sockfd"), a("msgvec", MMsgOut, 2), a("vlen", Uint), a("flags", MsgFlags), a("timeout", Timespec)}, Do: (*Kernel).recvmmsg, Table: true},
	{Nr: unix.SYS_SENDMMSG, Name: "sendmmsg", Args: []Arg{fd("sockfd"), a("msgvec", MMsgIn, 2), a("vlen", Uint), a("flags", MsgFlags)}, Scope: Armed, Do: (*Kernel).sendmmsg},
	{Nr: unix.SYS_KCMP, Name: "kcmp", Args: []Arg{a("pid1", Int), a("pid2", Int), a("type", Int), a("idx1", Hex), a("idx2", Hex)}, Scope: Armed, Do: (*Kernel).kcmp},
	{Nr: unix.SYS_PREADV2, Name: "preadv2", Args: []Arg{fd("fd"), a("iov", IovOut, 2), a("iovcnt", Uint), a("pos_l", Int), a("pos_h", Int), a("flags", Hex)}, Do: (*Kernel).preadv2},
	{Nr: unix.SYS_PWRITEV2, Name: "pwritev2", Args: []Arg{fd("fd"), a("iov", IovIn, 2), a("iovcnt", Uint), a("pos_l", Int), a("pos_h", Int), a("flags", Hex)}, Do: (*Kernel).pwritev2},
	{Nr: unix.SYS_IO_URING_SETUP, Name: "io_uring_setup", Args: []Arg{a("entries", Uint), a("params", Ptr)}, Scope: Always, Do: (*Kernel).escape},
	{Nr: unix.SYS_CLONE3, Name: "clone3", Args: []Arg{a("args", Ptr), a("size", Uint)}, Scope: Armed, Do: (*Kernel).clone3, Table: true},
	{Nr: unix.SYS_CLOSE_RANGE, Name: "close_range", Args: []Arg{a("first", Uint), a("last", Uint), a("flags", Hex)}, Scope: Armed, Do: (*Kernel).closeRange, Saw: (*Kernel).sawCloseRange, Table: true},
	{Nr: unix.SYS_OPENAT2, Name: "openat2", Args: []Arg{a("dirfd", DirFD), a("path", Path), a("how", Ptr), a("size", Uint)}, Scope: Armed, Do: (*Kernel).openat2, Saw: (*Kernel).sawOpen, Table: true},
	{Nr: unix.SYS_PIDFD_GETFD, Name: "pidfd_getfd", Args: []Arg{a("pidfd", Int), a("targetfd", Int), a("flags", Hex)}, Scope: Always, Do: (*Kernel).pidfdGetfd, Saw: (*Kernel).sawPidfdGetfd, Table: true},
	{Nr: unix.SYS_EPOLL_PWAIT2, Name: "epoll_pwait2", Args: []Arg{fd("epfd"), a("events", EpEvents, 2), a("maxevents", Int), a("timeout", Timespec), a("sigmask", SigMask, 5), a("sigsetsize", Uint)}, Scope: Armed, Do: (*Kernel).epollPwait2},
}

// fcntlCmds are the fcntl commands that concern the model; any other goes to the placeholder without a stop.
var fcntlCmds = []uint32{unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_SETFD, unix.F_SETFL, unix.F_SETPIPE_SZ,
	unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG}

// ByNr finds a row by its number.
func ByNr(nr uint64) *Syscall {
	if nr < uint64(len(byNr)) {
		return byNr[nr]
	}
	return nil
}

var byNr [512]*Syscall

func init() {
	for _, s := range Table {
		byNr[s.Nr] = s
	}
}
