package emulate

import "golang.org/x/sys/unix"

// raise sends the signal of O_ASYNC to the owners of those files that write, or that do not: kill_fasync
// (fs/fcntl.c). band is what happened, as siginfo tells it.
func (k *Kernel) raise(files []*File, readers bool, band Events) {
	for _, f := range files {
		if f.Flags&unix.O_ASYNC == 0 || f.owner.Pid == 0 {
			continue
		}
		if readers && f.reads() || !readers && f.writes() {
			k.Host.Raise(f.owner, f.sig, f.asyncFD, band)
		}
	}
}
