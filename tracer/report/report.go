// Package report tells what a run did: a line for every served call, and tables at its end. It looks and
// never decides: its layers change no call, and a run with them answers as one without.
package report

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"sluice/emulate"
)

// A Config says what to report, and with what.
type Config struct {
	Log     string // a file, "-" for Stderr, "" for none
	Verbose bool   // a log on Stderr, whatever Log says
	JSON    bool   // the log's format
	Stats   bool
	Color   bool
	Now     func() int64 // ns
	Kernel  *emulate.Kernel
	Stderr  io.Writer // nil: the process's own
}

// Stops counts what the tracer did. Total is every stop of every task.
type Stops struct {
	Total, Served, Passed, Injected, Parked, Kicked, Signals, Events uint64
}

// A Report is the open logs and tables of one run.
type Report struct {
	logs   []*Log
	stats  *Stats
	stderr io.Writer
	color  bool
}

// Open makes the layers that a configuration asks for: none when it asks for nothing.
func Open(c Config) ([]emulate.Layer, *Report, error) {
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	r := &Report{stderr: c.Stderr, color: c.Color}
	var layers []emulate.Layer
	add := func(l *Log) {
		l.JSON = c.JSON
		r.logs = append(r.logs, l)
		layers = append(layers, l)
	}
	if c.Log != "" && c.Log != "-" {
		f, err := os.Create(c.Log)
		if err != nil {
			return nil, nil, fmt.Errorf("the log cannot be written: %w", err)
		}
		add(NewLog(f, c.Now))
	}
	if c.Verbose || c.Log == "-" {
		l := NewLog(c.Stderr, c.Now)
		l.Live, l.Color = true, c.Color && !c.JSON
		if !c.JSON {
			l.Prefix = "sluice: "
		}
		add(l)
	}
	if c.Stats {
		r.stats = NewStats(c.Kernel, c.Now)
		layers = append(layers, r.stats)
	}
	return layers, r, nil
}

// Flush writes what the logs have kept back.
func (r *Report) Flush() error {
	for _, l := range r.logs {
		if err := l.Flush(); err != nil {
			return fmt.Errorf("the log cannot be written: %w", err)
		}
	}
	return nil
}

// Finish writes the tables; the main program is about to end, and the processes named in still live on.
func (r *Report) Finish(s Stops, still []string) error {
	err := r.Flush()
	if r.stats == nil {
		return err
	}
	var b bytes.Buffer
	r.stats.Render(&b, s, still)
	// A stderr that is closed, or a pipe that nobody reads any more, is not worth a word.
	for line := range bytes.Lines(b.Bytes()) {
		fmt.Fprintf(r.stderr, "sluice: %s", line)
	}
	return err
}
