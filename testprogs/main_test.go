// Package testprogs holds programs that must behave the same natively and under sluice, and the tests that
// run them both ways: small ones in C, a topic a file, and real ones that nobody here wrote. A test leaves no
// process and no file behind.
package testprogs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

var (
	// long runs everything as often as the project promises, which takes an hour or two.
	long = os.Getenv("SLUICE_LONG") != ""
	// work holds what is built once for all tests. Other users can read it.
	work string
	// sluice is the command under test.
	sluice string
)

func TestMain(m *testing.M) { os.Exit(inWork(m)) }

func inWork(m *testing.M) int {
	var err error
	if work, err = os.MkdirTemp("", "sluice-tests-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	sluice = filepath.Join(work, "sluice")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", sluice, "sluice").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "sluice does not build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// rounds is how often a program is run: few times, or 50 in the long mode.
func rounds(few int) int {
	if long {
		return 50
	}
	return few
}

// slots bounds how many programs run at once, whatever number of processors there is: the time limits are
// meant for a small machine.
var slots = make(chan struct{}, 2)

func parallel(t *testing.T) {
	t.Helper()
	t.Parallel()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}

// build makes an executable in work with a compiler's command line, whose last word is the source, and
// returns its name. It does so once.
func build(t *testing.T, name string, command ...string) string {
	t.Helper()
	made, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		file := filepath.Join(work, name)
		last := len(command) - 1
		c := exec.Command(command[0], slices.Concat(command[1:last], []string{"-o", file}, command[last:])...)
		out, err := c.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%v: %w\n%s", c, err, out)
		}
		return file, nil
	}))
	file, err := made.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var builds sync.Map

// tool fails the test when a command is not there: what is not tested must be seen.
func tool(t *testing.T, command, pkg string) string {
	t.Helper()
	file, err := exec.LookPath(command)
	if err != nil {
		t.Fatalf("%s is missing: install the Debian package %s, or run scripts/test, which does", command, pkg)
	}
	return file
}
