package tracer

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// A disposition is what a signal will do to a process.
type disposition uint8

const (
	ignored  disposition = iota // nothing: a sleeping call goes on undisturbed
	stops                       // stop the process
	handled                     // run a handler
	terminal                    // end the process
)

// disposition reads what the process has set for sig.
func (t *Tracer) disposition(k *task, sig unix.Signal) disposition {
	st := readStatus(k.tid)
	bit := uint64(1) << (sig - 1)
	switch {
	case st.sigCgt&bit != 0:
		return handled
	case st.sigIgn&bit != 0:
		return ignored
	}
	switch sig {
	case unix.SIGCHLD, unix.SIGURG, unix.SIGWINCH, unix.SIGCONT:
		return ignored
	case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return stops
	}
	return terminal
}

// signal is a signal-delivery-stop.
func (t *Tracer) signal(k *task, sig unix.Signal) {
	if k.raised == sig {
		// The kernel raises SIGPIPE in the writer's own name (fs/pipe.c: send_sig), not in the tracer's.
		k.raised = 0
		var si siginfo
		if getSiginfo(k.tid, &si) == 0 && int(si.PID) == t.pid {
			si.Code = 0 // SI_USER
			si.PID = int32(k.proc.tgid)
			si.UID = uint32(readStatus(k.tid).uid)
			setSiginfo(k.tid, &si)
		}
	}
	switch k.state {
	case parked:
		t.signalParked(k, sig)
	case away:
		t.signalAway(k, sig)
	case injecting, passing:
		// Only SIGSTOP passes the mask. It is sent again when the call is over.
		if k.state == injecting {
			k.deferred = append(k.deferred, sig)
			t.cont(k, 0)
			return
		}
		t.cont(k, sig)
	default:
		t.cont(k, sig)
	}
}

// resend sends the signals that came while calls of ours ran.
func (t *Tracer) resend(k *task) {
	for _, sig := range k.deferred {
		tgkill(k.proc.tgid, k.tid, sig)
	}
	k.deferred = nil
}

func (t *Tracer) signalParked(k *task, sig unix.Signal) {
	if k.lingering { // its stop comes after this one, and means nothing then
		k.lingering = false
		t.interrupt(k)
		t.cont(k, sig)
		return
	}
	if k.kicked {
		// Both came: the call is served here if it can be, and the kick's own stop means nothing later.
		k.kicked = false
		if o := t.kernel.Resume(&k.call); o.Kind == emulate.KindDone {
			t.stops.Served++
			t.conclude(k, o)
			t.cont(k, sig)
			return
		} else if o.Kind != emulate.KindBlock || o.Wait.Native != nil {
			t.restart(k, 513) // ERESTARTNOINTR: the call runs anew, after the handler
			t.cont(k, sig)
			return
		}
	}
	switch t.disposition(k, sig) {
	case handled, stops:
		t.interrupt(k)
	}
	t.cont(k, sig)
}

// interrupt makes a parked call end as a signal ends it. The task is stopped before the delivery.
func (t *Tracer) interrupt(k *task) {
	deadline := k.call.Waiting().Deadline
	o := t.kernel.Interrupt(&k.call)
	if e := o.Errno(); e >= 512 {
		t.restart(k, int64(e))
		k.suppose = &restarted{uint64(k.call.Sys.Nr), k.call.Args, k.ip, deadline}
		return
	}
	t.conclude(k, o)
}

// restart leaves one of the kernel's restart codes with the true call's number: the kernel makes of it
// EINTR or the call again, by SA_RESTART and by whether a handler runs at all.
func (t *Tracer) restart(k *task, code int64) {
	k.load()
	t.kernel.Cancel(&k.call)
	r := k.regs
	r.Rax, r.Orig_rax = uint64(-code), uint64(k.call.Sys.Nr)
	setRegs(k.tid, &r)
	t.close(k, -code)
}

// signalAway is a signal at a task whose native half was cut short, or has not begun.
func (t *Tracer) signalAway(k *task, sig unix.Signal) {
	d := t.disposition(k, sig)
	if d == ignored || d == terminal {
		t.cont(k, sig)
		return
	}
	if k.broken {
		if d == stops && k.brokenRet == -int64(emulate.ERESTART_RESTARTBLOCK) {
			t.cont(k, sig) // restart_syscall goes on with what is left of the time
			return
		}
		// Who is woken by a signal looks once more before it gives up (fs/select.c: do_poll, fs/eventpoll.c: ep_poll): at
		// what changed without waking anybody.
		if o := t.kernel.Resume(&k.call); o.Kind == emulate.KindDone {
			k.kicked, k.broken = false, false
			t.stops.Served++
			t.conclude(k, o)
			t.cont(k, sig)
			return
		}
		if k.call.Waiting().Restart == unix.EINTR { // not begun anew, not even after a stop
			k.kicked, k.broken = false, false
			t.interrupt(k)
			t.cont(k, sig)
			return
		}
		// The registers are the program's own and hold the native half's answer: the kernel does the rest.
		deadline := k.call.Waiting().Deadline
		t.kernel.Interrupt(&k.call)
		k.kicked = false
		if k.brokenRet != -int64(unix.EINTR) {
			k.suppose = &restarted{uint64(k.call.Sys.Nr), k.call.Args, k.ip, deadline}
		}
		t.close(k, k.brokenRet)
		t.cont(k, sig)
		return
	}
	k.kicked = false
	t.interrupt(k)
	t.cont(k, sig)
}

// eventStop is a PTRACE_EVENT_STOP: a birth, a group-stop, its end, or the answer to PTRACE_INTERRUPT.
func (t *Tracer) eventStop(k *task, sig unix.Signal) {
	if k.state == newborn {
		t.born(k)
		return
	}
	if sig != unix.SIGTRAP {
		t.groupStop(k)
		return
	}
	if k.roused {
		t.rouse(k)
	}
	switch k.state {
	case stopped:
		k.state = running
		if k.active && k.broken {
			k.state = away
		}
		t.cont(k, 0)
	case away:
		if k.kicked && k.plan.starts && !k.broken {
			// The kick came before the native half began, and is used up: that half would not hear of it.
			t.roused(k)
			return
		}
		t.cont(k, 0)
	case parked:
		switch {
		case k.lingering:
			k.lingering = false
			t.interrupt(k)
		case k.kicked:
			t.roused(k)
			return
		}
		t.cont(k, 0)
	default:
		t.cont(k, 0)
	}
}

// groupStop is a task that stops with its process. What it waited for it leaves; it comes back at the tail.
func (t *Tracer) groupStop(k *task) {
	switch k.state {
	case injecting, hearing, passing:
		t.cont(k, 0) // the few microseconds of our own come first; the stop is taken after them
		t.kick(k)
		return
	case parked:
		if k.kicked {
			k.kicked = false
			if o := t.kernel.Resume(&k.call); o.Kind == emulate.KindDone {
				t.stops.Served++
				t.conclude(k, o)
				break
			}
		}
		t.interrupt(k)
	case away:
		if !k.broken || k.call.Waiting().Restart == unix.EINTR {
			k.kicked, k.broken = false, false
			t.interrupt(k)
		}
	}
	k.state = stopped
	ptrace(ptraceListen, k.tid, 0, 0)
}
