// Package doctor tells whether this machine can run sluice. It tries what can be tried, on a child of its
// own, reads the rest, and changes nothing.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// A State is how a check ended.
type State string

// The states: only Missing keeps sluice from running.
const (
	OK      State = "ok"
	Note    State = "note"    // it runs, and something is worth knowing
	Missing State = "missing" // it cannot run
)

// A Check is one thing that sluice needs, or is affected by.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	Found  string `json:"found"`
	Costs  string `json:"costs"`  // what is lost
	Advice string `json:"advice"` // what to do about it
}

// Options of an examination.
type Options struct {
	JSON, Quiet bool
}

// Examine makes every check, prints them, and tells whether sluice can run.
func Examine(w io.Writer, o Options) bool { return show(w, o, examine()) }

func show(w io.Writer, o Options, checks []Check) bool {
	able := true
	for _, c := range checks {
		able = able && c.State != Missing
	}
	if o.Quiet {
		var bad []Check
		for _, c := range checks {
			if c.State == Missing {
				bad = append(bad, c)
			}
		}
		checks = bad
	}
	if o.JSON {
		enc := json.NewEncoder(w)
		for _, c := range checks {
			enc.Encode(c)
		}
		return able
	}
	table(w, checks)
	if !o.Quiet && able {
		fmt.Fprintln(w, "sluice can run here")
	} else if !able {
		fmt.Fprintln(w, "sluice cannot run here")
	}
	return able
}

func examine() []Check {
	checks := []Check{architecture(), kernel(), proc(), seccompActions(), yama(), self()}
	if readSelf().tracer == 0 { // else the trial would only say the same again
		checks = append(checks, try()...)
	}
	checks = append(checks, place(), pipePages(), processors())
	// A whole run is the last word, and worth its milliseconds only when its parts were found.
	for _, c := range checks {
		if c.State == Missing {
			return checks
		}
	}
	return append(checks, whole())
}

func table(w io.Writer, checks []Check) {
	color := terminal(w) && os.Getenv("NO_COLOR") == ""
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(t, "%-7s\t%s\t%s\n", c.State, c.Name, c.Found)
	}
	t.Flush()
	lines := strings.SplitAfter(b.String(), "\n")
	for i, c := range checks {
		line := lines[i]
		if color {
			paint := map[State]string{OK: "\x1b[32m", Note: "\x1b[33m", Missing: "\x1b[31m"}[c.State]
			line = paint + line[:7] + "\x1b[0m" + line[7:]
		}
		fmt.Fprint(w, line)
		for _, more := range []string{c.Costs, c.Advice} {
			if more != "" {
				fmt.Fprintf(w, "         %s\n", more)
			}
		}
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
