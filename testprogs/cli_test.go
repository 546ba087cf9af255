package testprogs

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/emulate"
)

// The command line, as scripts: each is run against a binary built for it, since sluice starts itself anew.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", work+":"+os.Getenv("PATH"))
			return nil
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// status N PROG ARGS... runs a program that must end with status N, or by the signal that N names.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROG [ARGS...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		got = strconv.Itoa(exit.ExitCode())
	case errors.As(err, &exit):
		got = exit.Error() // signal: killed
	case err != nil:
		got = fmt.Sprint(err)
	}
	if got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

// The README's list of served calls is the table's.
func TestReadmeNamesEveryCall(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, sys := range emulate.Table {
		if !strings.Contains(string(raw), "`"+sys.Name+"`") {
			t.Errorf("%s is served, and the README does not say so", sys.Name)
		}
	}
}

var update = flag.Bool("update", false, "write the README's generated parts anew")

// The README's table of what is not served is the model's, whose rows name calls that are in the table of calls.
func TestReadmeHasTheLimits(t *testing.T) {
	for _, l := range emulate.Limits {
		for name := range strings.FieldsSeq(l.Calls) {
			if !slices.ContainsFunc(emulate.Table, func(s *emulate.Syscall) bool { return s.Name == name }) {
				t.Errorf("%s is no row of the table", name)
			}
		}
	}
	const begin, end = "<!-- limits: written by go test ./testprogs -run Limits -update -->\n", "<!-- end of limits -->\n"
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has no place for the limits")
	}
	if have == emulate.LimitsTable() {
		return
	}
	if !*update {
		t.Fatal("the README's limits are not the model's: go test ./testprogs -run Limits -update")
	}
	if err := os.WriteFile("../README.md", []byte(before+begin+emulate.LimitsTable()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
