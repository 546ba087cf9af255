package emulate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// A feed is the bytes of a fuzzer, from which operations are made until none are left.
type feed struct{ b []byte }

func (f *feed) byte() byte {
	if len(f.b) == 0 {
		return 0
	}
	x := f.b[0]
	f.b = f.b[1:]
	return x
}

func (f *feed) word() int { return int(f.byte()) | int(f.byte())<<8 }

// pick takes one of a list.
func pick[T any](f *feed, list ...T) T { return list[int(f.byte())%len(list)] }

// chance is true n times of 256.
func (f *feed) chance(n byte) bool { return f.byte() < n }

// random is a feed for a plain test.
func random(seed uint64, n int) *feed {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return &feed{b}
}

// size is a count of bytes, most often one at which something happens.
func (f *feed) size() int {
	switch f.byte() % 8 {
	case 0:
		return 0
	case 1, 2:
		return int(f.byte()) % 16
	case 3:
		return pick(f, 4095, 4096, 4097, 8191, 8192, 8193, 3776, 3777, 16064, 16065, 36544, 65536)
	case 4:
		return f.word() % 9000
	case 5:
		return f.word()
	}
	return f.word() % 700
}

// span is where in memory a buffer of n bytes lies: in the first 16 pages to be read, in the next 16 to be
// written, now and then where it cannot be all of it.
func (d *duet) span(f *feed, n int, in bool) uint64 {
	const half = locked / 2
	off := 0
	switch at := f.byte(); {
	case at < 6: // across the end of what can be touched
		off = locked - min(n, int(f.byte())*17)
	case at < 8:
		off = constant
	case at < 9:
		off = locked
	default:
		off = int(at) * 16 % emutest.PageSize
		if !in {
			off += half
		}
	}
	return d.base + uint64(off)
}

// refill changes the bytes from which writes are made.
func (d *duet) refill(f *feed) {
	const half = locked / 2
	off := int(f.byte()) * 256 % (half - 4096)
	d.fill(off, 4096, f.byte())
}

// iovecs lays out a few buffers.
func (d *duet) iovecs(f *feed, in bool) (addr, count uint64) {
	n := int(f.byte()) % 4
	var v []any
	for range n {
		size := f.size()
		v = append(v, d.span(f, size, in), uint64(size))
	}
	if n > 0 && f.chance(3) {
		v[1] = ^uint64(0)
	}
	for i := 0; i < len(v); i += 2 {
		d.notes = append(d.notes, fmt.Sprintf("%d bytes at %s", v[i+1], d.show([]uint64{v[i].(uint64)})))
	}
	return d.lay(v...), uint64(n)
}

// everyEvent is all that poll can be asked for.
const everyEvent = emulate.In | emulate.Out | emulate.Pri | emulate.RdHup | emulate.RdNorm | emulate.RdBand | emulate.WrNorm | emulate.WrBand

// poll asks for the readiness of all of them.
func (d *duet) poll(fds []int) {
	var v []any
	for _, fd := range fds {
		v = append(v, uint32(fd), uint16(everyEvent), uint16(0xffff))
	}
	at := d.lay(v...)
	d.call("poll", unix.SYS_POLL, at, uint64(len(fds)), 0)
	d.trail = d.trail[:len(d.trail)-1]
}

// count is an ioctl that tells a number.
func (d *duet) count(fd, cmd int) {
	at := d.lay(uint32(0xdddddddd))
	d.call("ioctl", unix.SYS_IOCTL, uint64(fd), uint64(cmd), at)
	d.trail = d.trail[:len(d.trail)-1]
}

// closing closes one descriptor in both.
func (d *duet) closing(fd int) { d.call("close", unix.SYS_CLOSE, uint64(fd)) }

// selecting asks select about some of the descriptors.
func (d *duet) selecting(f *feed, fds []int) {
	var sets [3]uint64
	var bits [3][13]uint64 // up to 832
	for i := range sets {
		for _, fd := range fds {
			if f.chance(128) {
				bits[i][fd/64] |= 1 << (fd % 64)
			}
		}
		var v []any
		for _, w := range bits[i] {
			v = append(v, w)
		}
		if f.chance(200) {
			sets[i] = d.lay(v...)
		}
	}
	zero := d.lay(uint64(0), uint64(0))
	nr := pick(f, unix.SYS_SELECT, unix.SYS_PSELECT6)
	d.call("select", nr, uint64(fds[len(fds)-1]+1), sets[0], sets[1], sets[2], zero, 0)
}

// seeds gives a fuzzer something to begin with.
func seeds(f *testing.F) {
	for i := range uint64(4) {
		f.Add(random(i, 300).b)
	}
}

// rounds is how many seeds a plain test runs.
func rounds(t *testing.T) int {
	switch {
	case os.Getenv("SLUICE_LONG") != "":
		return 1000
	case testing.Short():
		return 2
	}
	return 12
}
