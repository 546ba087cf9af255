package testprogs

import (
	"regexp"
	"strings"
	"testing"
)

// wrong is a sluice whose model tells of every third read one byte less than there was.
func wrong(t *testing.T) string {
	t.Helper()
	return build(t, "sluice-wrong", "go", "build", "-buildvcs=false", "-tags", "wrong", "sluice")
}

// --check ends a run at the first answer that is not the kernel's, with both answers, whoever in the tree got it:
// the main program, a thread of it, a child, or one that another program took the place of.
func TestCheckFindsAWrongAnswer(t *testing.T) {
	for _, x := range []struct {
		name string
		argv []string
		want string // a regular expression for the call
	}{
		{"the main program", []string{"python3", "-c", "import os\nr, w = os.pipe()\nfor i in range(9): os.write(w, b'hello'); os.read(r, 5)"},
			`python3\[\d+\] read\(\d+<pipe:1>, `},
		{"a child", []string{"sh", "-c", "seq 100000 | tr 0-9 a-j | tail -1; echo not reached"}, `(tr|tail|seq)\[\d+\] read\(0<pipe:\d>, `},
		{"a thread", []string{"python3", "-c", `import os, threading
r, w = os.pipe()
def go():
	for i in range(9): os.write(w, b'hello'); os.read(r, 5)
t = threading.Thread(target=go); t.start(); t.join(); print('not reached')`}, `\[\d+/\d+\] read\(\d+<pipe:1>, `},
		{"an exec", []string{"sh", "-c", "exec bash -c 'for i in 1 2 3 4; do x=$(echo one; echo two); done; echo not reached'"}, `bash\[\d+\] read\(`},
		{"a sleeper's child", []string{"sh", "-c", "(for i in 1 2 3 4; do echo one | cat; done) & wait; echo not reached"}, `cat\[\d+\] read\(0<pipe:`},
	} {
		t.Run(x.name, func(t *testing.T) {
			parallel(t)
			argv := append([]string{wrong(t), "run", "--check", "--"}, x.argv...)
			r := launch(t, program{argv: argv, env: plain(t)})
			if r.status.ExitStatus() != 122 {
				t.Errorf("it did not end with status 122: %v", r)
			}
			if strings.Contains(r.stdout, "not reached") {
				t.Errorf("it went on: %v", r)
			}
			for line := range strings.Lines(r.stderr) {
				if !strings.HasPrefix(line, "sluice: ") {
					t.Errorf("a line that does not begin with sluice's name: %q", line)
				}
			}
			for _, want := range []string{`^sluice: check: the kernel answers otherwise than the model\n`, `\nsluice:   call:    .*` + x.want,
				`\nsluice:   model:   \d+\n`, `\nsluice:   kernel:  \d+\n`, `\nsluice: the last calls on pipe:\d+ before it:\nsluice:   `} {
				if !regexp.MustCompile(want).MatchString(r.stderr) {
					t.Errorf("nothing in it matches %s:\n%s", want, r.stderr)
				}
			}
		})
	}
}

// Without --check the wrong answer goes through, and nothing is said.
func TestWithoutCheck(t *testing.T) {
	r := launch(t, program{argv: []string{wrong(t), "run", "--", "sh", "-c", "echo hello | cat; exit 3"}})
	if r.status.ExitStatus() != 3 || r.stderr != "" {
		t.Error(r)
	}
}

// What is said at the end counts what was compared; --quiet says nothing.
func TestCheckCounts(t *testing.T) {
	argv := []string{"sh", "-c", "seq 3 | tr 1-3 a-c"}
	r := launch(t, program{argv: wrapped(argv, "--check")})
	if want := regexp.MustCompile(`^sluice: check: \d+ calls compared, 0 not\n$`); !want.MatchString(r.stderr) || r.stdout != "a\nb\nc\n" {
		t.Error(r)
	}
	if r = launch(t, program{argv: wrapped(argv, "--check", "--quiet")}); r.stderr != "" {
		t.Error(r)
	}
}
