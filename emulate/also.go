package emulate

import "golang.org/x/sys/unix"

// Also is what a layer has the driver do beside the call itself. The model carries out the call as it would
// without; only Most and the arguments change what it is asked for.
type Also struct {
	Before int64       // ns that the task stays in its stop before the call is carried out
	After  int64       // ns that it stays there when the result stands
	Signal unix.Signal // sent to the task when the call comes; after SIGKILL the call is not made
	Hear   bool        // Leave is to learn what the kernel answers, also to a call that nobody waits for
	Most   int         // the most bytes that the buffers of a vector or of a message count for, 0 for no bound

	Injected bool // the result is not what it would have been: for logs
	Delayed  bool // nor is the time that it took
}

// cut ends the buffers after n bytes.
func (v *Vec) cut(n int) {
	v.left = n
	for i := range v.segs {
		s := &v.segs[i]
		if s.len >= uint64(n) {
			s.len = uint64(n)
			v.segs = v.segs[:i+1]
			return
		}
		n -= int(s.len)
	}
}
