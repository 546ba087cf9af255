package testprogs

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the fuzzer ever found stays found, a fixed seed gives no difference, and a new seed, which is printed, neither.
// scripts/conform runs it for longer; SLUICE_LONG does so here.
func TestConform(t *testing.T) {
	tool(t, "cc", "gcc")
	conform := build(t, "conform", "go", "build", "-buildvcs=false", "./conform")
	kept, err := filepath.Glob("conform/testdata/*.steps")
	if err != nil || len(kept) == 0 {
		t.Fatal("no kept steps: ", err)
	}
	calls, limit := "4000", "8s"
	if long {
		calls, limit = "1000000", "20m"
	}
	random := []string{"--calls", calls, "--time", limit, "--jobs", "2"}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"kept", kept},
		{"kept, natively twice", append([]string{"--native"}, kept...)},
		{"seed 1", append([]string{"--seed", "1"}, random...)},
		{"a new seed", random},
	} {
		t.Run(c.name, func(t *testing.T) {
			parallel(t)
			out, err := exec.Command(conform, append([]string{"--sluice", sluice, "--differences", "1"}, c.args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			first, _, _ := strings.Cut(string(out), "\n")
			t.Log(first)
		})
	}
}
