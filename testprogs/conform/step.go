package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed runner/ops.h
var opsText string

// words is the size of a step; the last word is its key.
const (
	words = 16
	key   = words - 1
)

// The flags of a step, as in runner/run.h.
const (
	timed = 1 << iota
	multi
	big
	waits
)

// A step is one call of one actor.
type step [words]int64

// A prog is the steps of one program.
type prog []step

// An op is a kind of step.
type op struct {
	name string
	args []string
}

var (
	ops    = readOps()
	opByID = func() map[string]int64 {
		m := map[string]int64{}
		for i, o := range ops {
			m[o.name] = int64(i)
		}
		return m
	}()
)

func readOps() (list []op) {
	for _, m := range regexp.MustCompile(`(?m)^OP\((\w+), ([^)]*)\)`).FindAllStringSubmatch(opsText, -1) {
		list = append(list, op{m[1], strings.Fields(m[2])})
	}
	return list
}

func (s *step) op() op       { return ops[s[0]&255] }
func (s *step) actor() int   { return int(s[0] >> 8 & 255) }
func (s *step) flags() int64 { return s[0] >> 16 }

func makeStep(actor int, name string, args ...int64) step {
	id, ok := opByID[name]
	if !ok {
		panic("no step " + name)
	}
	s := step{id | int64(actor)<<8}
	copy(s[1:key], args)
	return s
}

// String is the form in which steps are kept: actor, name with flags and key, arguments.
func (s *step) String() string {
	b := fmt.Sprintf("%d %s/%d/%d", s.actor(), s.op().name, s.flags(), s[key])
	for i := range s.op().args {
		b += fmt.Sprintf(" %#x", s[1+i])
	}
	return b
}

// parse reads the form that String writes. Lines that begin with # are comments, and an empty line ends a program.
func parse(text string) (list []prog, err error) {
	var p prog
	for i, line := range append(strings.Split(text, "\n"), "") {
		line = strings.TrimSpace(line)
		if line == "" && len(p) > 0 {
			list, p = append(list, p), nil
		}
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		head := strings.Split(f[min(1, len(f)-1)], "/")
		id, known := opByID[head[0]]
		if !known || len(head) != 3 || len(f)-2 > key-1 {
			return nil, fmt.Errorf("line %d is no step: %q", i+1, line)
		}
		var n [words + 3]int64
		for j, w := range append([]string{f[0], head[1], head[2]}, f[2:]...) {
			if n[j], err = strconv.ParseInt(w, 0, 64); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		s := step{id | n[0]<<8 | n[1]<<16}
		copy(s[1:key], n[3:])
		s[key] = n[2]
		p = append(p, s)
	}
	return list, nil
}

// pack is what the runner reads.
func pack(list []prog) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, p := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		for i := range p {
			for _, w := range p[i] {
				b = binary.LittleEndian.AppendUint64(b, uint64(w))
			}
		}
	}
	return b
}
