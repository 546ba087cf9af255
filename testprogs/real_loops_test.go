package testprogs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// loops are event loops and programs built on them, each driven hard: thousands of messages, many children, timers,
// timeouts and signals at once. $LOAD says how much; what they print is the same every time.
var loops = []real{
	{name: "libuv", needs: []string{"node", "nodejs"}, script: `exec node "$TESTPROGS/loops/node.js"`},
	{name: "libevent", needs: []string{"cc", "gcc"}, setup: libevent, script: `exec $HOME/libevent-loop`},
	{name: "asyncio", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/loops/aio.py"`},
	{name: "selectors", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/loops/tasks.py"`},
	{name: "netpoll", setup: func(t *testing.T, _ string) {
		build(t, "netpoll", "go", "build", "-buildvcs=false", "sluice/testprogs/loops/netpoll")
	}, script: `exec $HOME/netpoll`},
	{name: "IO::Select", needs: []string{"perl", "perl"}, script: `exec perl "$TESTPROGS/loops/select.pl"`},
	{name: "socat", needs: []string{"socat", "socat"}, script: `exec bash "$TESTPROGS/loops/socat.sh"`},
	// tmux and ssh hand descriptors to their servers over named sockets, which are the kernel's.
	{name: "tmux", needs: []string{"tmux", "tmux"}, demotes: "sent over a socket", script: `exec bash "$TESTPROGS/loops/tmux.sh"`},
	{name: "openssh", needs: []string{"/usr/sbin/sshd", "openssh-server"}, demotes: "sent over a socket", script: `exec bash "$TESTPROGS/loops/ssh.sh"`},
	{name: "GNU parallel", needs: []string{"parallel", "parallel"}, script: `exec bash "$TESTPROGS/loops/parallel.sh"`},
}

// buildsLong are those that take minutes of processor time to build: for SLUICE_LONG=1.
var buildsLong = []real{
	{name: "tokio", needs: []string{"/usr/bin/cargo", "cargo"}, setup: tokio, script: `exec $HOME/tokio/release/tokio-loop`},
}

// Each loop prints the same natively and wrapped, ends, and leaves no process behind. It runs once each way: what counts
// is the load.
func TestEventLoops(t *testing.T) {
	load, all := 1, loops
	if long {
		load, all = 15, slices.Concat(loops, buildsLong)
	}
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			parallel(t)
			if len(r.needs) > 0 {
				tool(t, r.needs[0], r.needs[1])
			}
			if r.setup != nil {
				r.setup(t, "")
			}
			once := func(argv []string) result {
				t.Helper()
				out, err := os.MkdirTemp(work, "out-")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(out)
				env := slices.Concat(plain(t), []string{fmt.Sprintf("LOAD=%d", load), "OUT=" + out})
				return launch(t, program{argv: argv, dir: out, env: env, limit: time.Duration(load+1) * time.Minute})
			}
			argv := []string{"bash", "-c", r.script}
			if r.demotes == "" {
				same(t, "--strict", once(argv), once(wrapped(argv, "--strict")))
				return
			}
			native, got := once(argv), once(wrapped(argv))
			var own string
			if own, got.stderr = sober(got.stderr); !strings.Contains(own, r.demotes) {
				t.Errorf("what is left to the kernel is to be said in a line about %q:\n%s", r.demotes, own)
			}
			same(t, "wrapped", native, got)
		})
	}
}

func libevent(t *testing.T, _ string) {
	build(t, "libevent-loop", "cc", "-O1", "-pthread", "-Wall", "-Wl,--no-as-needed", "-levent", "-levent_pthreads", "loops/event.c")
}

// tokio builds with the distribution's crates.
func tokio(t *testing.T, _ string) {
	home := filepath.Join(work, "cargo")
	write(t, filepath.Join(home, "config.toml"), "[source.crates-io]\nreplace-with = \"debian\"\n[source.debian]\ndirectory = \"/usr/share/cargo/registry\"\n")
	project := filepath.Join(work, "tokio-project")
	if err := os.CopyFS(project, os.DirFS("loops/tokio")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/usr/bin/cargo", "build", "-q", "--offline", "--release", "--target-dir", filepath.Join(work, "tokio"))
	c.Dir = project
	c.Env = append(plain(t), "CARGO_HOME="+home)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
