package testprogs

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The standard library's own tests pass under sluice when and only when they pass natively.
func TestGoStandardLibrary(t *testing.T) {
	packages := []string{"io", "bufio", "os/exec"}
	if long {
		packages = append(packages, "os", "os/signal", "syscall")
	}
	for _, name := range packages {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			native := goTest(t, name)
			if len(native.passed) == 0 {
				t.Fatalf("not one test passes natively:\n%s", native.output[""])
			}
			for i := range rounds(1) {
				got := goTest(t, name, "-exec", sluice+" run --")
				for _, test := range slices.Sorted(maps.Keys(native.passed)) {
					if !got.passed[test] {
						t.Errorf("round %d: %s passes natively, and not under sluice:\n%s", i, test, got.output[test])
					}
				}
				for _, test := range slices.Sorted(maps.Keys(got.passed)) {
					if !native.passed[test] {
						t.Errorf("round %d: %s passes under sluice, and not natively:\n%s", i, test, native.output[test])
					}
				}
				if t.Failed() {
					t.Fatalf("what the package says: %s", got.output[""])
				}
			}
		})
	}
}

// passes are the outcome of a package's tests; what the package itself says is under "".
type passes struct {
	passed map[string]bool
	output map[string]string
}

func goTest(t *testing.T, name string, options ...string) passes {
	t.Helper()
	argv := slices.Concat([]string{"go", "test", "-json", "-count=1", "-vet=off", "-timeout=4m"}, options, []string{name})
	// The tool's caches stay where they are, so HOME and PATH are the ones we have.
	raw := launch(t, program{argv: argv, limit: 5 * time.Minute})
	p := passes{map[string]bool{}, map[string]string{"": raw.stderr}}
	for d := json.NewDecoder(strings.NewReader(raw.stdout)); ; {
		var event struct{ Action, Test, Output string }
		if err := d.Decode(&event); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("go test -json: %v\n%v", err, raw)
		}
		switch event.Action {
		case "pass":
			p.passed[event.Test] = true
		case "output":
			p.output[event.Test] += event.Output
		}
	}
	return p
}

// A wrapper as long as go test's -exec hides nothing: the test binary's failure and its output come through.
func TestGoTestThatFails(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module failing\n")
	write(t, filepath.Join(dir, "a_test.go"), "package failing\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Fatal(\"as it should\") }\n")
	c := exec.Command("go", "test", "-v", "-exec", sluice+" run --", ".")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("--- FAIL: TestBad")) || !bytes.Contains(out, []byte("as it should")) || !bytes.Contains(out, []byte("--- PASS: TestGood")) {
		t.Errorf("%v\n%s", err, out)
	}
}
