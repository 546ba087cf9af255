package testprogs

import (
	"path/filepath"
	"strings"
	"testing"
)

// arguments are the command lines of the programs that need some. The others are run without.
var arguments = map[string][][]string{
	"status": {
		{"none"}, {"exit", "0"}, {"exit", "1"}, {"exit", "125"}, {"exit", "255"},
		{"signal", "1"}, {"signal", "9"}, {"signal", "11"}, {"signal", "15"}, {"signal", "17"}, {"signal", "34"},
		{"abort"}, {"sigpipe"}, {"threadexit"}, {"threadkill"}, {"threadsegv"},
		{"exec", "false"}, {"exec", "/no/such/program"}, {"orphans"},
	},
}

// demotes names the programs that do what the model does not serve, on purpose, and a word of what sluice says then.
var demotes = map[string]string{
	"demoted_closed": "bind",
	"demoted_midway": "bind",
	"demoted_rights": "bind",
	"notify":         "listener",
	"sharers":        "is shared with",
}

// Each program prints the same, ends the same and leaves as little behind natively and under sluice.
func TestPrograms(t *testing.T) {
	sources, err := filepath.Glob("c/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatal("no programs: ", err)
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		lines := arguments[name]
		if lines == nil {
			lines = [][]string{nil}
		}
		for _, args := range lines {
			t.Run(strings.Join(append([]string{name}, args...), " "), func(t *testing.T) {
				parallel(t)
				bothWays(t, program{argv: append([]string{compiled(t, name)}, args...)}, demotes[name])
			})
		}
	}
}

// compiled is the executable of one of the programs in C.
func compiled(t *testing.T, name string) string {
	t.Helper()
	return build(t, name, "cc", "-O1", "-pthread", "-Wall", "c/"+name+".c")
}
