package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// report prints what a session came to and returns the status.
func (t *tally) report(o *options, took time.Duration) int {
	for i, f := range t.findings[:min(len(t.findings), o.keep)] {
		fmt.Printf("\n--- difference %d\n%s", i+1, f)
		fmt.Println("--- its steps, to be kept in a file")
		for j := range f.prog {
			fmt.Println(&f.prog[j])
		}
		if f.shrunk {
			fmt.Printf("--- in C\n%s", inC(f))
		}
	}
	lines := make([]string, 0, len(t.said))
	for s, n := range t.said {
		lines = append(lines, fmt.Sprintf("%6d times: %s", n, s))
	}
	slices.Sort(lines)
	for _, s := range lines {
		fmt.Println(s)
	}
	rate := float64(t.calls) / took.Seconds()
	if o.json {
		json.NewEncoder(os.Stdout).Encode(map[string]any{"calls": t.calls, "programs": t.progs, "slept": t.slept,
			"loose": t.loose, "differences": len(t.findings), "time_ns": took.Nanoseconds()})
	} else {
		fmt.Printf("%d calls in %d programs compared, %d of them slept; %d programs that the kernel answers in several ways; %d differences; %v, %.0f calls a second\n",
			t.calls, t.progs, t.slept, t.loose, len(t.findings), took.Round(time.Millisecond), rate)
	}
	if len(t.findings) > 0 || t.progs == 0 {
		return 1
	}
	return 0
}
