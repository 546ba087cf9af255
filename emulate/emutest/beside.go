package emutest

import (
	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// beside carries out what layers ask for beside a call, and then the call, or what they decided in its place.
func (s *Sim) beside(tr *Trap, o emulate.Outcome, decided bool) {
	also := &tr.Also
	if also.Signal != 0 {
		tr.task.Sent = append(tr.task.Sent, also.Signal)
		s.note("%d is sent %s", tr.task.TID, unix.SignalName(also.Signal))
	}
	if also.Signal == unix.SIGKILL {
		tr.task.Exit()
		return
	}
	then := func() {
		if !decided {
			o = s.K.Do(&tr.Call)
		}
		s.outcome(tr, o)
	}
	if also.Before > 0 {
		s.delay(tr, also.Before, then)
		return
	}
	then()
}

// after ends a call when the delay is over that a layer asked for.
func (s *Sim) after(tr *Trap, end func()) {
	if tr.Also.After > 0 {
		s.delay(tr, tr.Also.After, end)
		return
	}
	end()
}

func (s *Sim) delay(tr *Trap, ns int64, then func()) {
	tr.state, tr.until, tr.then = delayed, s.K.Now+ns, then
	s.note("%d %s is delayed until %s", tr.task.TID, tr.text(), seconds(tr.until))
}
