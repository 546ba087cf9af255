package stack

import (
	"math/rand/v2"
	"testing"
)

// A file may claim anything: what is read of it ends, and breaks nothing.
func TestGarbage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := make([]byte, rng.IntN(96))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if len(b) > 32 { // as far as the lengths go it is a CIE and an FDE
			copy(b, []byte{20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0})
			copy(b[24:], []byte{byte(len(b) - 28), 0, 0, 0, 28, 0, 0, 0})
		}
		lookup(b, 0x1000, rng.Uint64N(0x3000))
		interpret(&cie{codeAlign: 1, dataAlign: -8}, b, rng.Uint64N(256))
	}
}
