package check

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A twin is the real pipe or socketpair behind an emulated one.
type twin struct {
	name  string // of the object; of a pair both ends have it with a letter
	typ   int    // of a socket; 0 for a pipe
	pipe  *emulate.Pipe
	event bool // it is an eventfd
	ends  []*end
	spare map[emulate.Object]int // ends that no file has yet: of a pipe the one that is written
	gone  string                 // why it is not there, or not any more

	adrift bool   // what lies in it is not what lies in the model
	urgent bool   // MSG_OOB was used: FIONREAD is not compared
	rights bool   // descriptors were sent: how much of them arrives is not compared
	busy   *entry // a call that is in the middle of a message with descriptors

	dirty   bool
	history []string
}

// An end is a twin of one open file description.
type end struct {
	*twin
	file   *emulate.File
	fd     int
	direct bool // O_DIRECT is on
}

// Opened makes the twin of a new file.
func (k *Checker) Opened(f *emulate.File) {
	if k.failed {
		return
	}
	o := f.Object()
	t := k.twins[o]
	if t == nil {
		switch o := o.(type) {
		case *emulate.Pipe:
			t = newPipe(o)
		case *emulate.Socket:
			t = newPair(o)
		default:
			return
		}
		k.twins[o] = t
		if s, ok := o.(*emulate.Socket); ok && s.Peer() != nil {
			k.twins[s.Peer()] = t
		}
		if t.gone != "" && !k.Quiet {
			fmt.Fprintf(k.Stderr, "sluice: check: %s cannot be compared: %s\n", t.name, strings.TrimPrefix(t.gone, "on what has "))
		}
	}
	if t.gone != "" {
		return
	}
	en := &end{twin: t, file: f}
	mode := f.Flags & unix.O_ACCMODE
	fd, ok := t.spare[o]
	switch {
	case ok && (t.pipe == nil || mode == unix.O_WRONLY):
		delete(t.spare, o)
	case t.pipe != nil && len(t.ends) == 0: // the pipe is new, and this is its read end
		fd = t.spare[nil]
		delete(t.spare, nil)
	default: // opened through /proc
		var err error
		if fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", t.ends[0].fd), mode|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			k.drop(t, "on a pipe whose twin cannot be opened once more: "+err.Error())
			return
		}
	}
	en.fd = fd
	t.ends = append(t.ends, en)
	k.files[f] = en
	k.touch(t)
}

func newPipe(p *emulate.Pipe) *twin {
	t := &twin{name: p.Name(), pipe: p, spare: map[emulate.Object]int{}}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.gone = "on what has no twin: " + err.Error()
		return t
	}
	_, _, slots := p.Fill()
	if n, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GETPIPE_SZ, 0); err != nil || n != slots*pageSize {
		if n, err = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, slots*pageSize); err != nil || n != slots*pageSize {
			unix.Close(fds[0])
			unix.Close(fds[1])
			t.gone = "on what has no twin: none of that size is to be had (fs.pipe-user-pages-soft)"
			return t
		}
	}
	t.spare[nil], t.spare[p] = fds[0], fds[1]
	return t
}

func newPair(s *emulate.Socket) *twin {
	t := &twin{name: s.Name()[:len(s.Name())-2], typ: s.Type(), spare: map[emulate.Object]int{}}
	fds, err := unix.Socketpair(unix.AF_UNIX, t.typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	switch {
	case err != nil:
		t.gone = "on what has no twin: " + err.Error()
	case s.Peer() == nil:
		t.gone = "on what has no twin: it has one end"
		unix.Close(fds[0])
		unix.Close(fds[1])
	default:
		t.spare[s], t.spare[s.Peer()] = fds[0], fds[1]
	}
	return t
}

// Released closes the twin of a file that is gone.
func (k *Checker) Released(f *emulate.File) {
	if en := k.files[f]; en != nil {
		delete(k.files, f)
		unix.Close(en.fd)
		for i, other := range en.ends {
			if other == en {
				en.ends = append(en.ends[:i], en.ends[i+1:]...)
				break
			}
		}
		k.touch(en.twin)
	}
	o := f.Object()
	switch p := o.(type) {
	case *emulate.Pipe:
		if readers, writers := p.Ends(); readers+writers == 0 {
			delete(k.twins, o)
		}
	default:
		delete(k.twins, o)
	}
}

// Disowned drops the twin of an object that the kernel serves from now on.
func (k *Checker) Disowned(o emulate.Object) {
	if t := k.twins[o]; t != nil {
		k.drop(t, "on what was left to the kernel")
	}
}

// drop gives a twin up: calls on its object are counted, and not compared.
func (k *Checker) drop(t *twin, why string) {
	if t.gone == "" {
		t.gone = why
	}
	for _, en := range t.ends {
		unix.Close(en.fd)
		delete(k.files, en.file)
	}
	for _, fd := range t.spare {
		unix.Close(fd)
	}
	t.ends, t.spare = nil, nil
}

// twinOf is the end behind argument arg of the call. It is nil when there is nothing to compare, and then tells why,
// if the call is about an object that ought to have a twin.
func (k *Checker) twinOf(e *entry, arg int) *end {
	f := e.files[arg]
	if f == nil {
		return nil
	}
	if en := k.files[f]; en != nil {
		return en
	}
	if t := k.twins[f.Object()]; t != nil && t.gone != "" {
		e.why = t.gone
	}
	if _, ok := f.Object().(*emulate.Eventfd); ok {
		e.why = "on an eventfd"
	}
	return nil
}

// usable is twinOf for a call that moves bytes. What is adrift is brought back by such a call.
func (k *Checker) usable(e *entry, arg int) *end {
	en := k.twinOf(e, arg)
	if en == nil {
		return nil
	}
	k.touch(en.twin)
	if en.adrift {
		e.why = "on a pipe that is spliced with a real file"
		return nil
	}
	return en
}

func (k *Checker) touch(t *twin) {
	if !t.dirty {
		t.dirty = true
		k.dirty = append(k.dirty, t)
	}
}
