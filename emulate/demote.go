package emulate

import (
	"slices"
	"strings"
)

// escape serves the calls that open a way past the filter (io_uring_setup, io_setup): what the process
// holds goes back to the kernel first, and it makes no more emulated objects until it executes another
// program.
func (k *Kernel) escape(c *Call) Outcome {
	for _, fd := range c.Task.Files.FDs() {
		if f := c.Task.Files.Get(fd); f != nil {
			k.Host.Demote(f, c.Sys.Name)
		}
	}
	for _, t := range k.Tasks {
		if t.TGID == c.Task.TGID {
			t.Native = true
		}
	}
	return Pass()
}

// A device signals eventfds, or waits for them, in the kernel: an ioctl names them there (KVM_IRQFD,
// VHOST_SET_VRING_CALL, VFIO_DEVICE_SET_IRQS).
type device string

func isDevice(path string) bool {
	return path == "/dev/kvm" || strings.HasPrefix(path, "/dev/vhost-") || strings.HasPrefix(path, "/dev/vfio/")
}

// opened gives back the eventfds of a process that may hand them to a device.
func (d device) opened(k *Kernel, c *Call) {
	for _, t := range k.Tasks {
		if t.TGID == c.Task.TGID {
			t.Drives = true
		}
	}
	for _, fd := range c.Task.Files.FDs() {
		if f := c.Task.Files.Get(fd); f != nil {
			if _, ok := f.ops.(*Eventfd); ok {
				k.Host.Demote(f, "opening "+string(d))
			}
		}
	}
}

// pidfdGetfd mirrors a descriptor taken out of another process.
func (k *Kernel) pidfdGetfd(c *Call) Outcome {
	t := k.Tasks[k.Host.PidfdTarget(c.Task, c.Arg(0))]
	if t == nil || t.Files.Get(c.Arg(1)) == nil {
		return Pass()
	}
	c.State = t.Files.Get(c.Arg(1))
	return Hear()
}

func (k *Kernel) sawPidfdGetfd(c *Call, ret int64) {
	if f, ok := c.State.(*File); ok && ret >= 0 {
		k.install(c.Task.Files, int(ret), f, true)
	}
}

// Files lists the open file descriptions that lead to o, those too that only a message or a sleeping call holds.
func (k *Kernel) Files(o Object) []*File {
	switch x := o.(type) {
	case *Pipe:
		return slices.Clone(x.files)
	case *Socket:
		return []*File{x.file}
	case *Eventfd:
		return []*File{x.file}
	}
	var out []*File
	seen := map[*FDTable]bool{}
	for _, t := range k.byTID() {
		if seen[t.Files] {
			continue
		}
		seen[t.Files] = true
		for _, fd := range t.Files.FDs() {
			if f := t.Files.Get(fd); f.ops == o && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// byTID lists the tasks in the order of their ids: whatever is done to several of them may show.
func (k *Kernel) byTID() []*Task {
	list := make([]*Task, 0, len(k.Tasks))
	for _, t := range k.Tasks {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *Task) int { return a.TID - b.TID })
	return list
}

// Disown forgets an object: its descriptors are the kernel's from now on, and every call that waits on it
// is asked again and finds nothing of ours.
func (k *Kernel) Disown(o Object) {
	if k.Observer != nil {
		k.Observer.Disowned(o)
	}
	files := k.Files(o)
	var queues []*Queue
	for _, f := range files {
		f.native = true
		strand(f)
		for _, q := range f.ops.queues(f) {
			if !slices.Contains(queues, q) {
				queues = append(queues, q)
			}
		}
		for len(f.items) > 0 {
			f.items[0].drop(k)
		}
	}
	for _, t := range k.Tasks {
		for fd, s := range t.Files.slots {
			if s.file.ops == o {
				delete(t.Files.slots, fd)
			}
		}
	}
	for _, q := range queues {
		k.wake(q, AnyEvent)
	}
	if ep, ok := o.(*Epoll); ok {
		k.wake(&ep.wq, AnyEvent)
		ep.clear(k)
	}
	k.gone(o)
}
