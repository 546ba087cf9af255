package tracer

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/seccomp"
)

// covered tells whether every emulated descriptor of the task's table is stopped by its process's filters.
func (t *Tracer) covered(k *task) bool {
	table := k.model.Files
	if table.Gen() == k.proc.coveredGen && table == k.proc.coveredTable {
		return true
	}
	fds, few := table.Since(k.proc.coveredGen)
	if !few || table != k.proc.coveredTable {
		fds = table.FDs()
	}
	for _, fd := range fds {
		if !k.proc.armed.Has(fd) && table.Get(fd) != nil {
			return false
		}
	}
	if table.Users() > k.proc.tasks {
		t.sharers(k)
	}
	k.proc.coveredGen, k.proc.coveredTable = table.Gen(), table
	return true
}

// sharers looks at the other processes that use the task's table (CLONE_FILES without CLONE_THREAD). No filter
// of the task's reaches them: what theirs do not stop goes back to the kernel.
func (t *Tracer) sharers(k *task) {
	for _, o := range t.tasks {
		if o.proc == k.proc || o.model.Files != k.model.Files {
			continue
		}
		for _, fd := range k.model.Files.FDs() {
			if f := k.model.Files.Get(fd); f != nil && !o.proc.armed.Has(fd) {
				t.kernel.Host.Demote(f, fmt.Sprintf("descriptor %d is shared with %s, which no filter covers", fd, o))
			}
		}
	}
}

// exactFilters is how many filters of exact numbers a process may get. Filters are never removed and each
// costs every stopped call some 20 ns, so what comes after covers more and more at once.
const exactFilters = 3

// cover adds a filter for the descriptors that are not stopped yet and goes on with then. The task is
// stopped; no number that the filter is for has reached the program yet, unless its table is its own.
func (t *Tracer) cover(k *task, then func()) {
	p := k.proc
	need := seccomp.Of(k.model.Files.FDs()...)
	set := seccomp.Set{}
	switch {
	case p.filters < exactFilters:
		for _, fd := range need.Fds() {
			if !p.armed.Has(fd) {
				set.Add(fd)
			}
		}
	case p.filters == exactFilters:
		set = need
		low := 0
		for _, fd := range need.Fds() {
			if !p.armed.Has(fd) {
				low = fd
				break
			}
		}
		for fd := low; fd < low+4096; fd++ {
			set.Add(fd)
		}
	default:
		set.All = true
	}
	if !p.lets(unix.SYS_SECCOMP, [6]uint64{unix.SECCOMP_SET_MODE_FILTER}) {
		t.unarmed(k, -int64(unix.EPERM))
		then()
		return
	}
	t.arm(k, set, then)
}

// arm installs a filter of ours for the descriptors in set.
func (t *Tracer) arm(k *task, set seccomp.Set, then func()) {
	p := k.proc
	if p.filters == 0 {
		t.estranged(k)
	}
	flags := uint64(0)
	if p.tasks > 1 {
		flags = unix.SECCOMP_FILTER_FLAG_TSYNC
	}
	t.install(k, seccomp.Arm(set), flags, func(ret int64) {
		if ret != 0 {
			t.unarmed(k, ret)
		} else {
			p.armed = p.armed.Union(set)
			p.filters++
		}
		t.sharers(k)
		p.coveredGen, p.coveredTable = k.model.Files.Gen(), k.model.Files
		then()
	})
}

// estranged finds the tasks that are taken to share k's table and left it by unshare(2) or close_range(2), which nobody
// watched before the first object of the model's was made. What they have instead holds nothing of ours.
func (t *Tracer) estranged(k *task) {
	if k.model.Files.Users() <= 1 {
		return
	}
	var apart []*task
next:
	for _, o := range t.tasks {
		if o == k || o.model.Files != k.model.Files {
			continue
		}
		if together, e := same(kcmpFiles, k.tid, 0, o.tid, 0); together || e != 0 {
			continue
		}
		apart = append(apart, o)
		for _, other := range apart[:len(apart)-1] {
			if together, _ := same(kcmpFiles, other.tid, 0, o.tid, 0); together {
				t.kernel.Part(o.model, other.model)
				continue next
			}
		}
		t.kernel.Part(o.model, nil)
	}
}

// install has a stopped task install a filter; then hears what the kernel answered.
func (t *Tracer) install(k *task, prog []unix.SockFilter, flags uint64, then func(int64)) {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&prog[0])), len(prog)*int(unsafe.Sizeof(prog[0])))
	code := &emulate.Scratch{Data: append([]byte(nil), raw...), Arg: -1, At: 8}
	fprog := &emulate.Scratch{Data: make([]byte, 16), Arg: 2}
	fprog.Data[0], fprog.Data[1] = byte(len(prog)), byte(len(prog)>>8)
	code.In = fprog
	call := emulate.KernelCall{Nr: unix.SYS_SECCOMP, Args: [6]uint64{unix.SECCOMP_SET_MODE_FILTER, flags},
		Scratch: []*emulate.Scratch{fprog, code}}
	t.inject(k, emulate.Plan{call}, func(res []int64) {
		if res[0] != -int64(unix.EACCES) {
			then(res[0])
			return
		}
		// Root's privilege is gone since the first filter: without it the kernel asks for no_new_privs.
		nnp := emulate.KernelCall{Nr: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_SET_NO_NEW_PRIVS, 1}}
		t.inject(k, emulate.Plan{nnp, call}, func(res []int64) { then(res[1]) })
	})
}

// unarmed gives the objects back that no filter can serve.
func (t *Tracer) unarmed(k *task, ret int64) {
	for _, fd := range k.model.Files.FDs() {
		if f := k.model.Files.Get(fd); f != nil && !k.proc.armed.Has(fd) {
			t.kernel.Host.Demote(f, fmt.Sprintf("no filter could be installed (%d)", ret))
		}
	}
}
