package testprogs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A real program is one that nobody here wrote, or that does what programs in its language do.
type real struct {
	name    string
	needs   []string // a command and its Debian package
	script  string   // for bash -c; or
	argv    []string
	setup   func(t *testing.T, dir string) // makes what it works on, in its directory
	limit   time.Duration
	demotes string // what the warning says if it does something that is left to the kernel
}

// Each program does the same natively and wrapped, every time. It runs in a directory that is made once, with
// $OUT for what it leaves behind.
func TestRealPrograms(t *testing.T) {
	for _, r := range slices.Concat(shells, tools, languages) {
		t.Run(r.name, func(t *testing.T) {
			parallel(t)
			if len(r.needs) > 0 {
				tool(t, r.needs[0], r.needs[1])
			}
			argv := r.argv
			if r.script != "" {
				argv = []string{"bash", "-c", r.script}
			}
			dir := t.TempDir()
			if r.setup != nil {
				r.setup(t, dir)
			}
			bothWays(t, program{argv: argv, dir: dir, env: plain(t), limit: r.limit}, r.demotes)
		})
	}
}

// plain is an environment in which programs find the distribution's own tools first and nobody's settings.
func plain(t *testing.T) []string {
	t.Helper()
	testprogs, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=/usr/bin:/bin:" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + work, "TESTPROGS=" + testprogs,
		"MAKEFLAGS=", "PYTHONDONTWRITEBYTECODE=1",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_PAGER=cat",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	}
}

// write makes a file with all directories above it.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shells are what people write on a command line.
var shells = []real{
	{name: "pipeline", script: `seq 1 200000 | sort -rn | head -3 | tr 0-9 a-j`},
	{name: "process substitution", script: `diff <(seq 5) <(seq 2 6); echo $?`},
	{name: "output substitution", script: `exec 9> >(sed 's/^/> /'); me=$!; seq 300 | tee /dev/fd/9 | wc -l; exec 9>&-; wait $me; echo $?`},
	{name: "read from a substitution", script: `n=0; while read -r x; do ((n += x)); done < <(seq 2000); echo $n; mapfile -t l < <(seq 9 | tac); echo "${l[@]}"`},
	{name: "coprocess", script: `coproc B { while read -r x; do echo $((x * x)); done; }
		for i in 1 2 3 40; do echo $i >&${B[1]}; read -r y <&${B[0]}; echo $y; done
		eval "exec ${B[1]}>&-"; wait $B_PID; echo $?`},
	{name: "here-strings", script: `cat <<< "one $HOME" | wc -l; tr a-z A-Z <<< text; big=$(seq 100000); wc -c <<< "$big"; cat << end
here $((6 * 7))
end
`},
	{name: "pipefail", script: `set -o pipefail; yes | head -1; echo $? "${PIPESTATUS[@]}"; seq 1000000 | sed q | cat; echo $? "${PIPESTATUS[@]}"
		seq 100000 | sort | head -1; s=("${PIPESTATUS[@]}"); echo "${s[@]}"; false | true; echo $?; trap '' PIPE; yes 2>/dev/null | head -1; echo "${PIPESTATUS[@]}"`},
	{name: "yes and head", script: `yes | head -1; yes long line | head -c 1000000 | wc -c`},
	{name: "a shell that is killed", argv: []string{"bash", "-c", `seq 3 | (kill -9 $$; cat; echo after)`}},
	{name: "subshells", script: `a=$(b=$(c=$(echo deep | rev); echo $c$c); echo $b | tr a-z A-Z); echo $a; echo $( (echo x; exit 3) ; echo $?)`},
	{name: "background jobs", script: `for i in 1 2 3 4 5 6; do (seq $((i * 1000)) | tail -1 > $OUT/$i) & done; wait; cat $OUT/*; jobs; (exit 7) & wait $!; echo $?`},
	{name: "xargs", script: `seq 24 | xargs -P4 -n1 sh -c 'echo $((0 + $0)) | cat' | sort -n | md5sum; seq 10 | xargs -n3 echo; false | xargs -r false; echo $?`},
	{name: "tee", script: `seq 20000 | tee $OUT/a $OUT/b | md5sum; cat $OUT/a $OUT/b | tee >(md5sum > $OUT/c) | wc -c; seq 3 | tee /dev/stderr | tac`},
	{name: "dash", argv: []string{"sh", "-c", `seq 50000 | (while read a; do [ $a = 777 ] && echo $a && break; done; wc -l) ; trap 'echo bye' EXIT; (echo a; echo b >&2) 2>&1 | sort`}},
	{name: "dd", script: `dd if=/dev/zero bs=64k count=300 status=none | dd bs=1000 iflag=fullblock status=none | dd obs=7777 status=none | md5sum`},
	{name: "timeout", script: `timeout 0.05 cat < <(sleep 1000 & echo $! > $OUT/p; wait); echo $?; kill $(cat $OUT/p); timeout 50 seq 3 | cat; echo ${PIPESTATUS[@]}`},
	{name: "named fifo", script: `mkfifo $OUT/f; seq 5 | tac > $OUT/f & cat $OUT/f | sort; wait; exec 5<> $OUT/f; echo x >&5; read -r y <&5; echo $y`},
	{name: "awk", script: `awk 'BEGIN { while (("seq 5" | getline x) > 0) print x | "sort -rn"; close("sort -rn"); system("echo s | cat"); "date +%Y >/dev/null; echo d" | getline y; print y }'`},
}
