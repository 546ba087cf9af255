package fault

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Which errors a call can meet though everything about it is right: the ERRORS sections of the manual pages, without
// what only a wrong argument brings. EINTR and EAGAIN depend on the descriptor besides (sound.go).
var errorsOf = map[string]string{
	"read readv preadv2":           "EAGAIN EINTR EIO ECONNRESET ETIMEDOUT",
	"recvfrom recvmsg recvmmsg":    "EAGAIN EINTR ECONNREFUSED ECONNRESET ENOMEM ETIMEDOUT",
	"write writev pwritev2":        "EAGAIN EINTR EIO EPIPE ENOSPC EDQUOT EFBIG EPERM ECONNRESET ENOBUFS ENOMEM",
	"sendto sendmsg sendmmsg":      "EAGAIN EINTR EPIPE ECONNRESET ECONNREFUSED ENOBUFS ENOMEM",
	"splice tee vmsplice sendfile": "EAGAIN EINTR EIO ENOMEM EPIPE",
	"poll ppoll select pselect6":   "EINTR ENOMEM",
	"epoll_wait epoll_pwait":       "EINTR",
	"epoll_pwait2":                 "EINTR ENOSYS",
	"epoll_create epoll_create1":   "EMFILE ENFILE ENOMEM",
	"epoll_ctl":                    "ENOMEM ENOSPC",
	"pipe pipe2":                   "EMFILE ENFILE ENOMEM",
	"socketpair":                   "EMFILE ENFILE ENOBUFS ENOMEM",
	"dup dup2 dup3":                "EMFILE ENOMEM EBUSY EINTR",
	"fcntl":                        "EMFILE EPERM EBUSY ENOMEM",
	"ioctl":                        "ENOMEM",
	"open openat openat2 creat":    "EACCES EBUSY EDQUOT EEXIST EINTR EIO ELOOP EMFILE ENFILE ENODEV ENOENT ENOMEM ENOSPC ENXIO EPERM EROFS ETXTBSY EOVERFLOW ESTALE",
	"fork vfork clone":             "EAGAIN ENOMEM ENOSPC EPERM EUSERS",
	"clone3":                       "EAGAIN ENOMEM ENOSPC ENOSYS EPERM EUSERS",
	"unshare":                      "ENOMEM ENOSPC EPERM EUSERS",
	"connect":                      "EACCES EADDRNOTAVAIL EAGAIN ECONNREFUSED EINTR ENETUNREACH ENOENT EPERM ETIMEDOUT",
	"bind":                         "EACCES EADDRINUSE EADDRNOTAVAIL ENOENT ENOMEM EROFS",
	"shutdown":                     "ENOTCONN",
	"setsockopt getsockopt":        "ENOBUFS ENOMEM EPERM",
	"io_setup":                     "EAGAIN ENOMEM ENOSYS",
	"io_uring_setup":               "EMFILE ENFILE ENOMEM ENOSYS EPERM",
	"pidfd_getfd":                  "EMFILE ENOSYS EPERM ESRCH",
	"close_range":                  "EMFILE ENOMEM ENOSYS",
	"sched_setaffinity":            "EPERM ESRCH",
	"sched_getaffinity":            "ESRCH",
	"eventfd eventfd2":             "EMFILE ENFILE ENODEV ENOMEM",
	"kcmp":                         "EPERM ESRCH",
	"alarm setitimer":              "", // where the table has them
	"close":                        "",
}

// possible tells whether the kernel may answer a call with an error.
func possible(sys *emulate.Syscall, e unix.Errno) bool {
	return slices.Contains(strings.Fields(errorsBy[sys.Name]), unix.ErrnoName(e))
}

var errorsBy = map[string]string{}

func init() {
	for names, list := range errorsOf {
		for _, name := range strings.Fields(names) {
			errorsBy[name] = list
		}
	}
}
