package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A finding is a program whose answers differ.
type finding struct {
	prog         prog
	native, got  answer
	said, broken string
	shrunk       bool
}

// steps counts the steps of an answer that made a call.
func (a answer) steps() (n int) {
	for _, line := range a {
		if !strings.HasSuffix(line, ": busy") && !strings.HasSuffix(line, ": skipped") {
			n++
		}
	}
	return n
}

// tally is what a batch of programs came to.
type tally struct {
	calls, progs int
	slept        int
	// loose counts programs that the kernel itself does not always answer alike, or that the machine was too slow for.
	loose    int
	findings []*finding
	said     map[string]int
}

func (t *tally) add(o *tally) {
	t.calls += o.calls
	t.progs += o.progs
	t.slept += o.slept
	t.loose += o.loose
	t.findings = append(t.findings, o.findings...)
	for s, n := range o.said {
		t.said[s] += n
	}
}

// compare runs programs both ways.
func (w *worker) compare(list []prog, wrapped bool) *tally {
	t := &tally{said: map[string]int{}}
	native := w.run(list, false)
	if native.broken != "" {
		t.said["the runner itself broke: "+native.broken+": "+native.said]++
		return t
	}
	var suspects []*finding
	for done := 0; done < len(list); {
		got := w.run(list[done:], wrapped)
		for line := range strings.Lines(got.said) {
			t.said[anonymous(line)]++
		}
		next := len(list)
		for i, a := range got.answers {
			if got.broken != "" && (i == len(got.answers)-1 || got.answers[i+1] == nil) {
				// The world ended in this program: the rest is for another.
				suspects = append(suspects, &finding{prog: list[done+i], native: native.answers[done+i], got: a, said: got.said, broken: got.broken})
				next = done + i + 1
				break
			}
			t.calls += a.steps()
			t.progs++
			t.slept += strings.Count(strings.Join(a, "\n"), " sleeps")
			if !slices.Equal(a, native.answers[done+i]) {
				suspects = append(suspects, &finding{prog: list[done+i], native: native.answers[done+i], got: a, said: got.said})
			}
		}
		done = next
	}
	for _, f := range suspects {
		if w.loose(f.prog) {
			t.loose++
		} else {
			t.findings = append(t.findings, f)
		}
	}
	return t
}

// loose tells whether a program is answered in several ways natively.
func (w *worker) loose(p prog) bool {
	short := *w
	short.patience = min(w.patience, 2*time.Second)
	again := short.run(slices.Repeat([]prog{p}, 5), false)
	for _, a := range again.answers {
		// What sleeps natively with a mutex held is beyond the runner.
		if !slices.Equal(a, again.answers[0]) || strings.Contains(strings.Join(a, ""), " STUCK") {
			return true
		}
	}
	return false
}

// anonymous takes the numbers out of a line, so that equal ones can be counted.
func anonymous(line string) string {
	var b strings.Builder
	digits := false
	for _, r := range strings.TrimSpace(line) {
		isDigit := r >= '0' && r <= '9'
		if !isDigit {
			b.WriteRune(r)
		} else if !digits {
			b.WriteByte('N')
		}
		digits = isDigit
	}
	return b.String()
}

// String shows the steps of a finding with both answers where they differ first.
func (f *finding) String() string {
	var b strings.Builder
	for i, line := range f.native {
		if i < len(f.got) && f.got[i] == line {
			fmt.Fprintf(&b, "        %s\n", line)
			continue
		}
		fmt.Fprintf(&b, "native: %s\n", line)
		if i < len(f.got) {
			fmt.Fprintf(&b, "sluice: %s\n", f.got[i])
		} else {
			fmt.Fprintf(&b, "sluice: nothing. %s\n%s\n", f.broken, f.said)
		}
		if !f.shrunk {
			break
		}
	}
	return b.String()
}
