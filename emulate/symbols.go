package emulate

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A sign is the name of a bit, of several together, or of a number.
type sign struct {
	value uint64
	name  string
}

// flags shows a set of bits; signs of several bits stand before those of one.
func flags(x uint64, signs []sign) Shown {
	if x == 0 {
		return symbol("0")
	}
	var names []string
	for _, s := range signs {
		if s.value != 0 && x&s.value == s.value {
			names = append(names, s.name)
			x &^= s.value
		}
	}
	if x != 0 {
		names = append(names, "0x"+strconv.FormatUint(x, 16))
	}
	return symbol(strings.Join(names, "|"))
}

// enum shows one of several numbers.
func enum(x uint64, signs []sign) Shown {
	for _, s := range signs {
		if s.value == x {
			return symbol(s.name)
		}
	}
	return symbol(strconv.FormatInt(int64(int32(x)), 10))
}

// symbolic shows the arguments that are words with names.
func symbolic(c *Call, k ArgKind, x uint64) (Shown, bool) {
	x32 := uint64(uint32(x))
	switch k {
	case OpenFlags:
		return openFlags(x32, has(c, Path)), true
	case PipeFlags:
		return flags(x32, openBits), true
	case EventfdFlags:
		return flags(x32, eventfdBits), true
	case SockDomain:
		return enum(x32, families), true
	case SockType:
		s := enum(x32&0xf, sockTypes)
		if rest := x32 &^ 0xf; rest != 0 {
			return symbol(s.Text + "|" + flags(rest, sockBits).Text), true
		}
		return s, true
	case MsgFlags:
		return flags(x32, msgFlags), true
	case ShutHow:
		return enum(x32, hows), true
	case FcntlCmd:
		return enum(x32, fcntlNames), true
	case IoctlCmd:
		s := enum(x32, ioctlNames)
		if s.Text[0] < 'A' {
			return word(x32), true
		}
		return s, true
	case SockLevel:
		return enum(x32, levels), true
	case EpOp:
		return enum(x32, epOps), true
	case SpliceFlags:
		return flags(x32, spliceBits), true
	}
	return Shown{}, false
}

// openFlags shows O_RDONLY, which is no bit, only where an access mode is meant.
func openFlags(x uint64, mode bool) Shown {
	access := [4]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[x&unix.O_ACCMODE]
	rest := flags(x&^unix.O_ACCMODE, openBits)
	switch {
	case x&unix.O_ACCMODE == 0 && !mode:
		return rest
	case x&^unix.O_ACCMODE == 0:
		return symbol(access)
	}
	return symbol(access + "|" + rest.Text)
}

// fcntlArg shows the third argument of fcntl by the command.
func fcntlArg(cmd uint32, x uint64) Shown {
	switch cmd {
	case unix.F_SETFD:
		return flags(x, []sign{{unix.FD_CLOEXEC, "FD_CLOEXEC"}})
	case unix.F_SETFL:
		return openFlags(x, false)
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_SETPIPE_SZ, unix.F_SETOWN, unix.F_SETSIG:
		return number(int64(int32(x)))
	}
	return word(x)
}

func sockopt(level uint32, x uint64) Shown {
	if level == unix.SOL_SOCKET {
		return enum(uint64(uint32(x)), sockopts)
	}
	return number(int64(int32(x)))
}

var openBits = []sign{{unix.O_SYNC, "O_SYNC"}, {unix.O_TMPFILE, "O_TMPFILE"},
	{unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_NOCTTY, "O_NOCTTY"}, {unix.O_TRUNC, "O_TRUNC"},
	{unix.O_APPEND, "O_APPEND"}, {unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_DSYNC, "O_DSYNC"}, {unix.O_ASYNC, "O_ASYNC"},
	{unix.O_DIRECT, "O_DIRECT"}, {0x8000, "O_LARGEFILE"}, {unix.O_DIRECTORY, "O_DIRECTORY"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"},
	{unix.O_NOATIME, "O_NOATIME"}, {unix.O_CLOEXEC, "O_CLOEXEC"}, {unix.O_PATH, "O_PATH"}}

var eventfdBits = []sign{{unix.EFD_SEMAPHORE, "EFD_SEMAPHORE"}, {unix.EFD_CLOEXEC, "EFD_CLOEXEC"}, {unix.EFD_NONBLOCK, "EFD_NONBLOCK"}}

var families = []sign{{unix.AF_UNSPEC, "AF_UNSPEC"}, {unix.AF_UNIX, "AF_UNIX"}, {unix.AF_INET, "AF_INET"},
	{unix.AF_INET6, "AF_INET6"}, {unix.AF_NETLINK, "AF_NETLINK"}, {unix.AF_PACKET, "AF_PACKET"}, {unix.AF_VSOCK, "AF_VSOCK"}}

var sockTypes = []sign{{unix.SOCK_STREAM, "SOCK_STREAM"}, {unix.SOCK_DGRAM, "SOCK_DGRAM"}, {unix.SOCK_RAW, "SOCK_RAW"},
	{unix.SOCK_SEQPACKET, "SOCK_SEQPACKET"}}

var sockBits = []sign{{unix.SOCK_CLOEXEC, "SOCK_CLOEXEC"}, {unix.SOCK_NONBLOCK, "SOCK_NONBLOCK"}}

var msgFlags = []sign{{unix.MSG_OOB, "MSG_OOB"}, {unix.MSG_PEEK, "MSG_PEEK"}, {unix.MSG_DONTROUTE, "MSG_DONTROUTE"},
	{unix.MSG_CTRUNC, "MSG_CTRUNC"}, {unix.MSG_TRUNC, "MSG_TRUNC"}, {unix.MSG_DONTWAIT, "MSG_DONTWAIT"}, {unix.MSG_EOR, "MSG_EOR"},
	{unix.MSG_WAITALL, "MSG_WAITALL"}, {unix.MSG_CONFIRM, "MSG_CONFIRM"}, {unix.MSG_ERRQUEUE, "MSG_ERRQUEUE"},
	{unix.MSG_NOSIGNAL, "MSG_NOSIGNAL"}, {unix.MSG_MORE, "MSG_MORE"}, {unix.MSG_WAITFORONE, "MSG_WAITFORONE"},
	{unix.MSG_ZEROCOPY, "MSG_ZEROCOPY"}, {unix.MSG_FASTOPEN, "MSG_FASTOPEN"}, {unix.MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"}}

var hows = []sign{{unix.SHUT_RD, "SHUT_RD"}, {unix.SHUT_WR, "SHUT_WR"}, {unix.SHUT_RDWR, "SHUT_RDWR"}}

var fcntlNames = []sign{{unix.F_DUPFD, "F_DUPFD"}, {unix.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"}, {unix.F_GETFD, "F_GETFD"},
	{unix.F_SETFD, "F_SETFD"}, {unix.F_GETFL, "F_GETFL"}, {unix.F_SETFL, "F_SETFL"}, {unix.F_GETPIPE_SZ, "F_GETPIPE_SZ"},
	{unix.F_SETPIPE_SZ, "F_SETPIPE_SZ"}, {unix.F_GETOWN, "F_GETOWN"}, {unix.F_SETOWN, "F_SETOWN"}, {unix.F_GETOWN_EX, "F_GETOWN_EX"},
	{unix.F_SETOWN_EX, "F_SETOWN_EX"}, {unix.F_GETSIG, "F_GETSIG"}, {unix.F_SETSIG, "F_SETSIG"}}

var ioctlNames = []sign{{fionread, "FIONREAD"}, {fionbio, "FIONBIO"}, {fioasync, "FIOASYNC"}, {fioclex, "FIOCLEX"},
	{fionclex, "FIONCLEX"}, {siocoutq, "SIOCOUTQ"}, {siocatmark, "SIOCATMARK"}}

var levels = []sign{{unix.SOL_SOCKET, "SOL_SOCKET"}, {unix.IPPROTO_IP, "SOL_IP"}, {unix.IPPROTO_TCP, "SOL_TCP"},
	{unix.IPPROTO_UDP, "SOL_UDP"}, {unix.IPPROTO_IPV6, "SOL_IPV6"}}

var sockopts = []sign{{unix.SO_TYPE, "SO_TYPE"}, {unix.SO_ERROR, "SO_ERROR"}, {unix.SO_SNDBUF, "SO_SNDBUF"}, {unix.SO_RCVBUF, "SO_RCVBUF"},
	{unix.SO_SNDBUFFORCE, "SO_SNDBUFFORCE"}, {unix.SO_RCVBUFFORCE, "SO_RCVBUFFORCE"}, {unix.SO_PASSCRED, "SO_PASSCRED"},
	{unix.SO_PEERCRED, "SO_PEERCRED"}, {unix.SO_RCVLOWAT, "SO_RCVLOWAT"}, {unix.SO_SNDLOWAT, "SO_SNDLOWAT"},
	{unix.SO_RCVTIMEO, "SO_RCVTIMEO"}, {unix.SO_SNDTIMEO, "SO_SNDTIMEO"}, {unix.SO_DOMAIN, "SO_DOMAIN"}, {unix.SO_PROTOCOL, "SO_PROTOCOL"},
	{unix.SO_ACCEPTCONN, "SO_ACCEPTCONN"}, {unix.SO_REUSEADDR, "SO_REUSEADDR"}, {unix.SO_KEEPALIVE, "SO_KEEPALIVE"},
	{unix.SO_LINGER, "SO_LINGER"}, {unix.SO_PEEK_OFF, "SO_PEEK_OFF"}, {unix.SO_PASSSEC, "SO_PASSSEC"}, {unix.SO_PEERSEC, "SO_PEERSEC"},
	{unix.SO_TIMESTAMP, "SO_TIMESTAMP"}, {unix.SO_COOKIE, "SO_COOKIE"}, {unix.SO_PEERPIDFD, "SO_PEERPIDFD"}, {unix.SO_PASSPIDFD, "SO_PASSPIDFD"}}

var epOps = []sign{{unix.EPOLL_CTL_ADD, "EPOLL_CTL_ADD"}, {unix.EPOLL_CTL_DEL, "EPOLL_CTL_DEL"}, {unix.EPOLL_CTL_MOD, "EPOLL_CTL_MOD"}}

var spliceBits = []sign{{unix.SPLICE_F_MOVE, "SPLICE_F_MOVE"}, {unix.SPLICE_F_NONBLOCK, "SPLICE_F_NONBLOCK"},
	{unix.SPLICE_F_MORE, "SPLICE_F_MORE"}, {unix.SPLICE_F_GIFT, "SPLICE_F_GIFT"}}

var pollEvents = eventSigns("POLL", sign{uint64(nval), "POLLNVAL"}, sign{unix.POLLRDHUP, "POLLRDHUP"})

var epollBits = eventSigns("EPOLL", sign{unix.EPOLLRDHUP, "EPOLLRDHUP"}, sign{unix.EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"},
	sign{unix.EPOLLWAKEUP, "EPOLLWAKEUP"}, sign{unix.EPOLLONESHOT, "EPOLLONESHOT"}, sign{1 << 31, "EPOLLET"})

// eventSigns are the bits that poll and epoll share, under the names of one of them.
func eventSigns(prefix string, own ...sign) []sign {
	signs := []sign{{uint64(In), "IN"}, {uint64(Pri), "PRI"}, {uint64(Out), "OUT"}, {uint64(Err), "ERR"}, {uint64(Hup), "HUP"},
		{uint64(RdNorm), "RDNORM"}, {uint64(RdBand), "RDBAND"}, {uint64(WrNorm), "WRNORM"}, {uint64(WrBand), "WRBAND"}}
	for i := range signs {
		signs[i].name = prefix + signs[i].name
	}
	return append(signs, own...)
}
