package fault

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate/emutest"
)

// Whatever sound rules do to a stream, a writer and a reader that go by the manual move every byte, in order.
func TestStreamsSurvive(t *testing.T) {
	rules := []string{
		"%read:dir=read:short=random:prob=0.5", "%write:dir=write:short=random:prob=0.5", "read,readv:split:prob=0.5",
		"%read,%write:eagain=2:prob=0.2", "read,write,sendto,recvfrom:eintr:prob=0.2", "write:delay_enter=10us:prob=0.3",
		"read:delay_exit=10us:prob=0.3", "read:coalesce=5us:prob=0.3", "pipe2:capacity=1", "all:stall=20us:prob=0.1",
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var some []string
		for _, r := range rules {
			if rng.IntN(2) == 0 {
				some = append(some, r)
			}
		}
		b, a := set(t, some...)
		b.Quiet = true
		b.Seed = seed
		b.Layer = New(b.Config)
		b.Sim.Layers = append(b.Sim.Layers[:0], b.Layer)
		flags := []int{0, unix.O_NONBLOCK}[rng.IntN(2)]
		r, w := a.Pipe(flags)
		if rng.IntN(2) == 0 {
			w, r = a.Pair(unix.SOCK_STREAM | flags)
		}
		if err := play(b, rng, a, a.Clone(thread), r, w, flags != 0); err != nil {
			t.Fatalf("seed %d, %q: %v", seed, some, err)
		}
	}
}

// play moves some bytes from one task to the other.
func play(b *bench, rng *rand.Rand, from, to *emutest.Task, r, w int, nonblock bool) error {
	sent := make([]byte, 30000)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	var got []byte
	at := 0
	var writing, reading *emutest.Trap
	for range 20000 {
		if writing != nil && !writing.Blocked() {
			switch e := writing.Errno(); {
			case e != 0 && (e != unix.EAGAIN || !nonblock) && (e != unix.EINTR || nonblock):
				return fmt.Errorf("write: %v", e)
			case e == 0:
				at += int(writing.Ret)
			}
			writing = nil
		}
		if reading != nil && !reading.Blocked() {
			switch e := reading.Errno(); {
			case e != 0 && (e != unix.EAGAIN || !nonblock) && (e != unix.EINTR || nonblock):
				return fmt.Errorf("read: %v", e)
			case e == 0 && reading.Ret == 0:
				return fmt.Errorf("an end after %d bytes", len(got))
			}
			got = append(got, reading.Text()...)
			reading = nil
		}
		if len(got) == len(sent) {
			if !bytes.Equal(got, sent) {
				return fmt.Errorf("other bytes came")
			}
			return nil
		}
		switch rng.IntN(3) {
		case 0:
			if writing == nil && at < len(sent) {
				writing = from.Write(w, string(sent[at:min(len(sent), at+1+rng.IntN(9000))]))
			}
		case 1:
			if reading == nil {
				reading = to.Read(r, 1+rng.IntN(9000))
			}
		default:
			b.Sleep(int64(rng.IntN(20000)))
		}
	}
	return fmt.Errorf("only %d of %d bytes came", len(got), len(sent))
}
