package emulate_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// pipe(7) and fs/pipe.c, as kernel-facts/ saw them.
func TestPipe(t *testing.T) {
	plays(t, []rule{
		{"slots are full, not bytes: 2049 do not share a page", `
			pipe r w NONBLOCK
			write w 34833 = 34833
			close r
			pipe r w NONBLOCK
			write w 2049
			write w 2049
			write w 2049
			inq r = 6147
			size w 16384 = 16384
			write w 2049 = 2049
			write w 2049 = EAGAIN
			inq w = 8196`},
		{"a small write is appended to the last page, all of it or nothing", `
			pipe r w NONBLOCK
			size w 4096
			write w 4000
			write w 96 = 96
			write w 1 = EAGAIN
			read r 4095 = 4095
			write w 1 = EAGAIN
			read r 1 = "z"
			write w 1 = 1`},
		{"a write can succeed where poll sees no room", `
			pipe r w NONBLOCK
			size w 4096
			write w "ab"
			poll w = 0
			write w "cd" = 2
			poll r = IN
			read r 10 = "abcd"
			poll w = OUT`},
		{"PIPE_BUF bytes go whole or not at all", `
			pipe r w NONBLOCK
			size w 8192
			write w 4100
			write w 4096 = EAGAIN
			write w 4097 = 1
			write w 3 = 3
			read r 8192 = 4104`},
		{"more than PIPE_BUF may be a part", `
			pipe r w NONBLOCK
			write w 70000 = 65536
			write w 1 = EAGAIN
			read r 5000 = 5000
			write w 9000 = 4096`},
		{"packets", `
			pipe r w NONBLOCK DIRECT
			write w "one"
			write w "two"
			write w 5000
			inq r = 5006
			read r 2 = "on"
			read r 10 = "two"
			read r 10000 = 4096
			read r 10000 = 904
			write w 0 = 0
			read r 1 = EAGAIN`},
		{"what is written to a packet's pipe joins only a page that was no packet", `
			pipe r w NONBLOCK
			write w "ab"
			setfl w DIRECT NONBLOCK
			write w "cd"
			write w 4096
			setfl w NONBLOCK
			write w "ef"
			read r 4 = "abcd"
			read r 10 = "zzzzzzzzzz"
			read r 10 = "ef"`},
		{"F_SETPIPE_SZ", `
			pipe r w NONBLOCK
			size w 0 = 4096
			size r 4097 = 8192
			size w 100000 = 131072
			size w 2147483649 = EINVAL
			size w 2097152 = EPERM
			write w 12289
			size w 8192 = EBUSY
			size w 16384 = 16384
			read r 4096
			read r 4096
			size w 8192 = 8192`},
		{"the ends", `
			pipe r w NONBLOCK
			poll r = 0
			write w "x"
			close w
			poll r = IN|HUP
			read r 10 = "x"
			poll r = HUP
			read r 10 = 0
			pipe r w NONBLOCK
			close r
			poll w = OUT|ERR
			write w 0 = 0
			write w "x" = EPIPE SIGPIPE
			read w 1 = EBADF`},
		{"a full pipe without readers is only in error", `
			pipe r w NONBLOCK
			write w 65536
			close r
			poll w = ERR`},
		{"waiting", `
			pipe r w
			B: read r 10 = blocked
			C: read r 10 = blocked
			write w "first"
			B = "first"
			C = blocked
			D: write w 65537 = blocked
			C = "zzzzzzzzzz"
			read r 65526 = 65526
			D = 65537
			read r 10 = "z"
			E: read r 1 = blocked
			close w
			E = 0`},
		{"writers take turns: who waits again goes to the tail", `
			pipe r w
			size w 4096
			B: write w 12288 = blocked
			C: write w "c" = blocked
			read r 4096
			B = blocked
			C = blocked
			read r 4096
			C = 1
			B = blocked
			read r 10 = "c"
			B = 12288`},
		{"a signal leaves a short count, or nothing at all", `
			pipe r w
			B: write w 65540 = blocked
			B interrupt restart = 65536
			B: write w "x" = blocked
			B interrupt = EINTR
			B: write w "x" = blocked
			B interrupt restart = blocked
			read r 4096
			B = 1`},
		{"a reader that is closed elsewhere reads on", `
			pipe r w
			B: read r 5 = blocked
			close r
			write w "x" = 1
			B = "x"
			write w "x" = EPIPE SIGPIPE`},
	})
}

// What cannot be read or written in memory ends a transfer: an error if nothing moved, else a short count. A slot
// counts only when all of it was stored (fs/pipe.c: anon_pipe_read, anon_pipe_write).
func TestPipeFault(t *testing.T) {
	const page = emutest.PageSize
	for _, c := range []struct {
		name   string
		filled int // bytes in the pipe
		write  bool
		good   int // bytes of the buffer before what is not there
		size   int
		want   string
		left   int // bytes in the pipe then
	}{
		{"write, nothing there", 0, true, 0, 10, "EFAULT", 0},
		{"write, half a page there", 0, true, 2000, 4096, "EFAULT", 0},
		{"write, the second page not there", 0, true, page, 2 * page, "4096", page},
		{"write, half of the second page there", 0, true, page + 7, 2 * page, "4096", page},
		{"write, what would be appended not there", 10, true, 3, 10, "EFAULT", 10},
		{"write, appended and no more there", 10, true, 100, page + 100, "100", 110},
		{"read, nothing there", 10, false, 0, 10, "EFAULT", 10},
		{"read, half a slot there", 10, false, 5, 10, "EFAULT", 10},
		{"read, the first slot there", page + 10, false, page, page + 10, "4096", 10},
		{"read, half of the second slot there", page + 10, false, page + 5, page + 10, "4096", 10},
		{"read, more than there is", 10, false, 10, 20, "10", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, a := emutest.New()
			r, w := a.Pipe(unix.O_NONBLOCK)
			a.Write(w, strings.Repeat("f", c.filled))
			pages := (c.good + page - 1) / page * page
			const base = 0x40000000
			a.Mem.Map(base, pages, emutest.Both)
			nr, fd := unix.SYS_READ, r
			if c.write {
				nr, fd = unix.SYS_WRITE, w
			}
			tr := a.Call(nr, uint64(fd), base+uint64(pages-c.good), uint64(c.size))
			if got := tr.Result(); got != c.want {
				t.Errorf("result %s, want %s", got, c.want)
			}
			if got := a.Ioctl(r, unix.TIOCINQ); got != c.left {
				t.Errorf("%d bytes in the pipe, want %d", got, c.left)
			}
		})
	}
}
