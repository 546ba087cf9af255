package emulate_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// fs/eventfd.c.
func TestEventfd(t *testing.T) {
	plays(t, []rule{
		{"a read takes it all", `
			eventfd e 3
			poll e = IN|OUT
			add e 4
			take e = 7
			poll e = OUT
			B: take e = blocked
			add e 0 = 8
			B = blocked
			add e 9
			B = 9`},
		{"a semaphore gives one", `
			race
			eventfd e 0 SEMAPHORE
			B: take e = blocked
			C: take e = blocked
			D: take e = blocked
			add e 2
			B = 1
			C = 1
			D = blocked
			add e 5
			D = 1
			take e = 1
			poll e = IN|OUT`},
		{"the largest count", `
			eventfd e 0 NONBLOCK
			add e 18446744073709551615 = EINVAL
			add e 18446744073709551614
			poll e = IN
			add e 1 = EAGAIN
			add e 0 = 8
			take e = 18446744073709551614
			add e 18446744073709551613
			poll e = IN|OUT
			add e 1
			poll e = IN`},
		{"writers wait for room, each for its own", `
			eventfd e 0 SEMAPHORE
			add e 18446744073709551614
			B: add e 2 = blocked
			C: add e 1 = blocked
			take e = 1
			C = 8
			B = blocked
			take e = 1
			take e = 1
			B = 8
			poll e = IN`},
		{"a signal ends a wait or begins it anew", `
			eventfd e 0
			B: take e = blocked
			B interrupt = EINTR
			B: take e = blocked
			B interrupt restart = blocked
			add e 1
			B = 1
			add e 18446744073709551614
			B: add e 3 = blocked
			B interrupt restart = blocked
			B interrupt = EINTR`},
		{"writev is a write for each", `
			eventfd e 0
			add e 1 2 3 = 24
			take e = 6
			B: add e 18446744073709551614 1 2 = blocked
			take e = 18446744073709551614
			B = 24
			take e = 3
			B: add e 5 18446744073709551614 = blocked
			B interrupt restart = 8
			take e = 5
			add e 5 18446744073709551615 = 8`},
		{"who sleeps does not hear of O_NONBLOCK", `
			eventfd e 0
			B: take e = blocked
			setfl e NONBLOCK
			add e 0
			B = blocked
			take e = EAGAIN
			add e 1
			B = 1`},
		{"edges at every write and every read", `
			eventfd e 0 NONBLOCK
			epoll p
			watch p e IN OUT ET
			wait p 0 = e:OUT
			wait p 0 = nothing
			add e 1
			wait p 0 = e:IN|OUT
			add e 1
			wait p 0 = e:IN|OUT
			add e 0
			wait p 0 = e:IN|OUT
			take e = 2
			wait p 0 = e:OUT
			take e = EAGAIN
			wait p 0 = nothing`},
		{"an exclusive epoll that takes the event hides it from who waits behind", `
			eventfd e 0
			epoll p
			watch p e IN EXCLUSIVE
			B: wait p -1 = blocked
			C: take e = blocked
			add e 1
			B = e:IN
			C = blocked
			add e 1
			C = 2`},
		{"one shot", `
			eventfd e 1
			epoll p
			watch p e IN ONESHOT
			wait p 0 = e:IN
			add e 1
			wait p 0 = nothing
			rewatch p e IN
			wait p 0 = e:IN
			wait p 0 = e:IN`},
		{"pollers are woken by what they asked for", `
			eventfd e 0
			B: pollwait e IN -1 = blocked
			add e 0
			B = blocked
			add e 1
			B = IN
			take e
			add e 18446744073709551614
			B: pollwait e OUT -1 = blocked
			add e 0
			B = blocked
			take e
			B = OUT`},
		{"a reader keeps what is closed", `
			eventfd e 0
			dup e f
			B: take e = blocked
			close e
			add f 1
			B = 1`},
	})
}

// A count to begin with is the model's alone: it comes to the placeholder when that becomes the true one.
func TestEventfdDemoted(t *testing.T) {
	sim, a := emutest.New()
	fd := a.Eventfd(5, unix.EFD_NONBLOCK)
	b := a.Clone(unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_THREAD)
	idle := a.Eventfd(0, 0)
	wait := b.Read(idle, 8)
	a.Add(fd, 2)
	a.Call(unix.SYS_IO_URING_SETUP, 1, 0)
	if len(sim.Demoted) != 2 {
		t.Fatal(sim.Demoted)
	}
	if tr := a.Read(fd, 8); tr.Ret != 8 || a.Mem.Uint(tr.Args[1], 8) != 7 {
		t.Errorf("the kernel has a count of %d", a.Mem.Uint(tr.Args[1], 8))
	}
	a.Add(idle, 3)
	if wait.Blocked() || wait.Ret != 8 {
		t.Errorf("who slept on it: %v", wait.Result())
	}
}

// Whether a write may be longer than a count is asked of the kernel, once.
func TestEventfdLongWrites(t *testing.T) {
	for _, long := range []bool{false, true} {
		sim, a := emutest.New()
		sim.LongWrites = long
		fd := a.Eventfd(0, unix.EFD_NONBLOCK)
		at := a.Mem.Lay(uint64(6), uint64(1))
		v := a.Mem.Lay(at, uint64(8), at, uint64(9), at, uint64(8))
		want, vector := "EINVAL", "8"
		if long {
			want, vector = "8", "16"
		}
		for range 2 {
			if got := a.Call(unix.SYS_WRITE, uint64(fd), at, 16).Result(); got != want {
				t.Errorf("%v: 16 bytes: %s", long, got)
			}
			if got := a.Call(unix.SYS_WRITEV, uint64(fd), v, 3).Result(); got != vector {
				t.Errorf("%v: a writev: %s", long, got)
			}
		}
		if got := a.State(fd); got != "IN|OUT" {
			t.Error(got)
		}
	}
}

// What signals eventfds in the kernel is to find the true ones.
func TestEventfdOfDevices(t *testing.T) {
	sim, a := emutest.New()
	fd := a.Eventfd(1, 0)
	at := a.Mem.Lay([]byte("/dev/kvm\x00"))
	a.Call(unix.SYS_OPENAT, ^uint64(99), at, unix.O_RDWR)
	if sim.Demoted != nil {
		t.Fatal(sim.Demoted) // there is none
	}
	sim.Devices = true
	a.Call(unix.SYS_OPENAT, ^uint64(99), at, unix.O_RDWR)
	if len(sim.Demoted) != 1 || sim.Demoted[0] != "eventfd:1: opening /dev/kvm" {
		t.Error(sim.Demoted)
	}
	if a.Files.Get(fd) != nil || a.Files.Get(a.Eventfd(0, 0)) != nil {
		t.Error("the model serves an eventfd still")
	}
	if r, _ := a.Pipe(0); a.Files.Get(r) == nil {
		t.Error("nor does it serve a pipe")
	}
}
