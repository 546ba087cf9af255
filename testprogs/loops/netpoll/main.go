// Netpoll puts load on Go's network poller through os.Pipe and os/exec: deadlines, closes under a sleeping read, many
// goroutines, children. LOAD says how much.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var load = 1

func check(err error) {
	if err != nil {
		fmt.Println("cannot go on:", err)
		os.Exit(99)
	}
}

// deadlines: reads that time out, with data between them, and deadlines that are moved while a read sleeps.
func deadlines() string {
	r, w, err := os.Pipe()
	check(err)
	defer r.Close() // else the collector may, and the writer below gets EPIPE
	defer w.Close()
	missed, got := 0, 0
	b := make([]byte, 1)
	for i := range 60 * load {
		check(r.SetReadDeadline(time.Now().Add(2 * time.Millisecond)))
		if _, err := r.Read(b); errors.Is(err, os.ErrDeadlineExceeded) {
			missed++
		}
		if i%3 == 0 {
			check(r.SetReadDeadline(time.Time{}))
			w.Write(b)
			r.Read(b)
			got++
		}
	}
	check(r.SetReadDeadline(time.Now().Add(time.Hour)))
	time.AfterFunc(20*time.Millisecond, func() { r.SetReadDeadline(time.Now()) })
	_, err = r.Read(b)
	moved := errors.Is(err, os.ErrDeadlineExceeded)
	check(w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)))
	for err = nil; err == nil; {
		_, err = w.Write(make([]byte, 4096))
	}
	return fmt.Sprint(missed, got, moved, errors.Is(err, os.ErrDeadlineExceeded))
}

// closes: a sleeping read ends when its file is closed.
func closes() string {
	ended := 0
	for range 50 * load {
		r, w, err := os.Pipe()
		check(err)
		done := make(chan error)
		go func() { _, err := r.Read(make([]byte, 1)); done <- err }()
		time.Sleep(200 * time.Microsecond)
		r.Close()
		if errors.Is(<-done, os.ErrClosed) {
			ended++
		}
		w.Close()
	}
	return fmt.Sprint(ended)
}

// chain: numbers through a chain of goroutines, a pipe between any two.
func chain(n int) string {
	first, in, err := os.Pipe()
	check(err)
	from := first
	for range 10 {
		r, w, err := os.Pipe()
		check(err)
		go func(from *os.File) {
			for s := bufio.NewScanner(from); s.Scan(); {
				v, _ := strconv.Atoi(s.Text())
				fmt.Fprintln(w, v+1)
			}
			w.Close()
		}(from)
		from = r
	}
	go func() {
		for i := range n {
			fmt.Fprintln(in, i)
		}
		in.Close()
	}()
	sum := 0
	for s := bufio.NewScanner(from); s.Scan(); {
		v, _ := strconv.Atoi(s.Text())
		sum += v
	}
	return fmt.Sprint(sum)
}

// children: many at once, with all three streams.
func children(n int) string {
	var wg sync.WaitGroup
	var bytesOut, codes atomic.Int64
	gate := make(chan bool, 8)
	for i := range n {
		wg.Go(func() {
			gate <- true
			defer func() { <-gate }()
			c := exec.Command("sh", "-c", fmt.Sprintf("cat; echo err >&2; exit %d", i%9))
			c.Stdin = bytes.NewReader(make([]byte, 1000*(i%150)))
			var out, errs bytes.Buffer
			c.Stdout, c.Stderr = &out, &errs
			err := c.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				codes.Add(int64(exit.ExitCode()))
			} else {
				check(err)
			}
			bytesOut.Add(int64(out.Len() + errs.Len()))
		})
	}
	wg.Wait()
	return fmt.Sprint(bytesOut.Load(), codes.Load())
}

// limits: children that are killed by a context, and one that leaves its pipes to a grandchild.
func limits() string {
	killed := 0
	for range 10 * load {
		ctx, cancel := context.WithCancel(context.Background())
		c := exec.CommandContext(ctx, "sleep", "100")
		c.StdoutPipe()
		check(c.Start())
		time.AfterFunc(10*time.Millisecond, cancel)
		if c.Wait() != nil && c.ProcessState.String() == "signal: killed" {
			killed++
		}
	}
	c := exec.Command("sh", "-c", "sleep 3 & echo started")
	c.WaitDelay = 500 * time.Millisecond
	out, err := c.Output()
	return fmt.Sprintf("%d %q %v", killed, out, err)
}

// signals come through the runtime to a channel while everything else goes on.
func signals() string {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	defer signal.Stop(got)
	for range 60 * load {
		check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
		<-got
	}
	return "all"
}

// bulk: megabytes through a child and back.
func bulk() string {
	c := exec.Command("cat")
	in, err := c.StdinPipe()
	check(err)
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	go func() {
		for i := range 300 * load {
			in.Write(bytes.Repeat([]byte{byte(i)}, 7919))
		}
		in.Close()
	}()
	h := md5.New()
	n, err := io.Copy(h, out)
	check(err)
	check(c.Wait())
	return fmt.Sprintf("%d %x", n, h.Sum(nil))
}

func main() {
	if n, err := strconv.Atoi(os.Getenv("LOAD")); err == nil {
		load = n
	}
	jobs := []struct {
		name string
		do   func() string
	}{
		{"deadlines", deadlines}, {"closes", closes}, {"chain", func() string { return chain(400 * load) }},
		{"children", func() string { return children(40 * load) }}, {"limits", limits}, {"signals", signals}, {"bulk", bulk},
	}
	results := make([]string, len(jobs))
	var wg sync.WaitGroup
	for i, j := range jobs {
		wg.Go(func() { results[i] = j.do() })
	}
	wg.Wait()
	for i, j := range jobs {
		fmt.Println(j.name, results[i])
	}
}
