// Command conform compares sluice with the kernel: it makes random programs of calls on pipes, socketpairs, eventfds
// and epolls, runs each natively and under sluice, and holds every result, errno and byte of the one against the
// other. A difference is shrunk to the fewest calls and printed as a program in C.
//
// It needs no root, only a C compiler. What it prints depends on nothing but its seed, and on the machine's kernel.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

type options struct {
	sluice, seed, only      string
	calls, size, jobs, keep int
	limit                   time.Duration
	native, dump, json      bool
	files                   []string
}

func main() {
	var o options
	f := flag.NewFlagSet("conform", flag.ContinueOnError)
	f.StringVar(&o.sluice, "sluice", "", "the sluice to test; built if not given")
	f.StringVar(&o.seed, "seed", "random", "a number, or random")
	f.IntVar(&o.calls, "calls", 100_000, "compare this many calls")
	f.IntVar(&o.size, "steps", 40, "steps of a program")
	f.DurationVar(&o.limit, "time", 20*time.Minute, "stop after this time")
	f.StringVar(&o.only, "only", "mixed", strings.Join(kinds, ", ")+" or mixed")
	f.BoolVar(&o.native, "native", false, "compare the kernel with itself: there must be no difference")
	f.BoolVar(&o.dump, "dump", false, "print the first program and its answers, and end")
	f.BoolVar(&o.json, "json", false, "print the outcome as a JSON object")
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "worlds at a time")
	f.IntVar(&o.keep, "differences", 3, "stop after this many differences")
	if err := f.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	o.files = f.Args()
	status, err := conform(&o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

func conform(o *options) (int, error) {
	if o.only != "mixed" && !slices.Contains(kinds, o.only) {
		return 0, fmt.Errorf("--only is one of %s, mixed; not %q", strings.Join(kinds, ", "), o.only)
	}
	if o.size < 1 || o.jobs < 1 || o.calls < 1 || o.keep < 1 {
		return 0, fmt.Errorf("--steps, --jobs, --calls and --differences are 1 or more")
	}
	seed := rand.Uint64N(1 << 32)
	if o.seed != "random" {
		var err error
		if seed, err = strconv.ParseUint(o.seed, 0, 64); err != nil {
			return 0, fmt.Errorf("--seed is a number or random, not %q", o.seed)
		}
	}
	var kept []prog
	for _, name := range o.files {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		list, err := parse(string(text))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		kept = append(kept, list...)
	}
	b, err := build(o.sluice)
	if err != nil {
		return 0, err
	}
	defer b.close()
	if o.dump {
		p := generate(seed, 0, o.only, o.size)
		if len(kept) > 0 {
			p = kept[0]
		}
		w := &worker{bench: b, patience: 10 * time.Second}
		a := w.run([]prog{p}, !o.native).answers[0]
		for i := range p {
			fmt.Println(&p[i])
		}
		fmt.Printf("\n%s\n", strings.Join(a, "\n"))
		return 0, nil
	}
	if len(kept) == 0 {
		fmt.Printf("seed %d\n", seed)
	}
	t, took := session(o, b, seed, kept)
	return t.report(o, took), nil
}

// session runs batches of programs until enough calls are compared: kept ones if there are any, else random ones.
func session(o *options, b *bench, seed uint64, kept []prog) (*tally, time.Duration) {
	begin := time.Now()
	all := &tally{said: map[string]int{}}
	var mu sync.Mutex
	var next uint64
	size := uint64(max(1, min(2000, o.calls/o.jobs)/o.size))
	take := func() []prog {
		mu.Lock()
		defer mu.Unlock()
		if all.calls >= o.calls || len(all.findings) >= o.keep || time.Since(begin) > o.limit {
			return nil
		}
		if kept != nil {
			list := kept
			kept = []prog{}
			if len(list) == 0 {
				return nil
			}
			return list
		}
		var list []prog
		for range size {
			list = append(list, generate(seed, next, o.only, o.size))
			next++
		}
		return list
	}
	var group sync.WaitGroup
	for n := range o.jobs {
		group.Go(func() {
			w := &worker{bench: b, n: n}
			for list := take(); list != nil; list = take() {
				w.patience = 10 * time.Second
				t := w.compare(list, !o.native)
				mu.Lock()
				late := len(all.findings) >= o.keep
				mu.Unlock()
				if !o.native && !late {
					for i, f := range t.findings[:min(len(t.findings), o.keep)] {
						t.findings[i] = w.shrink(f, time.Minute)
					}
				}
				mu.Lock()
				all.add(t)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all, time.Since(begin)
}
