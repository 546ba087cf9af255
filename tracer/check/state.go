package check

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// everything is all that poll can be asked for.
const everything = emulate.In | emulate.Out | emulate.Pri | emulate.RdHup | emulate.RdNorm | emulate.RdBand | emulate.WrNorm | emulate.WrBand

// ready is what poll tells of a twin's end.
func (en *end) ready() emulate.Events {
	fds := [1]unix.PollFd{{Fd: int32(en.fd), Events: int16(everything)}}
	unix.Poll(fds[:], 0)
	return emulate.Events(uint16(fds[0].Revents))
}

// settle compares what the call left behind: the readiness of every end that it may have changed, and how much lies
// in it. What is adrift is brought back instead.
func (k *Checker) settle(c *emulate.Call) {
	for len(k.dirty) > 0 {
		t := k.dirty[0]
		k.dirty = k.dirty[1:]
		t.dirty = false
		if t.gone != "" || k.failed {
			continue
		}
		if t.adrift {
			k.resync(t)
			if t.adrift || t.gone != "" {
				continue
			}
		}
		for _, en := range t.ends {
			k.compare(c, en)
		}
	}
	k.dirty = nil
}

func (k *Checker) compare(c *emulate.Call, en *end) {
	if k.failed {
		return
	}
	e := k.open[c.Task.TID]
	name := en.file.Name()
	if end := en.file.End(); end != "" {
		name += " (" + end + " end)"
	}
	if mine, theirs := en.file.Ready(), en.ready(); mine != theirs {
		k.differOn(e, c, en.twin, "afterwards poll tells of "+name+" "+events(mine), "afterwards poll tells of "+name+" "+events(theirs))
		return
	}
	in, out := en.file.Queued()
	if in >= 0 && !(en.urgent && en.typ == unix.SOCK_STREAM) {
		if n := k.inside(en); n != in {
			k.differOn(e, c, en.twin, text("afterwards FIONREAD on %s is %d", name, in), text("afterwards FIONREAD on %s is %d", name, n))
			return
		}
	}
	if out >= 0 {
		if n, err := unix.IoctlGetInt(en.fd, unix.TIOCOUTQ); err == nil && n != out {
			k.differOn(e, c, en.twin, text("afterwards SIOCOUTQ on %s is %d", name, out), text("afterwards SIOCOUTQ on %s is %d", name, n))
		}
	}
}
