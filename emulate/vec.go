package emulate

import "golang.org/x/sys/unix"

// A Vec is the program's side of a transfer: the buffers of one call, walked once from front to back.
// It is the kernel's iov_iter.
type Vec struct {
	mem  Memory
	segs []span
	left int
	one  [8]span
}

type span struct {
	base uint64
	len  uint64
}

// maxRW is the most one call moves: MAX_RW_COUNT, INT_MAX rounded down to a page (include/linux/fs.h).
const maxRW = 0x7ffff000

// Len is how many bytes remain.
func (v *Vec) Len() int { return v.left }

// reset makes v one buffer.
func (v *Vec) reset(mem Memory, base, n uint64) {
	v.mem = mem
	v.segs = append(v.one[:0], span{base, n})
	v.left = int(n)
}

// In copies the program's next len(p) bytes into p and moves past what it copied.
func (v *Vec) In(p []byte) (int, unix.Errno) { return v.walk(p, false) }

// Out copies p to the program's next bytes and moves past what it copied.
func (v *Vec) Out(p []byte) (int, unix.Errno) { return v.walk(p, true) }

func (v *Vec) walk(p []byte, out bool) (int, unix.Errno) {
	done := 0
	for done < len(p) && len(v.segs) > 0 {
		s := &v.segs[0]
		n := min(uint64(len(p)-done), s.len)
		if n > 0 {
			var m int
			var e unix.Errno
			if out {
				m, e = v.mem.WriteMem(s.base, p[done:done+int(n)])
			} else {
				m, e = v.mem.ReadMem(p[done:done+int(n)], s.base)
			}
			done += m
			s.base += uint64(m)
			s.len -= uint64(m)
			v.left -= m
			if e != 0 {
				return done, e
			}
		}
		if s.len == 0 {
			v.segs = v.segs[1:]
		}
	}
	return done, 0
}

// Skip moves n bytes forward without touching memory (a call that goes on after a partial transfer).
func (v *Vec) Skip(n int) {
	for n > 0 && len(v.segs) > 0 {
		s := &v.segs[0]
		m := min(uint64(n), s.len)
		s.base += m
		s.len -= m
		v.left -= int(m)
		n -= int(m)
		if s.len == 0 {
			v.segs = v.segs[1:]
		}
	}
}

// taskMax is the first address that is not user space with 4-level paging: TASK_SIZE_MAX.
const taskMax = 0x7ffffffff000

// buffer makes k's vec from a plain buffer as ksys_read and ksys_write do: access_ok on the true length,
// then at most maxRW of it. A negative count is EINVAL (rw_verify_area).
func (k *Kernel) buffer(c *Call, base, n uint64) (*Vec, unix.Errno) {
	if int64(n) < 0 {
		// fs/read_write.c: vfs_read asks access_ok first (EFAULT), rw_verify_area after (EINVAL).
		return nil, unix.EFAULT
	}
	if base > taskMax || n > taskMax-base {
		return nil, unix.EFAULT
	}
	k.vec.reset(c.Mem, base, min(n, maxRW))
	return &k.vec, 0
}

// iovec makes k's vec from an array of iovecs (lib/iov_iter.c: __import_iovec). tooMany is the error for
// more than UIO_MAXIOV of them: EINVAL for readv, EMSGSIZE for sendmsg. The callers of the first kind cut the count to
// 32 bits, as import_iovec does with its unsigned nr_segs; ___sys_sendmsg compares all 64.
func (k *Kernel) iovec(c *Call, addr, count uint64, tooMany unix.Errno) (*Vec, unix.Errno) {
	const uioMax = 1024
	if count > uioMax {
		return nil, tooMany
	}
	raw := make([]byte, count*16)
	n, _ := c.Mem.ReadMem(raw, addr)
	for i := 0; i+16 <= n; i += 16 { // copy_iovec_from_user looks at all lengths before anything else
		if int64(le64(raw[i+8:])) < 0 {
			return nil, unix.EINVAL
		}
	}
	if n < len(raw) {
		return nil, unix.EFAULT
	}
	v := &k.vec
	v.mem = c.Mem
	v.segs = v.one[:0]
	v.left = 0
	for i := 0; i < int(count); i++ {
		base, n := le64(raw[i*16:]), le64(raw[i*16+8:])
		if count == 1 { // __import_iovec_ubuf: a single one is cut before it is looked at
			n = min(n, maxRW)
		}
		if base > taskMax || n > taskMax-base {
			if n > 0 || base > taskMax {
				return nil, unix.EFAULT
			}
		}
		n = min(n, uint64(maxRW-v.left))
		v.segs = append(v.segs, span{base, n})
		v.left += int(n)
	}
	return v, 0
}
