package fault

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// Leave does what is left when a call's result stands.
func (l *Layer) Leave(c *emulate.Call, ret int64) {
	p := l.open[c.Task.TID]
	if p == nil || p.task != c.Task {
		return
	}
	delete(l.open, c.Task.TID)
	c.Mem = p.mem
	if p.flips != nil && ret > 0 {
		p.flips.apply(c.Mem, ret)
	}
	l.advance(c, p, ret)
	if ret < 0 {
		if len(p.bounds)+len(p.cuts)+len(p.astray) > 0 && !p.decided {
			c.Also.Injected = false // nothing was moved, and so nothing cut
		}
		return
	}
	l.shortened(c, p, ret)
	for _, s := range p.astray {
		l.stray(s, p.file)
	}
	for _, s := range p.makes {
		l.shrink(s, c)
	}
}

// shortened counts the rules whose bound the transfer reached. One that ended before it would have ended there anyway.
func (l *Layer) shortened(c *emulate.Call, p *pending, ret int64) {
	changed := p.decided || len(p.cuts) > 0 || len(p.bounds) == 0
	for _, b := range p.bounds {
		if ret == b.n {
			b.fired++
			changed = true
		}
	}
	c.Also.Injected = c.Also.Injected && changed
}

// advance notes how far the call took its streams, and ends the connections whose time that is.
func (l *Layer) advance(c *emulate.Call, p *pending, ret int64) {
	if p.decided || ret == emulate.Unknown {
		return
	}
	for i := range p.ends {
		e := &p.ends[i]
		if e.dir == NoDir || ret <= 0 {
			continue
		}
		n := ret
		if e.file != nil {
			in, out := c.Flow(e.arg, e.file, ret)
			if n = in; e.dir == Read {
				n = out
			}
		} else if peeks(c) {
			n = 0
		}
		l.place[stream{e.key(c), e.dir}] += n
	}
	for _, k := range p.cuts {
		if l.place[stream{k.end.key(c), k.end.dir}] >= k.at && l.sever(k.state, &k.end) {
			k.fired++
		}
	}
}

// stray does to the message just sent what befalls it on a bad way.
func (l *Layer) stray(s *state, f *emulate.File) {
	done := false
	switch {
	case s.drop:
		done = l.Kernel.Lose(f)
	case s.dup:
		done = l.Kernel.Repeat(f)
	}
	if s.reorder && !s.drop {
		done = l.Kernel.Overtake(f) || done
	}
	if done {
		s.fired++
	}
}

// shrink makes a pipe that was just made a smaller one.
func (l *Layer) shrink(s *state, c *emulate.Call) {
	var raw [8]byte
	if c.Task.Files == nil {
		return
	}
	if _, e := c.Mem.ReadMem(raw[:], c.Args[0]); e != 0 {
		return
	}
	fd := int(int32(binary.LittleEndian.Uint32(raw[:])))
	f := c.Task.Files.Get(fd)
	if f == nil || s.channel != "" && f.Name() != s.channel {
		return
	}
	if !l.due(s, counted{c.Task.TID, unix.SYS_PIPE2}, "") {
		return
	}
	if !l.Kernel.Shrink(c.Task, fd, s.capacity) {
		l.tell(s, c, fmt.Sprintf("the kernel refuses a pipe of %d slots", s.capacity))
		return
	}
	c.Also.Injected = true
	s.fired++
}
