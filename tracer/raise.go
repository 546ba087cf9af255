package tracer

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The signals of O_ASYNC. Their siginfo (SI_KERNEL, or F_SETSIG's with POLL_IN, descriptor and band) only the
// kernel can make, and a program that takes them by sigwaitinfo or a signalfd never passes a stop where the tracer
// could put it right. So the placeholder is made to raise them: O_ASYNC, owner and signal are set on it as well, and
// a byte put into it and taken out again is what the kernel signals.

// Raise signals f's owner.
func (h *host) Raise(f *emulate.File, band emulate.Events) {
	owner, sig, fd := f.Fasync()
	if owner.Pid == 0 {
		return
	}
	done := false
	switch x := f.Object().(type) {
	case *emulate.Pipe:
		done = h.stir(f)
	case *emulate.Socket:
		if p := x.Peer(); band != emulate.Out && p != nil && !x.Riding() {
			done = h.knock(f, p, band == emulate.Pri)
		}
	}
	if !done {
		forge(owner, sig, fd, band)
	}
}

// forge has the kernel signal an owner for a pipe of the tracer's own. It tells the right descriptor where that
// number is free here.
func forge(owner emulate.Owner, sig unix.Signal, fd int, band emulate.Events) {
	var p [2]int
	var err error
	if band == emulate.Pri { // SIGURG tells nothing of a descriptor (fs/fcntl.c: send_sigurg)
		p, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	} else {
		err = unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	}
	if err != nil {
		return
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	end := p[0]
	if band == emulate.Out {
		end = p[1]
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == unix.EBADF && unix.Dup3(end, fd, unix.O_CLOEXEC) == nil {
		defer unix.Close(fd)
		end = fd
	}
	who := struct{ kind, pid int32 }{1, int32(owner.Pid)} // F_OWNER_PID
	switch {
	case owner.Thread:
		who.kind = 0 // F_OWNER_TID
	case owner.Pid < 0:
		who = struct{ kind, pid int32 }{2, int32(-owner.Pid)} // F_OWNER_PGRP
	}
	unix.Syscall(unix.SYS_FCNTL, uintptr(end), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&who)))
	one := []byte{0}
	if band == emulate.Pri {
		unix.Send(p[1], one, unix.MSG_OOB)
		return
	}
	unix.FcntlInt(uintptr(end), unix.F_SETSIG, int(sig))
	if band == emulate.Out {
		unix.Write(p[1], one)
	}
	unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_ASYNC|unix.O_NONBLOCK)
	if band == emulate.Out {
		unix.Read(p[0], one)
	} else {
		unix.Write(p[1], one)
	}
	unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_NONBLOCK)
}

// stir passes a byte through a pipe's placeholder. The other end's owner is signalled too, if it has O_ASYNC set.
func (h *host) stir(f *emulate.File) bool {
	m, fd, ok := h.t.kernel.Holder(f)
	if !ok {
		return false
	}
	n, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", m.TID, fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(n)
	var b [1]byte
	if _, err := unix.Write(n, b[:]); err != nil {
		return false
	}
	unix.Read(n, b[:])
	return true
}

// knock sends a byte, urgent or not, to a socket's placeholder and takes it out again.
func (h *host) knock(f *emulate.File, peer *emulate.Socket, urgent bool) bool {
	flags := 0
	if urgent {
		flags = unix.MSG_OOB
	}
	to, from := h.open(f), h.open(peer.File())
	defer rawClose(to)
	defer rawClose(from)
	var b [1]byte
	if to < 0 || from < 0 || unix.Send(from, b[:], flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) != nil {
		return false
	}
	unix.Recvfrom(to, b[:], flags|unix.MSG_DONTWAIT)
	return true
}
