package seccomp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onOwnThread runs f on a thread that ends with it, since a filter cannot be taken off again.
func onOwnThread(f func() string) string {
	done := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with the goroutine
		done <- f()
	}()
	return <-done
}

// rawRead is a read that the runtime knows nothing of.
func rawRead(fd int, p []byte) (uintptr, unix.Errno) {
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return n, e
}

// zeroAt opens /dev/zero as descriptor fd, far from those that the test binary uses.
func zeroAt(t testing.TB, fd int) {
	t.Helper()
	z, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(z)
	if err := unix.Dup3(z, fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
}

// A call that is to be traced while nobody traces fails with ENOSYS (seccomp(2), SECCOMP_RET_TRACE), which
// shows what the kernel makes of the filters.
func TestTheKernelTakesTheFilters(t *testing.T) {
	zeroAt(t, 200)
	zeroAt(t, 201)
	for name, fds := range map[string]Set{"one": Of(200), "block": Of(194, 196, 200, 205), "all": {All: true}} {
		said := onOwnThread(func() string {
			for _, prog := range [][]unix.SockFilter{Arm(fds), Base()} { // Base last: it stops this very call
				if err := Install(prog); err != nil {
					return err.Error()
				}
			}
			p := make([]byte, 1)
			_, armed := rawRead(200, p)
			n, free := rawRead(201, p)
			_, _, pipe := unix.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&p[0])), ^uintptr(0), 0)
			return fmt.Sprint(armed == unix.ENOSYS, free == unix.ENOSYS, n, pipe == unix.ENOSYS)
		})
		want := "true false 1 true"
		if fds.All {
			want = "true true"
		}
		if !strings.HasPrefix(said, want) {
			t.Errorf("%s: %s, want %s", name, said, want)
		}
	}
}

func TestInstallRefusesNonsense(t *testing.T) {
	if Install(nil) == nil {
		t.Error("an empty filter went in")
	}
	if said := onOwnThread(func() string { return fmt.Sprint(Install([]unix.SockFilter{{Code: 0xffff}})) }); !strings.Contains(said, "invalid") {
		t.Error(said)
	}
}

// BenchmarkCalls tells what calls that do not stop cost under the filters; the difference from "native" counts.
func BenchmarkCalls(b *testing.B) {
	zeroAt(b, 201)
	spread := Of(3, 5, 9, 12, 17, 40, 44, 47, 90, 120)
	calls := map[string]func(){
		"read": func() { var p [1]byte; rawRead(201, p[:]) },
		"pread": func() {
			var p [1]byte
			unix.RawSyscall6(unix.SYS_PREAD64, 201, uintptr(unsafe.Pointer(&p[0])), 1, 0, 0, 0)
		},
		"getppid": func() { unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) },
	}
	for _, under := range []struct {
		name  string
		progs [][]unix.SockFilter
	}{
		{"native", nil}, {"base", [][]unix.SockFilter{Base()}}, {"pair", [][]unix.SockFilter{Arm(Of(3, 4)), Base()}},
		{"spread", [][]unix.SockFilter{Arm(spread), Base()}}, {"twice", [][]unix.SockFilter{Arm(Of(3, 4)), Arm(spread), Base()}},
	} {
		for _, name := range []string{"read", "pread", "getppid"} {
			b.Run(under.name+"/"+name, func(b *testing.B) {
				err := onOwnThread(func() string {
					for _, prog := range under.progs {
						if err := Install(prog); err != nil {
							return err.Error()
						}
					}
					start := time.Now()
					for i := 0; i < b.N; i++ {
						calls[name]()
					}
					b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N), "ns/call")
					return ""
				})
				if err != "" {
					b.Fatal(err)
				}
			})
		}
	}
}
