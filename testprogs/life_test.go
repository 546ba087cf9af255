package testprogs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// lives are scripts about how the wrapped program stands to who started it. $W is empty natively.
var lives = []struct{ name, script string }{
	{"the pid is the one the shell knows", `$W sh -c 'echo $$ | cat > $OUT/pid' & wait $!; [ $(cat $OUT/pid) = $! ] && echo same`},
	{"kill reaches it", `mkfifo $OUT/f; $W bash -c 'trap "echo got it | cat; exit 3" TERM; sleep 1000 & trap "kill $!" EXIT; echo ready > $OUT/f; wait' &
		read x < $OUT/f; kill $!; wait $!; echo $x $?`},
	{"a signal ends it", `for s in TERM KILL USR1 HUP PIPE RTMIN; do export F=$OUT/$s; mkfifo $F; $W sh -c 'echo ready | cat > $F; exec sleep 1000' & read x < $F; kill -$s $!; wait $!; echo $x $s $?; done`},
	{"exit statuses", `for s in 0 1 2 125 126 127 128 130 255; do $W sh -c "true | cat; exit $s"; echo $?; done`},
	{"a writer that is killed", `$W sh -c 'sh -c "echo \$\$; exec sleep 1000" | (read pid; kill -9 $pid; cat; echo eof)'`},
	{"a reader that is killed", `$W bash -c 'yes | sh -c "head -c 3000000 >/dev/null; kill -9 \$\$"; echo "${PIPESTATUS[@]}"'`},
	{"in a pipeline of its own kind", `$W seq 5 | $W sh -c 'tac | sort' | $W tail -1`},
	{"one after the other", `for i in 1 2 3 4 5; do $W true; $W sh -c 'echo a | cat'; done`},
	{"stdin and a here-document", `printf 'a\nb\n' | $W sh -c 'cat | tr a-z A-Z; wc -l' ; $W sh -c 'cat | rev' << end
word
end
`},
	{"closed streams", `$W sh -c 'echo out | cat; exec 1>&-; echo lost | cat' 2>/dev/null; echo $?; $W sh -c 'read x; echo $? | cat' <&-; $W sh -c 'echo err | cat' 2>&-; echo $?`},
	{"limits, masks, directory", `ulimit -n 200; ulimit -s 4096; umask 027; cd /; exec 7</dev/null 9>/dev/null; trap '' USR1 QUIT; $W $INHERIT`},
	{"nohup and a session of its own", `$W setsid -w sh -c 'cut -d" " -f5,6 /proc/self/stat | tr " " "\n" | sort -u | wc -l; (trap "" HUP; kill -HUP $$; echo deaf | cat)'; echo $?`},
	{"background children", `mkfifo $OUT/f $OUT/g; $W sh -c '(read x < $OUT/f; echo late $x | cat > $OUT/g) & echo main | cat'; echo $?; echo word > $OUT/f; cat $OUT/g`},
}

func TestLives(t *testing.T) {
	for _, l := range lives {
		t.Run(l.name, func(t *testing.T) {
			parallel(t)
			inherit := compiled(t, "inherit")
			once := func(how string) result {
				out, err := os.MkdirTemp(work, "out-")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(out)
				return nameless(launch(t, program{argv: []string{"bash", "-c", l.script}, env: []string{"W=" + how, "OUT=" + out, "INHERIT=" + inherit}}))
			}
			native := once("")
			for i := range rounds(3) {
				same(t, fmt.Sprintf("wrapped, round %d", i), native, once(sluice+" run --"))
			}
		})
	}
}

// The shell tells of a process that was killed by its pid.
var killed = regexp.MustCompile(`(?m)^(bash: line \d+:| {4}) *\d+ `)

func nameless(r result) result {
	r.stderr = killed.ReplaceAllString(r.stderr, "$1 PID ")
	return r
}

// Whoever starts sluice has started the program: the same process, in the same group and session.
func TestPlace(t *testing.T) {
	parallel(t)
	r := start(t, program{argv: wrapped([]string{"sh", "-c", `echo $$ $PPID $(cut -d' ' -f5,6 /proc/$$/stat)`})})
	pid := r.cmd.Process.Pid
	session, err := getsid()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d %d %d %d\n", pid, os.Getpid(), pid, session)
	if got := r.all(); got.stdout != want || got.status != 0 {
		t.Errorf("pid, parent, group, session: %s, want %s\n%v", got.stdout, want, got)
	}
}

func getsid() (int, error) {
	raw, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	var state string
	var parent, group, session int
	_, err = fmt.Sscan(rest, &state, &parent, &group, &session)
	return session, err
}

// The same for a user without privileges, in a directory that is not theirs: what sluice may do to a process depends on
// who it belongs to.
func TestOtherUser(t *testing.T) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	t.Run("shell", func(t *testing.T) {
		parallel(t)
		script := `id -u | tr 0-9 a-j; seq 1000 | sort -rn | head -1; diff <(seq 3) <(seq 4); exit 6`
		bothWays(t, program{argv: []string{"bash", "-c", script}, dir: "/", attr: attr}, "")
	})
	for _, name := range []string{"creds", "execthread", "identity", "reopen", "rights"} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			bothWays(t, program{argv: []string{compiled(t, name)}, dir: "/", attr: attr}, "")
		})
	}
}

// The verdict tells a status of the program's own from one of sluice's.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		script         string
		status, signal int
	}{{"exit 125", 125, 0}, {"seq 3 | cat; exit 3", 3, 0}, {"kill -9 $$", 0, 9}, {"true", 0, 0}} {
		t.Run(c.script, func(t *testing.T) {
			parallel(t)
			file := filepath.Join(t.TempDir(), "verdict")
			launch(t, program{argv: wrapped([]string{"sh", "-c", c.script}, "--verdict", file)})
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v struct {
				Status, Signal int
				Finding        any
			}
			if err := json.Unmarshal(raw, &v); err != nil || v.Status != c.status || v.Signal != c.signal {
				t.Errorf("%v: %s", err, raw)
			}
		})
	}
}

// A program that traces others is told so at once and clearly: the kernel allows one tracer.
func TestTracersInside(t *testing.T) {
	parallel(t)
	tool(t, "strace", "strace")
	for _, argv := range [][]string{{"strace", "-f", "true"}, wrapped([]string{"true"})} {
		got := launch(t, program{argv: wrapped(argv)})
		if got.status.ExitStatus() == 0 || !strings.Contains(strings.ToLower(got.stderr), "operation not permitted") {
			t.Errorf("%v is to fail and to say why:\n%v", argv, got)
		}
	}
}

// The log tells the calls in a form for machines, with descriptors that the program really has.
func TestLogNamesRealDescriptors(t *testing.T) {
	parallel(t)
	file := filepath.Join(t.TempDir(), "log")
	// Each child prints where its descriptors lead; the kernel's pipe behind an emulated one tells two pipes apart.
	script := `exec 5< <(echo a); exec 6<&5; ls -l /proc/self/fd | sed -n 's/.* \([0-9]*\) -> pipe:.*/\1/p' | sort -n > ` + file + `.fds; cat <&6 >/dev/null`
	got := launch(t, program{argv: wrapped([]string{"bash", "-c", script}, "--log", file, "--log-format", "json")})
	if got.status != 0 {
		t.Fatal(got)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := map[int]bool{}
	for line := range strings.Lines(string(raw)) {
		var call struct {
			Comm, Call string
			Objects    []struct {
				Object string
				FD     int
			}
		}
		if err := json.Unmarshal([]byte(line), &call); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, o := range call.Objects {
			read[o.FD] = true
		}
	}
	fds, err := os.ReadFile(file + ".fds")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(fds))
	if !slices.Contains(want, "5") || !slices.Contains(want, "6") {
		t.Errorf("ls has no pipe at 5 and 6: %q", want)
	}
	for _, fd := range []int{0, 1, 5, 6} {
		if !read[fd] {
			t.Errorf("the log never names descriptor %d", fd)
		}
	}
}
