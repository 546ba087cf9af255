package emulate

import "golang.org/x/sys/unix"

// raise sends the signal of O_ASYNC to the owners of those files that read, or of those that write: kill_fasync
// (fs/fcntl.c). band is what happened, In or Out.
func (k *Kernel) raise(files []*File, readers bool, band Events) {
	for _, f := range files {
		if f.Flags&unix.O_ASYNC != 0 && (readers && f.reads() || !readers && f.writes()) {
			k.Host.Raise(f, band)
		}
	}
}

// raiseOne sends it to a socket's owner.
func (k *Kernel) raiseOne(f *File, band Events) {
	if f.Flags&unix.O_ASYNC != 0 {
		k.Host.Raise(f, band)
	}
}

// Fasync is what O_ASYNC does for f: whom it signals, with what, and under which descriptor.
func (f *File) Fasync() (owner Owner, sig unix.Signal, fd int) { return f.owner, f.sig, f.asyncFD }
