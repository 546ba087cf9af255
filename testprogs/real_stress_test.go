package testprogs

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// What stress-ng says of the outcome. Its figures differ from run to run.
var outcome = regexp.MustCompile(`(?m)(passed|failed|skipped|metrics untrustworthy|unsuccessful run|successful run).*`)

// Stressors that check the data they move find nothing wrong.
func TestStress(t *testing.T) {
	parallel(t)
	tool(t, "stress-ng", "stress-ng")
	seconds := 3
	if long {
		seconds = 20
	}
	// -k keeps the processes' names, and with them the environment by which we find them.
	argv := []string{"stress-ng", "-k", "--pipe", "2", "--pipeherd", "2", "--sockpair", "2", "--splice", "2",
		"--tee", "2", "--vm-splice", "2", "--verify", "-t", fmt.Sprint(seconds), "--temp-path", t.TempDir()}
	p := program{argv: argv, limit: 2 * time.Minute}
	said := func(r result) result {
		r.stdout = ""
		var found string
		for _, line := range outcome.FindAllString(r.stderr, -1) {
			found += regexp.MustCompile(` in [0-9.]+ ?s.*`).ReplaceAllString(line, "") + "\n"
		}
		r.stderr = found
		return r
	}
	native := launch(t, p)
	if said(native).stderr == "" || native.status != 0 {
		t.Fatalf("natively: %v", native)
	}
	p.argv = wrapped(argv)
	for i := range rounds(1) {
		got := launch(t, p)
		if !same(t, fmt.Sprintf("wrapped, round %d", i), said(native), said(got)) {
			t.Fatal(got)
		}
	}
}
