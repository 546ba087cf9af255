package testprogs

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
)

// audit makes sluice compare its descriptors with the kernel's at every call, which takes its time.
const audit = "SLUICE_AUDIT=1"

// bothWays runs a program natively and wrapped, and holds what can be seen of the one against the other.
// demoted is what the warning must say if it does something that is left to the kernel, and "" for all others.
// Each run has a new directory, $OUT.
func bothWays(t *testing.T, p program, demoted string) {
	t.Helper()
	once := func(argv []string, env ...string) result {
		t.Helper()
		out, err := os.MkdirTemp(work, "out-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(out)
		w := p
		w.argv = argv
		if slices.Contains(env, audit) {
			w.limit = 5 * time.Minute
		}
		w.env = slices.Concat(p.env, env, []string{"OUT=" + out, fmt.Sprintf("INHERIT_PARENT_OF_MAIN=%d", os.Getpid())})
		return launch(t, w)
	}
	native := once(p.argv)
	if !same(t, "a second native run", native, once(p.argv)) {
		t.Fatal("the program itself does not always print the same")
	}
	for i := range rounds(2) {
		// What sluice is told by the environment, the program does not see.
		tell := "SLUICE_LOG_FORMAT=text"
		if i == 0 {
			tell = audit
		}
		got := once(wrapped(p.argv), tell)
		if demoted != "" {
			var own string
			if own, got.stderr = sober(got.stderr); !strings.Contains(own, demoted) {
				t.Errorf("round %d: what is left to the kernel is to be said in a line about %q:\n%s", i, demoted, own)
			}
		}
		if !same(t, fmt.Sprintf("wrapped, round %d", i), native, got) {
			return
		}
	}
	// The last time what the model answers is held against real objects, too. It is quiet, for some programs open
	// their stderr anew and write over what sluice has to say.
	got := once(wrapped(p.argv, "--strict", "--check", "--quiet"))
	if demoted == "" {
		same(t, "--strict --check", native, got)
		return
	}
	own, _ := sober(got.stderr)
	if got.status.ExitStatus() != 125 || !strings.Contains(own, demoted) {
		t.Errorf("--strict is to end the run with status 125 and name %q:\n%v", demoted, got)
	}
}

// same holds what a wrapped program did against what it does natively.
func same(t *testing.T, what string, native, got result) bool {
	t.Helper()
	if native == got {
		return true
	}
	t.Errorf("%s differs from the native run:\n%s", what, diff.Diff("native", []byte(native.String()), what, []byte(got.String())))
	return false
}

// sober takes sluice's own lines out of what a program wrote on stderr.
func sober(stderr string) (own, rest string) {
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "sluice: ") {
			own += line
		} else {
			rest += line
		}
	}
	return own, rest
}
