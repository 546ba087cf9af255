package testprogs

import (
	"os/exec"
	"strings"
	"testing"
)

// Faults in real programs: what they do to a careless one, and that a careful one does not mind.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, what, rule  string
		careless, careful string // lines that the program prints
		status            int    // of the careless one
	}{
		{"short write", "transfer", "write:chan=pipe:short=7000", "a part of the message\nwriter: exit 0", "the whole message\nwriter: exit 0", 0},
		{"interrupted write", "transfer", "write:chan=pipe:eintr:when=1", "a part of the message\nwriter: exit 3", "the whole message\nwriter: exit 0", 0},
		{"interrupted read", "transfer", "read:chan=pipe:eintr:when=2", "cannot read: EINTR", "the whole message\nwriter: exit 0", 1},
		{"short reads", "transfer", "read:chan=pipe:short=random", "the whole message\nwriter: exit 0", "the whole message\nwriter: exit 0", 0},
		{"a short read", "record", "read:chan=pipe:short=4:when=1", "record 0123", "record 0123456789", 0},
		{"a reader that goes away", "transfer", "write:chan=pipe:bytes=9000:close", "a part of the message\nwriter: exit 0", "a part of the message\nwriter: exit 4", 0},
		{"a reader that is gone", "transfer", "write:chan=pipe:close", "a part of the message\nwriter: signal 13", "a part of the message\nwriter: exit 4", 0},
		{"an end too early", "transfer", "read:chan=pipe:bytes=100:close", "a part of the message", "", 0},
		{"a storm of EAGAIN", "ready", "read:chan=pipe:eagain=5", "poll lied: EAGAIN", "ready: 10", 1},
		{"one slot", "transfer", "pipe,pipe2:capacity=1", "the whole message\nwriter: exit 0", "the whole message\nwriter: exit 0", 0},
		{"a killed writer", "transfer", "write:chan=pipe:kill", "a part of the message\nwriter: signal 9", "a part of the message\nwriter: signal 9", 0},
		{"a changed byte", "transfer", "write:chan=pipe:bytes=5:corrupt=1:unsound", "a part of the message\nwriter: exit 0", "a part of the message\nwriter: exit 0", 0},
		{"a short read of the kernel's", "registers", "read:short=3", "read 3, arguments kept", "read 3, arguments kept", 0},
		{"a late reader", "transfer", "read:chan=pipe:delay_enter=50ms:when=1", "the whole message\nwriter: exit 0", "the whole message\nwriter: exit 0", 0},
	} {
		for _, how := range []string{"careless", "careful"} {
			want, status := c.careful, 0
			if how == "careless" {
				want, status = c.careless, c.status
			}
			if want == "" {
				continue
			}
			t.Run(c.name+", "+how, func(t *testing.T) {
				parallel(t)
				got := launch(t, program{argv: wrapped([]string{compiled(t, "faulty"), how, c.what}, "--seed", "1", "--inject", c.rule)})
				if !strings.HasPrefix(got.stdout, want) || got.status.ExitStatus() != status || strings.Contains(got.stderr, "never fired") {
					t.Errorf("want %s, status %d; got\n%v", want, status, got)
				}
			})
		}
	}
}

// Programs that do as the manual says do not mind what the kernel may do to them.
func TestFaultsThatNobodyMinds(t *testing.T) {
	python, perl, bash := tool(t, "python3", "python3"), tool(t, "perl", "perl"), tool(t, "bash", "bash")
	for _, p := range []struct {
		name  string
		argv  []string
		rules []string
	}{
		{"python", []string{python, "python/communicate.py"}, []string{"%read:chan=pipe:short=random:prob=0.5"}},
		{"python pairs", []string{python, "python/pairs.py"}, []string{"%read:dir=read:chan=pair:delay_exit=200us:prob=0.2"}},
		{"perl", []string{perl, "perl/opens.pl"}, []string{"read:chan=pipe:short=1:prob=0.3"}},
		{"bash", []string{bash, "-c", "seq 20000 | sort -rn | tail -3; echo ${PIPESTATUS[@]}"}, []string{"read:chan=pipe:split", "pipe,pipe2:capacity=2"}},
	} {
		t.Run(p.name, func(t *testing.T) {
			parallel(t)
			native := launch(t, program{argv: p.argv})
			options := []string{"--seed", "3"}
			for _, r := range p.rules {
				options = append(options, "--inject", r)
			}
			same(t, "with faults", native, launch(t, program{argv: wrapped(p.argv, options...)}))
		})
	}
}

// The same rule and the same seed make the same run of a program that is alone.
func TestFaultsBySeed(t *testing.T) {
	// The real one: what is called python3 may be a script that finds it, which has a pipe or two of its own.
	which, err := exec.Command(tool(t, "python3", "python3"), "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	python := strings.TrimSpace(string(which))
	script := "import os\nr, w = os.pipe()\nfor i in range(60):\n os.write(w, b'x' * 50)\n print(len(os.read(r, 40)), end=' ')"
	run := func(seed string) string {
		got := launch(t, program{argv: wrapped([]string{python, "-c", script}, "--seed", seed, "--inject", "read:chan=pipe:short=random:prob=0.5")})
		if got.status.ExitStatus() != 0 || got.stderr != "" {
			t.Fatal(got)
		}
		return got.stdout
	}
	one := run("1")
	if again := run("1"); again != one {
		t.Errorf("the same seed made another run:\n%s\n%s", one, again)
	}
	if run("2") == one {
		t.Error("another seed made the same run")
	}
}

// Who is killed while its call is delayed ends at once, and leaves nothing behind.
func TestKilledInADelay(t *testing.T) {
	parallel(t)
	argv := []string{tool(t, "timeout", "coreutils"), "-s", "KILL", "0.5", compiled(t, "faulty"), "careful", "record"}
	for _, rule := range []string{"write:chan=pipe:delay_enter=1000s", "write:chan=pipe:delay_exit=1000s", "write:chan=pipe:stall=1000s"} {
		if got := launch(t, program{argv: wrapped(argv, "--inject", rule)}); got.status.ExitStatus() != 137 && !got.status.Signaled() || got.stdout != "" {
			t.Errorf("%s: %v", rule, got)
		}
	}
}
