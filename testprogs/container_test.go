package testprogs

import (
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside wraps a script whose sluice is the first process of a pid namespace, with a /proc of its own, as in a container.
func inside(script string) program {
	a := &syscall.SysProcAttr{Setpgid: true, Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// exec keeps sluice the first process.
	argv := []string{"sh", "-c", `mount -t proc proc /proc && exec "$@"`, "sh"}
	return program{argv: append(argv, wrapped([]string{"bash", "-c", script})...), attr: a}
}

// In a container sluice stays the program's parent, and hands on signals and statuses.
func TestFirstProcess(t *testing.T) {
	parallel(t)
	got := launch(t, inside(`seq 1000 | sort -rn | head -1; diff <(seq 2) <(seq 3); echo $PPID; exit 7`))
	if want := "1000\n2a3\n> 3\n1\n"; got.stdout != want || got.stderr != "" || got.status.ExitStatus() != 7 {
		t.Errorf("want %q and status 7:\n%v", want, got)
	}
	if got := launch(t, inside(`true | kill -9 $$`)); got.status.ExitStatus() != 128+9 {
		t.Errorf("a killed program is to give 137:\n%v", got)
	}
	name := fifo(t)
	p := inside(`trap 'kill $!; echo told | cat; exit 5' TERM; sleep 1000 & echo up > $F; wait`)
	p.env = []string{"F=" + name}
	r := start(t, p)
	hear(t, name)
	r.cmd.Process.Signal(syscall.SIGTERM)
	if got := r.all(); got.stdout != "told\n" || got.status.ExitStatus() != 5 {
		t.Errorf("SIGTERM is to reach the program:\n%v", got)
	}
	// Orphans come to the first process, which must not take their end for the program's.
	got = launch(t, inside(`(sh -c '(exit 9) & (exit 8) &' ); for i in 1 2 3 4 5; do (true & true | true &); done; seq 3 | tail -1; exit 2`))
	if got.stdout != "3\n" || got.status.ExitStatus() != 2 {
		t.Errorf("with orphans:\n%v", got)
	}
}

// The end of the main program is the end of the container, as it is when the program itself is the first process.
func TestFirstProcessEnds(t *testing.T) {
	parallel(t)
	p := inside(`setsid sleep 1000 & sleep 1000 | cat & exit 5`)
	p.limit = 20 * time.Second
	if got := launch(t, p); got.status.ExitStatus() != 5 {
		t.Error(got)
	}
}
