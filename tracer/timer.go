package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ticker interrupts the tracing thread's wait4 with a signal at a time and, since a signal that comes just
// before the wait is lost on it, again every millisecond until it is stopped.
type ticker struct {
	id int32
	at int64 // armed for; 0 when it is not, or went off
	on bool  // it goes off, or will
}

const tick = int64(1e6)

// tickSignal is one that the Go runtime's own handler takes and forgets (with asyncpreemptoff=1).
const tickSignal = unix.SIGURG

type sigactiont struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// sigflags changes the flags of a signal's action and leaves the rest as Go set it.
func sigflags(sig unix.Signal, set, reset uint64) {
	var sa sigactiont
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&sa)), 8, 0, 0)
	sa.flags = sa.flags&^reset | set
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&sa)), 0, 8, 0, 0)
}

func newTicker() *ticker {
	const saRestart, saNoCldStop = 0x10000000, 1
	sigflags(tickSignal, 0, saRestart)
	sigflags(unix.SIGCHLD, saNoCldStop, 0)
	const sigevThreadID = 4
	ev := struct {
		value  uint64
		signo  int32
		notify int32
		tid    int32
		pad    [44]byte
	}{signo: int32(tickSignal), notify: sigevThreadID, tid: int32(unix.Gettid())}
	t := &ticker{}
	unix.RawSyscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&ev)), uintptr(unsafe.Pointer(&t.id)))
	return t
}

// arm makes the ticker go off at a time, or earlier if it was armed so; 0 stops it.
func (t *ticker) arm(at int64) {
	if at == 0 && !t.on || at != 0 && t.at != 0 && t.at <= at {
		return
	}
	t.at, t.on = at, at != 0
	spec := [4]int64{0, 0, 0, 0}
	if at != 0 {
		spec = [4]int64{0, tick, at / 1e9, at % 1e9}
	}
	const absolute = 1
	unix.RawSyscall6(unix.SYS_TIMER_SETTIME, uintptr(t.id), absolute, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}
