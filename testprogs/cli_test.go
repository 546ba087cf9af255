package testprogs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
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
