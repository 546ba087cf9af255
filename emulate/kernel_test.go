package emulate_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// The kernel is the oracle: every call is made twice, on the model and on real objects of this process, with the
// same numbers, the same addresses and the same memory. The results and all of the memory must then be equal.
// Nothing here waits: every descriptor has O_NONBLOCK.

// The memory of both. It has a page that only can be read and one that cannot be touched at all.
const (
	arenaSize = 40 * emutest.PageSize // and a page behind it that cannot be touched
	locked    = 32 * emutest.PageSize // PROT_NONE
	constant  = 33 * emutest.PageSize // PROT_READ
	structs   = 34 * emutest.PageSize // where headers and iovecs are laid out
)

// A duet is the model and the kernel side by side.
type duet struct {
	t     testing.TB
	sim   *emutest.Sim
	task  *emutest.Task
	base  uint64 // of the arena, in both address spaces
	real  []byte
	fake  []byte
	top   uint64 // of what is laid out for the call that comes
	trail []string
	notes []string // about the call that comes
	fds   []int    // what is open

	// scribbles are the buffers for control messages of the call that comes: unix_stream_read_generic leaves names
	// there even if it fails, and does not say so in the header.
	scribbles [][]byte

	packets, urgent, names bool // of a socketpair: what its operations use
}

func newDuet(t testing.TB) *duet {
	d := &duet{t: t, fake: make([]byte, arenaSize)}
	real, err := unix.Mmap(-1, 0, arenaSize+emutest.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	d.real = real
	d.base = uint64(addressOf(real))
	unix.Mprotect(real[locked:constant], unix.PROT_NONE)
	unix.Mprotect(real[constant:structs], unix.PROT_READ)
	unix.Mprotect(real[arenaSize:], unix.PROT_NONE)
	d.sim, d.task = emutest.New()
	d.sim.Quiet = true
	d.sim.Sysctls["net/core/wmem_max"] = sysctl("net/core/wmem_max")
	d.sim.Sysctls["net/core/wmem_default"] = sysctl("net/core/wmem_default")
	d.task.Pid, d.task.Uid, d.task.Gid = int32(os.Getpid()), uint32(os.Getuid()), uint32(os.Getgid())
	d.task.Root = os.Getuid() == 0
	d.task.Mem.MapBytes(d.base, d.fake, emutest.Both)
	d.task.Mem.Protect(d.base+locked, constant-locked, emutest.None)
	d.task.Mem.Protect(d.base+constant, structs-constant, emutest.Read)
	return d
}

func sysctl(name string) int {
	raw, _ := os.ReadFile("/proc/sys/" + name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	return n
}

func (d *duet) close() {
	for _, fd := range d.fds {
		unix.Close(fd)
	}
	unix.Munmap(d.real)
}

// first is the lowest descriptor number that a duet uses; below it are the test process's own.
const first = 700

// open makes two descriptors in both and gives them the numbers fd and fd+1.
func (d *duet) open(nr, fd int, args ...uint64) {
	at := d.lay(uint64(0))
	for i := range args {
		if args[i] == here {
			args[i] = at
		}
	}
	var p [6]uint64
	copy(p[:], args)
	if _, _, e := unix.RawSyscall6(uintptr(nr), uintptr(p[0]), uintptr(p[1]), uintptr(p[2]), uintptr(p[3]), 0, 0); e != 0 {
		d.t.Fatalf("call %d: %v", nr, e)
	}
	d.task.Call(nr, args...)
	for i := range 2 {
		o := uint64(at-d.base) + 4*uint64(i)
		for _, m := range [][]byte{d.real, d.fake} {
			old := int(m[o]) | int(m[o+1])<<8
			if &m[0] == &d.real[0] {
				must(d.t, unix.Dup3(old, fd+i, 0))
				unix.Close(old)
			} else {
				d.task.Call(unix.SYS_DUP3, uint64(old), uint64(fd+i), 0)
				d.task.Close(old)
			}
			m[o], m[o+1] = 0, 0
		}
		d.fds = append(d.fds, fd+i)
	}
	d.top = 0
}

// here stands for the address where a call leaves its two numbers.
const here = ^uint64(0)

// openEpoll makes an epoll at fd.
func (d *duet) openEpoll(fd int) {
	n, err := unix.EpollCreate1(0)
	must(d.t, err)
	must(d.t, unix.Dup3(n, fd, 0))
	unix.Close(n)
	m := d.task.EpollCreate()
	d.task.Call(unix.SYS_DUP3, uint64(m), uint64(fd), 0)
	d.task.Close(m)
	d.fds = append(d.fds, fd)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lay puts values into both memories and returns their address. What was laid out goes when the call is made.
func (d *duet) lay(values ...any) uint64 {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case uint16:
			b = append(b, byte(v), byte(v>>8))
		case uint32:
			b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
		case uint64:
			for i := range 8 {
				b = append(b, byte(v>>(8*i)))
			}
		case []byte:
			b = append(b, v...)
		default:
			d.t.Fatalf("a %T", v)
		}
	}
	d.top = (d.top + 15) &^ 15
	at := structs + d.top
	d.top += uint64(len(b))
	copy(d.real[at:], b)
	copy(d.fake[at:], b)
	return d.base + at
}

// fill puts n bytes that are not the last ones into both memories.
func (d *duet) fill(off, n int, seed byte) {
	for i := range n {
		d.real[off+i] = seed + byte(i*7) + byte(i>>8)
	}
	copy(d.fake[off:off+n], d.real[off:off+n])
}

// call makes a call in both and compares. The result is the kernel's.
func (d *duet) call(what string, nr int, args ...uint64) int64 {
	var p [6]uint64
	copy(p[:], args)
	want := -int64(unix.EINTR)
	for want == -int64(unix.EINTR) { // a signal of the Go runtime's: select looks for one even if it does not wait
		r, _, e := unix.RawSyscall6(uintptr(nr), uintptr(p[0]), uintptr(p[1]), uintptr(p[2]), uintptr(p[3]), uintptr(p[4]), uintptr(p[5]))
		if want = int64(r); e != 0 {
			want = -int64(e)
		}
	}
	tr := d.task.Call(nr, args...)
	d.top = 0
	got := tr.Result()
	if tr.Signal != 0 {
		got = tr.Errno().Error()
		if n := unix.ErrnoName(tr.Errno()); n != "" {
			got = n
		}
	}
	d.trail = append(d.trail, fmt.Sprintf("%s %s %s = %s", what, d.show(args), d.notes, text(want)))
	d.notes = d.notes[:0]
	if got != text(want) {
		d.fail("the model says %s", got)
	}
	for i := max(int(want), 0) * 2; i < len(d.scribbles) && (nr != unix.SYS_RECVMSG || want < 0); i += 2 {
		copy(d.scribbles[i], d.scribbles[i+1])
	}
	d.scribbles = nil
	d.compare()
	return want
}

func text(ret int64) string {
	if ret < 0 && ret >= -4095 {
		return unix.ErrnoName(unix.Errno(-ret))
	}
	return strconv.FormatInt(ret, 10)
}

// show tells addresses as offsets in the arena.
func (d *duet) show(args []uint64) string {
	var out []string
	for _, a := range args {
		if a-d.base < arenaSize {
			out = append(out, fmt.Sprintf("+%#x", a-d.base))
		} else {
			out = append(out, strconv.FormatInt(int64(a), 10))
		}
	}
	return strings.Join(out, " ")
}

// compare holds the memories against each other.
func (d *duet) compare() {
	for _, part := range [][2]int{{0, locked}, {constant, arenaSize}} {
		x, y := d.real[part[0]:part[1]], d.fake[part[0]:part[1]]
		if bytes.Equal(x, y) {
			continue
		}
		i := 0
		for x[i] == y[i] {
			i++
		}
		d.fail("memory differs from +%#x on: % x in the kernel, % x in the model", part[0]+i, x[i:min(len(x), i+16)], y[i:min(len(y), i+16)])
	}
}

func (d *duet) fail(format string, args ...any) {
	d.t.Helper()
	d.t.Fatalf("after %d calls: %s\n%s", len(d.trail), fmt.Sprintf(format, args...), strings.Join(d.trail[max(0, len(d.trail)-25):], "\n"))
}
