package shell

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, file, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFind(t *testing.T) {
	d := t.TempDir()
	t.Chdir(d)
	prog := write(t, d+"/bin/prog", "#!/bin/sh\n", 0o755)
	write(t, d+"/other/prog", "#!/bin/sh\n", 0o755)
	write(t, d+"/dull/prog", "text\n", 0o644)
	write(t, d+"/here", "#!/bin/sh\n", 0o755)
	if err := os.MkdirAll(d+"/dirs/prog", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, program, path, want string
		status                    int
	}{
		{"the first that is there", "prog", d + "/none:" + d + "/bin:" + d + "/other", prog, 0},
		{"a directory of that name is passed over", "prog", d + "/dirs:" + d + "/bin", prog, 0},
		{"so is a file that may not be executed", "prog", d + "/dull:" + d + "/bin", prog, 0},
		{"unless there is no other", "prog", d + "/dull:" + d + "/none", "", 126},
		{"not found", "prog", d + "/none", "", 127},
		{"only a directory", "prog", d + "/dirs", "", 127},
		{"an empty entry is the current directory", "here", d + "/bin:", "./here", 0},
		{"an empty PATH too", "here", "", "./here", 0},
		{"an empty name", "", d + "/bin", "", 127},
		{"a name with a slash is itself", "bin/prog", "", "bin/prog", 0},
		{"not executable", "dull/prog", d + "/bin", "", 126},
		{"a directory", d + "/bin", "", "", 126},
		{"not there", "./none", "", "", 127},
		{"below a file", "here/prog", "", "", 126},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Find(c.program, c.path, true)
			status := 0
			var f *Failure
			if errors.As(err, &f) {
				status = f.Status
			}
			if status != c.status || status == 0 && got != c.want {
				t.Errorf("found %q, %v; want %q and status %d", got, err, c.want, c.status)
			}
			if err != nil && !strings.HasPrefix(err.Error(), c.program+": ") {
				t.Errorf("%q does not name the program", err)
			}
		})
	}
	if got, err := Find("sh", "", false); err != nil || got != "/bin/sh" {
		t.Errorf("without a PATH: %q, %v", got, err)
	}
}

// The shell itself is the judge of statuses.
func TestFindLikeBash(t *testing.T) {
	d := t.TempDir()
	write(t, d+"/dull", "text\n", 0o644)
	for _, program := range []string{d, d + "/dull", d + "/none", d + "/dull/x", "no-such-program-anywhere", ""} {
		cmd := exec.Command("bash", "-c", `"$0"`, program)
		err := cmd.Run()
		want := cmd.ProcessState.ExitCode()
		if err == nil {
			t.Fatalf("bash ran %q", program)
		}
		_, err = Find(program, os.Getenv("PATH"), true)
		var f *Failure
		if !errors.As(err, &f) || f.Status != want {
			t.Errorf("%q: %v, bash has %d", program, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"run", "doctor", "completion", "--log", "--log-format", "--stats", "-v"}
	for word, want := range map[string]string{"rum": "run", "rn": "run", "docter": "doctor", "--stat": "--stats", "--lgo": "--log",
		"--logformat": "--log-format", "-x": "", "zebra": "", "": "", "--frobnicate": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

var verbs = []Verb{
	{Name: "run", Usage: "wrap a program: it's all", Program: true, Options: []Option{
		{Names: []string{"--log"}, Usage: "a file", Value: File},
		{Names: []string{"--verbose", "-v"}, Usage: "talk"},
		{Names: []string{"--log-format"}, Usage: "how", Value: OneOf, Words: []string{"text", "json"}}}},
	{Name: "completion", Usage: "this", Words: []string{"bash", "zsh"}},
}

// The script is given to bash, which completes by it.
func TestBashCompletion(t *testing.T) {
	script, err := Completion("bash", verbs)
	if err != nil {
		t.Fatal(err)
	}
	d := t.TempDir()
	t.Chdir(d)
	write(t, d+"/a-file", "", 0o644)
	for _, c := range []struct{ words, want string }{
		{"sluice|", "run completion --help --version"},
		{"sluice|ru", "run"},
		{"sluice|completion|", "bash zsh"},
		{"sluice|run|--l", "--log --log-format"},
		{"sluice|run|--log-format|", "text json"},
		{"sluice|run|--log|a", "a-file"},
		{"sluice|run|--|bash|a", "a-file"},
		{"sluice|run|-v|bash|a", "a-file"},
		{"sluice|run|--log|x|bash|--l", ""},
	} {
		words := strings.Split(c.words, "|")
		cmd := exec.Command("bash", append([]string{"--norc", "-c", script + `
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; echo "${COMPREPLY[*]}"`, "bash"}, words...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := strings.TrimSpace(string(out)); got != c.want {
			t.Errorf("%s: %q, want %q", c.words, got, c.want)
		}
	}
	out, err := exec.Command("bash", "--norc", "-c", script+`
COMP_WORDS=(sluice run bas); COMP_CWORD=2; _sluice; printf '%s\n' "${COMPREPLY[@]}"`).Output()
	if err != nil || !strings.Contains("\n"+string(out), "\nbash\n") {
		t.Errorf("programs: %v, %q", err, out)
	}
}

func TestZshCompletion(t *testing.T) {
	script, err := Completion("zsh", verbs)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"#compdef sluice\n", `'run:wrap a program: it'\''s all'`, "'--log[a file]:file:_files'", "'-v[talk]'",
		"'--log-format[how]:value:(text json)'", "'*::arguments:_normal'", "'1:word:(bash zsh)'"} {
		if !strings.Contains(script, want) {
			t.Errorf("no %s in\n%s", want, script)
		}
	}
	if _, err := Completion("fish", verbs); err == nil {
		t.Error("a shell that is not known")
	}
}
