package doctor

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The trials start this test's own program as their subject.
func TestMain(m *testing.M) {
	Stage()
	os.Exit(m.Run())
}

func TestTry(t *testing.T) {
	names := []string{"ptrace", "seccomp filter", "PTRACE_GET_SYSCALL_INFO", "process_vm_readv", "pidfd_getfd"}
	got := try()
	if len(got) != len(names) {
		t.Fatalf("%d checks: %v", len(got), got)
	}
	for i, c := range got {
		if c.Name != names[i] || c.State != OK {
			t.Errorf("%+v", c)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for release, want := range map[string][2]int{"6.18.44-fc": {6, 18}, "5.3": {5, 3}, "4.19.0-rc1": {4, 19}, "odd": {0, 0}} {
		if major, minor := versionOf(release); [2]int{major, minor} != want {
			t.Errorf("%s: %d.%d", release, major, minor)
		}
	}
}

func TestReadable(t *testing.T) {
	for _, c := range []Check{architecture(), kernel(), proc(), seccompActions(), yama(), self(), place(), pipePages(), processors()} {
		if c.Name == "" || c.State == "" || c.Found == "" {
			t.Errorf("incomplete: %+v", c)
		}
		if c.State != OK && c.Costs == "" && c.Name != "seccomp actions" {
			t.Errorf("what it costs is not said: %+v", c)
		}
	}
}

func TestPrint(t *testing.T) {
	checks := []Check{{Name: "kernel", State: OK, Found: "Linux 6"}, {"a long name", Missing, "none", "all is lost", "get one"}}
	var b bytes.Buffer
	table(&b, checks)
	want := "ok       kernel       Linux 6\nmissing  a long name  none\n         all is lost\n         get one\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, want + "sluice cannot run here\n"},
		{Options{Quiet: true}, "missing  a long name  none\n         all is lost\n         get one\nsluice cannot run here\n"},
		{Options{JSON: true, Quiet: true}, `{"check":"a long name","state":"missing","found":"none","costs":"all is lost","advice":"get one"}` + "\n"},
	} {
		b.Reset()
		if show(&b, c.o, checks) {
			t.Error("a missing piece does not matter")
		}
		if b.String() != c.want {
			t.Errorf("%+v: got\n%swant\n%s", c.o, b.String(), c.want)
		}
	}
	b.Reset()
	if !show(&b, Options{JSON: true}, checks[:1]) {
		t.Error("nothing is missing")
	}
	var c Check
	if err := json.Unmarshal(b.Bytes(), &c); err != nil || c != checks[0] {
		t.Errorf("%v: %s", err, b.String())
	}
	b.Reset()
	show(&b, Options{Quiet: true}, checks[:1])
	if strings.TrimSpace(b.String()) != "" {
		t.Errorf("quiet said %q", b.String())
	}
}
