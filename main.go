// Command sluice runs a program and serves its pipes, socketpairs and eventfds from a model of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"sluice/emulate"
	"sluice/tracer"
	"sluice/tracer/check"
	"sluice/tracer/doctor"
	"sluice/tracer/early"
	"sluice/tracer/fault"
	"sluice/tracer/live"
	"sluice/tracer/report"
	"sluice/tracer/shell"
	"sluice/tracer/stack"
	"sluice/tracer/stuck"
)

const version = "0.1.0"

// auditVar makes a run compare the model's descriptors with the kernel's at every call: for tests.
const auditVar = "SLUICE_AUDIT"

// apartVar makes a run leave every task where the kernel puts it: to measure what placement is worth.
const apartVar = "SLUICE_APART"

// failed is the status of everything that sluice itself could not do.
const failed = 125

func main() {
	tracer.Layers = layers
	tracer.Chronicles = func(env tracer.LayerEnv) tracer.Chronicle { return history(env) }
	tracer.Stage(early.StageVar, early.Control)
	doctor.Stage()
	if err := app().Run(context.Background(), delimited(os.Args)); err != nil {
		status := failed
		var inRun *tracer.Error
		var notFound *shell.Failure
		switch {
		case errors.As(err, &inRun):
			status = inRun.Status
		case errors.As(err, &notFound):
			status = notFound.Status
		}
		// The parser of variables does not ask badUsage, and names the library's error last.
		if msg := strings.TrimSuffix(err.Error(), ": parse error"); msg != "" {
			fmt.Fprintln(os.Stderr, "sluice: "+msg)
		}
		os.Exit(status)
	}
}

// layers makes what a run reports with, what it is compared with, and what makes it go wrong.
func layers(o tracer.Options, env tracer.LayerEnv) ([]emulate.Layer, tracer.Reporter, error) {
	var v voice
	var all []emulate.Layer
	if o.Log != "" || o.Verbose || o.Stats {
		l, r, err := report.Open(report.Config{Log: o.Log, Verbose: o.Verbose, JSON: o.LogFormat == "json",
			Stats: o.Stats, Color: env.Color, Now: env.Now, Kernel: env.Kernel})
		if err != nil {
			return nil, nil, err
		}
		all, v.report = l, r
	}
	if o.Check {
		k, err := check.New(check.Config{Kernel: env.Kernel, Quiet: o.Quiet,
			Fail: func(msg string) { env.Fail(&tracer.Error{Status: check.Status, Msg: msg}) }})
		if err != nil {
			return nil, nil, err
		}
		all, v.check = append(all, k), k
	}
	if len(o.Inject) > 0 {
		plan, err := fault.NewPlan(o.Inject, "", o.Seed, shell.Nearest, rand.Uint64)
		if err != nil {
			return nil, nil, err
		}
		v.faults = fault.New(fault.Config{Rules: plan.Rules, Seed: plan.Seed, Now: env.Now, Kernel: env.Kernel, Proc: env.Proc,
			Say: func(what string) { say(o.Quiet, what) }})
		all = append(all, v.faults) // the last one: who looks sees the call before it and its result after it
	}
	return all, v, nil
}

// history is what draws the pictures, with the stacks that it is to show.
func history(env tracer.LayerEnv) *stuck.History {
	h := stuck.NewHistory(env.Kernel, env.Now)
	h.Stack = func() (func(*emulate.Standing) []stuck.Frame, func()) {
		w := stack.NewWalker()
		var walked [][]stack.Frame
		var shown [][]stuck.Frame
		find := func(s *emulate.Standing) []stuck.Frame {
			walked = append(walked, w.Walk(s.Task.TGID, s.IP, s.SP, s.BP, s.Mem))
			shown = append(shown, make([]stuck.Frame, len(walked[len(walked)-1])))
			return shown[len(shown)-1]
		}
		name := func() {
			for i, frames := range walked {
				w.Name(frames)
				for j, f := range frames {
					shown[i][j] = stuck.Frame{PC: f.PC, Func: f.Func, File: f.File, Line: f.Line}
				}
			}
		}
		return find, name
	}
	return h
}

// A voice speaks for the layers that are there.
type voice struct {
	report *report.Report
	check  *check.Checker
	faults *fault.Layer
}

func (v voice) Flush() error {
	if v.report == nil {
		return nil
	}
	return v.report.Flush()
}

func (v voice) Finish(s tracer.Stops, still []string) (err error) {
	if v.report != nil {
		err = v.report.Finish(report.Stops(s), still)
	}
	if v.check != nil {
		v.check.Finish()
	}
	if v.faults != nil {
		v.faults.Finish()
	}
	return err
}

func say(quiet bool, what string) {
	if !quiet {
		fmt.Fprintln(os.Stderr, "sluice: "+what)
	}
}

// faults puts the rules of the command line into the options of a run.
func faults(c *cli.Command, o *tracer.Options) error {
	plan, err := fault.NewPlan(c.StringSlice("inject"), c.String("inject-file"), c.String("seed"), shell.Nearest, rand.Uint64)
	if err != nil {
		return err
	}
	if o.Check && len(plan.Rules) > 0 {
		return errors.New("--check and --inject exclude each other: every fault would be a difference from the kernel")
	}
	if plan.Drawn {
		say(o.Quiet, fmt.Sprintf("the seed is %d; --seed %d makes the same choices again", plan.Seed, plan.Seed))
	}
	o.Inject, o.Seed, o.Stop = plan.Texts(), fmt.Sprint(plan.Seed), plan.Stop()
	return nil
}

func app() *cli.Command {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", HideDefault: true, Local: true}
	cli.VersionPrinter = func(*cli.Command) { fmt.Println("sluice", version) }
	return &cli.Command{
		Name:           "sluice",
		Usage:          "run a program with its pipes and socketpairs in your hands",
		UsageText:      "sluice run [options] -- PROGRAM [ARGS...]\nsluice ps\nsluice report PID\nsluice doctor\nsluice help [VERB]",
		Version:        version,
		Commands:       []*cli.Command{run(), list(), show(), examine(), completion()},
		Action:         noVerb,
		OnUsageError:   badUsage,
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
}

func env(name string) cli.ValueSourceChain {
	return cli.EnvVars("SLUICE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
}

func toggle(name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Sources: env(name), Usage: usage, HideDefault: true}
}

var onDeadlock = []string{tracer.DeadlockReport, tracer.DeadlockKill, tracer.DeadlockWait}

var formats = []string{"text", "json"}

func run() *cli.Command {
	return &cli.Command{
		Name: "run",
		// a rule has commas of its own
		DisableSliceFlagSeparator: true,
		Usage:                     "wrap a program: everything stays as it is, but sluice serves its pipes, socketpairs and eventfds",
		UsageText:                 "sluice run [options] -- PROGRAM [ARGS...]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "log", Sources: env("log"), TakesFile: true, Usage: "write a line for every served call to `FILE`; - is stderr"},
			toggle("verbose", "write the log to stderr", "v"),
			&cli.StringFlag{Name: "log-format", Sources: env("log-format"), Value: "text", Usage: "text or json, one object a line"},
			toggle("stats", "at the end, a table of the objects and of the stops"),
			toggle("strict", "what cannot be served is an error instead of being left to the kernel"),
			toggle("check", "make every served call on a real pipe or socketpair as well; the first difference ends the run"),
			toggle("quiet", "say nothing but errors"),
			&cli.StringSliceFlag{Name: "inject", Sources: env("inject"), Usage: "make calls go wrong as `RULE` says: CALLS:WORD=VALUE:...; may be repeated"},
			&cli.StringFlag{Name: "inject-file", Sources: env("inject-file"), TakesFile: true, Usage: "read such rules from `FILE`, one a line"},
			&cli.StringFlag{Name: "seed", Sources: env("seed"), Usage: "what rules leave to chance follows from `N`, a number or random"},
			&cli.StringFlag{Name: "on-deadlock", Sources: env("on-deadlock"), Value: tracer.DeadlockReport, Usage: "when nothing can go on any more: report it, kill the tree after the report, or wait and say nothing"},
			&cli.StringFlag{Name: "verdict", Sources: env("verdict"), TakesFile: true, Usage: "write the outcome to `FILE` as a JSON object"},
		},
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			if !c.Args().Present() {
				return errors.New("usage: " + c.UsageText)
			}
			o := tracer.Options{LogFormat: c.String("log-format"), Stats: c.Bool("stats"), Strict: c.Bool("strict"),
				Check: c.Bool("check"), Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose"), Args: c.Args().Slice(), Audit: os.Getenv(auditVar) != "",
				Apart: os.Getenv(apartVar) != "", Env: environment(c.Flags), OnDeadlock: c.String("on-deadlock")}
			if !slices.Contains(formats, o.LogFormat) {
				return fmt.Errorf("--log-format is text or json, not %q", o.LogFormat)
			}
			err := faults(c, &o)
			if err != nil {
				return err
			}
			if !slices.Contains(onDeadlock, o.OnDeadlock) {
				return fmt.Errorf("--on-deadlock is report, kill or wait, not %q", o.OnDeadlock)
			}
			if o.Log, err = absolute(c.String("log")); err != nil {
				return err
			}
			if o.Verdict, err = absolute(c.String("verdict")); err != nil {
				return err
			}
			path, set := os.LookupEnv("PATH")
			if o.Program, err = shell.Find(o.Args[0], path, set); err != nil {
				return err
			}
			if early.Parental() {
				return tracer.RunAsParent(o, early.StageVar)
			}
			return tracer.Run(o, early.Tracer)
		},
	}
}

func examine() *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "tell whether this machine can run sluice, and what to change",
		UsageText: "sluice doctor [options]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "one object a line", HideDefault: true},
			toggle("quiet", "show only what is missing"),
		},
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return fmt.Errorf("doctor takes no argument: %q", c.Args().First())
			}
			if !doctor.Examine(os.Stdout, doctor.Options{JSON: c.Bool("json"), Quiet: c.Bool("quiet")}) {
				return &tracer.Error{Status: failed}
			}
			return nil
		},
	}
}

func list() *cli.Command {
	return &cli.Command{
		Name:            "ps",
		Usage:           "list the runs that are under way",
		UsageText:       "sluice ps",
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return fmt.Errorf("ps takes no argument: %q", c.Args().First())
			}
			return live.List(os.Stdout, tracer.DoorPrefix)
		},
	}
}

func show() *cli.Command {
	return &cli.Command{
		Name:            "report",
		Usage:           "show where everybody stands in a run that is under way, and who waits for whom",
		UsageText:       "sluice report [options] PID",
		Flags:           []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one object", HideDefault: true}},
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			pid, err := strconv.Atoi(c.Args().First())
			if c.NArg() != 1 || err != nil || pid <= 0 {
				return errors.New("usage: " + c.UsageText)
			}
			return live.Report(os.Stdout, tracer.DoorPrefix, pid, c.Bool("json"))
		},
	}
}

func completion() *cli.Command {
	return &cli.Command{
		Name:            "completion",
		Usage:           "print the script that completes sluice's words in bash or zsh",
		UsageText:       "sluice completion bash|zsh",
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.NArg() != 1 {
				return errors.New("usage: " + c.UsageText)
			}
			script, err := shell.Completion(c.Args().First(), verbs(c.Root()))
			if err == nil {
				fmt.Print(script)
			}
			return err
		},
	}
}

// absolute keeps a file's meaning for the tracer, whose current directory is another.
func absolute(file string) (string, error) {
	if file == "" || file == "-" {
		return file, nil
	}
	return filepath.Abs(file)
}

// delimited puts "--" between the options of run and the program where the user left it out, so that nothing of the
// program's own words is taken for an option or an end of options.
func delimited(args []string) []string {
	if len(args) < 2 || args[1] != "run" {
		return args
	}
	for i := 2; i < len(args); i++ {
		word := args[i]
		switch {
		case word == "--":
			return args
		case len(word) < 2 || word[0] != '-':
			return slices.Insert(slices.Clone(args), i, "--")
		}
		for _, f := range run().Flags {
			if _, alone := f.(*cli.BoolFlag); !alone && slices.Contains(dashed(f), word) {
				i++
			}
		}
	}
	return args
}

// environment is the program's: ours without the variables that are options.
func environment(flags []cli.Flag) []string {
	own := map[string]bool{auditVar: true, apartVar: true}
	for _, f := range flags {
		for _, name := range f.(cli.DocGenerationFlag).GetEnvVars() {
			own[name] = true
		}
	}
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return own[name]
	})
}

func noVerb(_ context.Context, c *cli.Command) error {
	if !c.Args().Present() {
		return errors.New("usage: sluice run [options] -- PROGRAM [ARGS...] (sluice help says more)")
	}
	word := c.Args().First()
	var names []string
	for _, v := range c.Root().Commands {
		names = append(names, v.Name)
	}
	return unknown("command", word, names)
}

// badUsage puts what the parser says about options into a line of ours.
func badUsage(_ context.Context, c *cli.Command, err error, _ bool) error {
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "flag provided but not defined: -"); ok {
		var names []string
		for _, f := range c.Flags {
			names = append(names, dashed(f)...)
		}
		word := "--" + strings.TrimPrefix(name, "-")
		if len(word) == 3 {
			word = word[1:]
		}
		return unknown("option", word, names)
	}
	if name, ok := strings.CutPrefix(msg, "flag needs an argument: -"); ok {
		return fmt.Errorf("option --%s needs a value", strings.TrimPrefix(name, "-"))
	}
	// The parser names the variable or the option, and then the function of the library that failed.
	msg, _, _ = strings.Cut(msg, ": strconv.")
	msg, _, _ = strings.Cut(msg, ": parse error")
	return errors.New(strings.Replace(msg, "for flag -", "for option --", 1))
}

func unknown(what, word string, known []string) error {
	if near := shell.Nearest(word, known); near != "" {
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, word, near)
	}
	return fmt.Errorf("unknown %s %q; known are %s", what, word, strings.Join(known, ", "))
}

// dashed are a flag's names as they are typed.
func dashed(f cli.Flag) []string {
	var names []string
	for _, n := range f.Names() {
		if len(n) == 1 {
			names = append(names, "-"+n)
		} else {
			names = append(names, "--"+n)
		}
	}
	return names
}

// verbs are the commands as completion must know them.
func verbs(a *cli.Command) []shell.Verb {
	var out []shell.Verb
	for _, c := range a.Commands {
		v := shell.Verb{Name: c.Name, Usage: c.Usage, Program: c.Name == "run"}
		if c.Name == "completion" {
			v.Words = []string{"bash", "zsh"}
		}
		for _, f := range c.Flags {
			doc := f.(cli.DocGenerationFlag)
			o := shell.Option{Names: dashed(f), Usage: strings.ReplaceAll(doc.GetUsage(), "`", "")}
			if s, ok := f.(*cli.StringFlag); ok {
				o.Value, o.Words = shell.OneOf, formats
				if s.Name == "on-deadlock" {
					o.Words = onDeadlock
				}
				if s.TakesFile {
					o.Value, o.Words = shell.File, nil
				}
			}
			switch doc.(cli.Flag).Names()[0] {
			case "inject":
				o.Value, o.Words = shell.OneOf, fault.Calls()
			case "seed":
				o.Words = []string{"random"}
			}
			v.Options = append(v.Options, o)
		}
		out = append(out, v)
	}
	return out
}
