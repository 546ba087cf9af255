package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// What layers ask for beside a call: signals, delays, an end. A delayed task stays in its stop, where only SIGKILL
// reaches it, as under strace.

// A delay is a task in its stop, and what becomes of it later.
type delay struct {
	at   int64
	k    *task
	then func()
}

// beside carries out what layers ask for, and then the call, or what they decided in its place.
func (t *Tracer) beside(k *task, o emulate.Outcome, decided bool) {
	also := &k.call.Also
	if also.Signal != 0 {
		tgkill(k.proc.tgid, k.tid, also.Signal)
	}
	if also.Signal == unix.SIGKILL {
		t.close(k, emulate.Unknown)
		return
	}
	then := func() {
		if !decided {
			o = t.kernel.Do(&k.call)
		}
		t.outcome(k, o)
	}
	if also.Before > 0 {
		t.delay(k, also.Before, then)
		return
	}
	then()
}

// goOn lets a task go on whose call has ended, at once or when its delay is over.
func (t *Tracer) goOn(k *task) {
	if after := k.call.Also.After; after > 0 {
		t.delay(k, after, func() { t.resume(k) })
		return
	}
	t.resume(k)
}

func (t *Tracer) delay(k *task, ns int64, then func()) {
	k.state = delayed
	t.delays = append(t.delays, delay{t.now() + ns, k, then})
}

// delayedUntil is when the first delay is over, 0 for never.
func (t *Tracer) delayedUntil() int64 {
	at := int64(0)
	for _, d := range t.delays {
		if at == 0 || d.at < at {
			at = d.at
		}
	}
	return at
}

// elapsed ends the first delay that is over, and tells whether there was one. Of two at the same time the older one is
// the first. A task that was killed meanwhile is passed over.
func (t *Tracer) elapsed() bool {
	at := t.delayedUntil()
	if at == 0 || at > t.clock {
		return false
	}
	for i, d := range t.delays {
		if d.at == at {
			t.delays = append(t.delays[:i], t.delays[i+1:]...)
			if d.k.state == delayed && t.tasks[d.k.tid] == d.k {
				d.k.state = running
				d.then()
			}
			break
		}
	}
	return true
}

// amended tells whether a layer changed the arguments of a call that the kernel is to run.
func (k *task) amended() bool {
	k.load()
	return k.call.Args != argsOf(&k.regs)
}

func argsOf(r *unix.PtraceRegs) [6]uint64 {
	return [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
}
