package check

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Waits for several descriptors. The twins tell what they are ready for, and the model's answer must say the same of
// each emulated descriptor; a call that goes on waiting must have none that is ready.

// keepSets remembers what select was asked: the answer takes its place.
func (e *entry) keepSets(c *emulate.Call) {
	n := (min(int(c.Arg(0)), 1<<16) + 63) / 64 * 8
	if n <= 0 {
		return
	}
	for i := range e.sets {
		if addr := c.Args[1+i]; addr != 0 {
			b := make([]byte, n)
			if got, _ := c.Mem.ReadMem(b, addr); got == n {
				e.sets[i] = b
			}
		}
	}
}

// looked tells whether the outcome says something about readiness: the call ended, or it sleeps.
func looked(o emulate.Outcome) bool {
	return o.Kind == emulate.KindBlock || o.Kind == emulate.KindDone && o.Ret >= 0
}

// watched is the end behind a number, nil if it has no twin that could be asked.
func (k *Checker) watched(c *emulate.Call, fd int) *end {
	f := c.Task.Files.Get(fd)
	if f == nil {
		return nil
	}
	if en := k.files[f]; en != nil && !en.adrift {
		return en
	}
	return nil
}

func (k *Checker) poll(e *entry, c *emulate.Call, o emulate.Outcome) {
	n := int(uint32(c.Args[1]))
	if !looked(o) || n > 1<<16 {
		return
	}
	raw := k.fetch(c, c.Args[0], n*8)
	for i := 0; i < n && raw != nil && !k.failed; i++ {
		p := raw[i*8:]
		fd := int(int32(le32(p)))
		en := k.watched(c, fd)
		if en == nil {
			continue
		}
		e.compared = true
		want := emulate.Events(uint16(le32(p[4:]))) | emulate.Err | emulate.Hup
		mine, theirs := emulate.Events(uint16(le32(p[4:])>>16)), en.ready()&want
		if o.Kind == emulate.KindBlock {
			mine = 0
		}
		if mine != theirs {
			k.differOn(e, c, en.twin, text("revents of %d<%s> are %s", fd, en.file.Name(), events(mine)),
				text("revents of %d<%s> are %s", fd, en.file.Name(), events(theirs)))
		}
	}
}

// What select takes for readable, writable and exceptional (fs/select.c).
var selects = [3]emulate.Events{
	emulate.RdNorm | emulate.RdBand | emulate.In | emulate.Hup | emulate.Err,
	emulate.WrBand | emulate.WrNorm | emulate.Out | emulate.Err,
	emulate.Pri,
}

func (k *Checker) selected(e *entry, c *emulate.Call, o emulate.Outcome) {
	if !looked(o) {
		return
	}
	for i, set := range e.sets {
		var now []byte
		if set != nil && o.Kind == emulate.KindDone {
			if now = k.fetch(c, c.Args[1+i], len(set)); now == nil {
				continue
			}
		}
		for fd := range len(set) * 8 {
			if set[fd/8]>>(fd%8)&1 == 0 || fd >= c.Arg(0) || k.failed {
				continue
			}
			en := k.watched(c, fd)
			if en == nil {
				continue
			}
			e.compared = true
			mine := now != nil && now[fd/8]>>(fd%8)&1 != 0
			if theirs := en.ready()&selects[i] != 0; mine != theirs {
				what := [3]string{"readable", "writable", "exceptional"}[i]
				k.differOn(e, c, en.twin, text("%d<%s> is %s: %v", fd, en.file.Name(), what, mine), text("%d<%s> is %s: %v", fd, en.file.Name(), what, theirs))
			}
		}
	}
}

// epoll compares the events that an epoll told with the readiness of the twins, and looks for a level-triggered interest
// that is ready and was passed over.
func (k *Checker) epoll(e *entry, c *emulate.Call, o emulate.Outcome) {
	f := e.files[0]
	if f == nil || !looked(o) {
		return
	}
	ep, ok := f.Object().(*emulate.Epoll)
	if !ok {
		return
	}
	if e.asked && o.Kind == emulate.KindDone {
		// The model's half was looked at before the kernel was asked about the other, and may be different by now.
		e.why = "that wait on an epoll with real files"
		return
	}
	told := map[uint64][]emulate.Events{}
	if o.Kind == emulate.KindDone {
		raw := k.fetch(c, c.Args[1], int(o.Ret)*12)
		for i := 0; raw != nil && i < int(o.Ret); i++ {
			data := le64(raw[i*12+4:])
			told[data] = append(told[data], emulate.Events(le32(raw[i*12:])))
		}
	}
	full := o.Kind == emulate.KindDone && int(o.Ret) >= c.Arg(2)
	known := map[uint64]int{} // interests with the same data
	for _, m := range ep.Members() {
		for _, in := range m.Interests() {
			if in.Epoll == ep {
				known[in.Data]++
			}
		}
	}
	for _, m := range ep.Members() {
		en := k.files[m]
		if en == nil || en.adrift {
			continue
		}
		for _, in := range m.Interests() {
			if in.Epoll != ep || known[in.Data] > 1 || k.failed {
				continue
			}
			k.interest(e, c, en, in, told[in.Data], full, ep.Real())
		}
	}
}

// private are the bits of an interest that are no events.
const private = emulate.Events(unix.EPOLLWAKEUP | unix.EPOLLONESHOT | unix.EPOLLEXCLUSIVE | 1<<31)

func (k *Checker) interest(e *entry, c *emulate.Call, en *end, in emulate.Interest, told []emulate.Events, full, mixed bool) {
	e.compared = true
	theirs := en.ready()
	spent := in.Events&^private == 0 // by EPOLLONESHOT
	if !spent {
		theirs &= in.Events | emulate.Err | emulate.Hup
	}
	name := text("%d<%s>", in.FD, en.file.Name())
	for _, mine := range told {
		if mixed && len(told) > 1 {
			return // another file with the same data, of the kernel's
		}
		if spent && mine&^theirs != 0 || !spent && mine != theirs {
			if !mixed {
				k.differOn(e, c, en.twin, "epoll tells of "+name+" "+events(mine), "it is ready for "+events(theirs))
			}
			return
		}
	}
	edge := in.Events&(1<<31|unix.EPOLLONESHOT|unix.EPOLLEXCLUSIVE) != 0
	if len(told) == 0 && theirs != 0 && !edge && !spent && !full {
		k.differOn(e, c, en.twin, "epoll tells nothing of "+name, "it is ready for "+events(theirs))
	}
}
