// Command pipes does what Go programs do with pipes: pipelines of commands, streams in both directions, os.Pipe between
// goroutines, deadlines, and descriptors that a child inherits.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Println("cannot go on:", err)
		os.Exit(99)
	}
}

func main() {
	pipeline()
	both()
	goroutines()
	deadline()
	inherited()
	cancelled()
	many()
}

// pipeline connects three commands by their own pipes, as a shell does.
func pipeline() {
	seq, sort, head := exec.Command("seq", "20000"), exec.Command("sort", "-rn"), exec.Command("head", "-2")
	var err error
	sort.Stdin, err = seq.StdoutPipe()
	must(err)
	head.Stdin, err = sort.StdoutPipe()
	must(err)
	var out bytes.Buffer
	head.Stdout = &out
	for _, c := range []*exec.Cmd{head, sort, seq} {
		must(c.Start())
	}
	// Our copies of the read ends: with them open nobody would get SIGPIPE.
	must(sort.Stdin.(io.Closer).Close())
	must(head.Stdin.(io.Closer).Close())
	must(head.Wait())
	sorted, err := sort.Process.Wait() // head leaves it with a broken pipe
	fmt.Println("sort:", sorted, err)
	must(seq.Wait())
	fmt.Printf("pipeline %q\n", out.String())
}

// both writes megabytes to a command while it reads them back from it, and collects its stderr.
func both() {
	data := bytes.Repeat([]byte("0123456789abcde\n"), 4<<16)
	c := exec.Command("sh", "-c", "tee /dev/stderr | tr 0-9 a-j")
	c.Stdin = bytes.NewReader(data)
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	must(c.Run())
	fmt.Printf("both %d %x, %d %v\n", out.Len(), sha256.Sum256(out.Bytes()), err.Len(), bytes.Equal(err.Bytes(), data))
}

// goroutines pass bytes on through a chain of pipes.
func goroutines() {
	first, in, err := os.Pipe()
	must(err)
	from := first
	for range 20 {
		r, w, err := os.Pipe()
		must(err)
		go func(from *os.File) {
			defer w.Close()
			io.Copy(w, from)
		}(from)
		from = r
	}
	go func() {
		defer in.Close()
		for range 1000 {
			io.WriteString(in, strings.Repeat("x", 777))
		}
	}()
	n, err := io.Copy(io.Discard, from)
	fmt.Println("chain", n, err)
}

// deadline shows that the pipe is non-blocking and that a goroutine's wait ends.
func deadline() {
	r, w, err := os.Pipe()
	must(err)
	must(r.SetReadDeadline(time.Now().Add(20 * time.Millisecond)))
	_, err = r.Read(make([]byte, 1))
	fmt.Println("deadline", errors.Is(err, os.ErrDeadlineExceeded))
	must(r.SetReadDeadline(time.Time{}))
	done := make(chan error)
	go func() {
		_, err := r.Read(make([]byte, 1))
		done <- err
	}()
	w.Close()
	fmt.Println("closed", <-done)
	r.Close()
	_, err = r.Read(make([]byte, 1))
	fmt.Println("read of a closed one", errors.Is(err, os.ErrClosed))
}

// inherited gives a child two descriptors beside the usual three.
func inherited() {
	toR, toW, err := os.Pipe()
	must(err)
	fromR, fromW, err := os.Pipe()
	must(err)
	c := exec.Command("sh", "-c", "cat <&3 >&4; echo end >&4")
	c.ExtraFiles = []*os.File{toR, fromW}
	must(c.Start())
	toR.Close()
	fromW.Close()
	_, err = io.WriteString(toW, "through the child\n")
	must(err)
	toW.Close()
	got, err := io.ReadAll(fromR)
	fmt.Printf("inherited %q %v\n", got, err)
	must(c.Wait())
}

// cancelled ends a command that would wait for ever.
func cancelled() {
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "cat")
	in, err := c.StdinPipe()
	must(err)
	out, err := c.StdoutPipe()
	must(err)
	must(c.Start())
	io.WriteString(in, "a")
	b := make([]byte, 1)
	_, err = io.ReadFull(out, b)
	must(err)
	cancel()
	rest, err := io.ReadAll(out)
	fmt.Printf("cancelled after %q: %q %v, %v\n", b, rest, err, c.Wait())
}

// many runs commands from many goroutines at once.
func many() {
	var all sync.WaitGroup
	sums := make([]int, 16)
	for i := range sums {
		all.Go(func() {
			for range 4 {
				out, err := exec.Command("sh", "-c", "seq 100 | wc -l").Output()
				must(err)
				var n int
				fmt.Sscan(string(out), &n)
				sums[i] += n
			}
		})
	}
	all.Wait()
	fmt.Println("many", sums)
}
