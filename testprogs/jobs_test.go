package testprogs

import (
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
)

const prompt = "ready> "

// dialogues are what a user does at an interactive shell, where $W is what stands before each program.
var dialogues = []struct {
	name string
	talk func(x *terminal)
}{
	{"stop and go on", func(x *terminal) {
		x.typed("$W sh -c 'echo up | cat; sed -u s/a/b/ | cat; echo done | cat'\n")
		x.await("up\r\n")
		x.typed("abc\n")
		x.await("bbc\r\n")
		x.typed("\x1a") // Ctrl-Z
		x.await("Stopped")
		x.await(prompt)
		x.stopped()
		x.typed("jobs\n")
		x.await(prompt)
		x.typed("fg\n")
		x.await("done | cat'\r\n")
		x.typed("once more a\n")
		x.await("once more b\r\n")
		x.typed("\x04") // Ctrl-D
		x.await("done\r\n")
		x.await(prompt)
	}},
	{"in the background", func(x *terminal) {
		x.typed("$W sh -c 'echo up | cat; cat $F | tr a-z A-Z; echo end | cat'\n")
		x.await("up\r\n")
		x.typed("\x1a")
		x.await("Stopped")
		x.await(prompt)
		x.stopped()
		x.typed("bg\n")
		x.await(prompt)
		x.typed("echo word > $F; wait\n")
		x.await("WORD\r\nend\r\n")
		x.await("Done")
		x.await(prompt)
	}},
	{"interrupt", func(x *terminal) {
		x.typed("$W sh -c 'echo up | cat; cat $F | cat'\n")
		x.await("up\r\n")
		x.typed("\x03") // Ctrl-C
		x.await(prompt)
		x.typed("echo $?\n")
		x.await("130\r\n")
		x.await(prompt)
		x.typed("$W sh -c 'trap \"echo caught; exit 3\" INT; head -1 $F'\n")
		x.runs("head")
		x.typed("\x03")
		x.await("caught\r\n")
		x.await(prompt)
		x.typed("echo $?\n")
		x.await("3\r\n")
		x.await(prompt)
		x.typed("$W sh -c 'echo up | cat; yes | cat >/dev/null'\n")
		x.await("up\r\n")
		x.typed("\x1c") // Ctrl-\
		x.await(prompt)
	}},
	{"window size", func(x *terminal) {
		x.typed("$W bash -c 'sleep 1000 & trap \"stty size; kill $!; exit 0\" WINCH; echo waiting | cat; wait'\n")
		x.await("waiting\r\n")
		x.resize(40, 100)
		x.await("40 100\r\n")
		x.await(prompt)
	}},
	{"kill by job number", func(x *terminal) {
		x.typed("$W sleep 1000 &\n")
		x.await(prompt)
		x.typed("kill %1; wait %1; echo $?\n")
		x.await("143\r\n")
		x.await(prompt)
	}},
	{"reading in the background", func(x *terminal) {
		x.typed("$W sh -c 'cat | cat' &\n")
		x.await(prompt)
		x.typed("until [ -n \"$(jobs -s)\" ]; do :; done\n") // SIGTTIN stops it
		x.await("Stopped")
		x.await(prompt)
		x.stopped()
		x.typed("fg\n")
		x.await("cat | cat'\r\n")
		x.typed("line\n")
		x.await("line\r\nline\r\n")
		x.typed("\x04")
		x.await(prompt)
	}},
}

var jobPid = regexp.MustCompile(`(?m)^(\[\d+\]) \d+\r$`)

// Neither a shell that starts wrapped programs nor one that is wrapped shows anything else than one without sluice.
func TestJobControl(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			parallel(t)
			once := func(argv []string, w string) string {
				name := fifo(t)
				x := openTerminal(t, argv, "W="+w, "F="+name, "PS1="+prompt, "HISTFILE=")
				x.await(prompt)
				x.typed("ulimit -c 0\n")
				x.await(prompt)
				d.talk(x)
				if got := x.foreground(); got != x.shell {
					t.Errorf("at the prompt, group %d has the terminal, and not the shell's %d", got, x.shell)
				}
				x.typed("exit\n")
				return jobPid.ReplaceAllString(x.end(), "$1 PID\r")
			}
			bash := []string{"bash", "--norc", "--noprofile", "--noediting", "-i"}
			native := once(bash, "")
			check := func(how, got string) {
				if got != native {
					t.Errorf("%s, the terminal shows something else:\n%s", how, diff.Diff("native", []byte(native), how, []byte(got)))
				}
			}
			check("natively once more", once(bash, ""))
			for range rounds(3) {
				check("wrapped programs", once(bash, sluice+" run --"))
				check("a wrapped shell", once(wrapped(bash), ""))
			}
		})
	}
}

// A session that loses its terminal: SIGHUP reaches the wrapped programs, and nothing stays.
func TestHangup(t *testing.T) {
	parallel(t)
	x := openTerminal(t, wrapped([]string{"sh", "-c", "echo up | cat; cat | cat"}))
	x.await("up\r\n")
	x.master.Close()
	x.end()
}
