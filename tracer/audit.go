package tracer

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// The audit holds what the model thinks of a task's descriptors against what the kernel says, at every stop. It is for
// tests (SLUICE_AUDIT=1): a descriptor that the model forgot is one whose calls go to the placeholder, and hang.

// audited compares a stopped task's table with /proc/PID/fd. A table that others use too may change meanwhile.
func (t *Tracer) audited(k *task) {
	table := k.model.Files
	if table.Users() > 1 {
		return
	}
	kernels := map[int]string{}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", k.tid))
	if err != nil {
		return // it was killed
	}
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", k.tid, fd))
		if err == nil {
			kernels[fd] = link
		}
	}
	if unix.Kill(k.tid, 0) != nil || len(kernels) < len(entries) {
		return
	}
	for _, fd := range table.FDs() {
		f := table.Get(fd)
		link, open := kernels[fd]
		switch {
		case !open:
			t.fail(fmt.Errorf("audit: %s: the model has %s at %d, where nothing is open", k, f.Name(), fd))
		case !fits(f, link):
			t.fail(fmt.Errorf("audit: %s: the model has %s at %d, where %s is", k, f.Name(), fd, link))
		case cloexec(k.tid, fd) != table.Cloexec(fd):
			t.fail(fmt.Errorf("audit: %s: close-on-exec of %s at %d is not %v", k, f.Name(), fd, table.Cloexec(fd)))
		}
	}
	for fd, link := range kernels {
		if table.Get(fd) != nil || !strings.HasPrefix(link, "pipe:") && !strings.HasPrefix(link, "socket:") {
			continue
		}
		if f := t.known(k, fd); f != nil {
			t.fail(fmt.Errorf("audit: %s: the model does not have %s at %d", k, f.Name(), fd))
		}
	}
}

// fits tells whether a link of /proc/PID/fd can be an object's placeholder.
func fits(f *emulate.File, link string) bool {
	switch f.Object().Kind() {
	case "pipe":
		return strings.HasPrefix(link, "pipe:")
	case "pair":
		return strings.HasPrefix(link, "socket:")
	}
	return link == "anon_inode:["+map[string]string{"epoll": "eventpoll", "eventfd": "eventfd"}[f.Object().Kind()]+"]"
}
