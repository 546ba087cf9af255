package testprogs

import (
	"testing"
	"time"
)

// languages are programs that do with pipes what their language offers for it.
var languages = []real{
	{name: "python subprocess", needs: []string{"python3", "python3"}, script: `python3 "$TESTPROGS/python/communicate.py"`},
	{name: "python multiprocessing by fork", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/python/pool.py" fork`},
	{name: "python multiprocessing by spawn", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/python/pool.py" spawn`},
	// The server gets the descriptors over a named socket, which is the kernel's.
	{name: "python multiprocessing by a server", needs: []string{"python3", "python3"}, demotes: "sent over a socket",
		script: `exec python3 "$TESTPROGS/python/pool.py" forkserver`},
	{name: "python asyncio", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/python/streams.py"`},
	{name: "python socketpair", needs: []string{"python3", "python3"}, script: `exec python3 "$TESTPROGS/python/pairs.py"`},
	{name: "node", needs: []string{"node", "nodejs"}, script: `exec node "$TESTPROGS/node/spawns.js"`},
	{name: "perl", needs: []string{"perl", "perl"}, script: `exec perl "$TESTPROGS/perl/opens.pl"`},
	{name: "go", setup: func(t *testing.T, _ string) {
		build(t, "go-pipes", "go", "build", "-buildvcs=false", "sluice/testprogs/go/pipes")
	}, script: `exec $HOME/go-pipes`},
	{name: "rust", needs: []string{"rustc", "rustc"}, setup: func(t *testing.T, _ string) {
		build(t, "rust-pipes", "rustc", "-O", "rust/pipes.rs")
	}, script: `exec $HOME/rust-pipes`, limit: 2 * time.Minute},
}
