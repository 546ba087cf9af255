package stuck

import (
	"bytes"
	"fmt"
	"strings"
)

// Text is the picture for people, each line with sluice's name before it.
func (p *Picture) Text() []byte {
	var b bytes.Buffer
	p.head(&b)
	for i := range p.Tasks {
		if i == maxTasks {
			fmt.Fprintf(&b, "and %d more tasks\n", len(p.Tasks)-i)
			break
		}
		p.Tasks[i].text(&b)
	}
	for i := range p.Objects {
		p.Objects[i].text(&b)
	}
	if !p.Dead && len(p.Circle)+len(p.Findings) > 0 {
		fmt.Fprintln(&b, "as it stands at this moment:")
	}
	if len(p.Circle) > 0 {
		fmt.Fprintln(&b, "the circle:")
		fmt.Fprintln(&b, "  "+p.circleText())
	}
	for _, s := range p.Findings {
		fmt.Fprintln(&b, s)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(b.Bytes()) {
		out.WriteString("sluice: ")
		out.Write(line)
	}
	return out.Bytes()
}

func (p *Picture) head(b *bytes.Buffer) {
	all, moving := 0, 0
	for i := range p.Tasks {
		if p.Tasks[i].State != "ended" {
			all++
		}
		if p.Tasks[i].Why != "" {
			moving++
		}
	}
	tasks := fmt.Sprintf("none of the %d tasks of the tree", all)
	if all == 1 {
		tasks = "the tree's one task cannot go on"
	} else {
		tasks += " can go on"
	}
	if p.Dead {
		fmt.Fprintf(b, "deadlock after %s s: %s\n", seconds(p.At), tasks)
		return
	}
	fmt.Fprintf(b, "after %s s: %d of %d tasks may go on by themselves\n", seconds(p.At), moving, all)
}

func (t *Task) text(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s", nameOf(t.Comm, t.PID, t.TID))
	if t.PID == t.TID && len(t.Command) > 0 {
		fmt.Fprintf(b, " %s", words(t.Command))
	}
	fmt.Fprintln(b)
	switch {
	case t.Call != "":
		fmt.Fprintf(b, "  %s in %s\n", t.State, t.Call)
	default:
		fmt.Fprintf(b, "  %s\n", t.State)
	}
	for i, w := range t.Waits {
		if i == maxWaits {
			fmt.Fprintf(b, "  waits for %d more\n", len(t.Waits)-i)
			break
		}
		fmt.Fprintf(b, "  waits for %s\n", w.For)
	}
	if t.Why != "" && t.Why != "it is "+t.State {
		fmt.Fprintf(b, "  may go on: %s\n", t.Why)
	}
	for i, f := range t.Stack {
		fmt.Fprintf(b, "    #%d %s\n", i, f.text())
	}
}

// What a list shows; the JSON has all.
const (
	maxWaits   = 8
	maxHolders = 32
	maxTasks   = 100
)

func (f Frame) text() string {
	s := f.Func
	if s == "" {
		s = fmt.Sprintf("%#x (no symbols)", f.PC)
	}
	switch {
	case f.Line > 0:
		s += fmt.Sprintf(" at %s:%d", f.File, f.Line)
	case f.File != "":
		s += " in " + f.File
	}
	return s
}

func (o *Object) text(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s", o.Name)
	switch {
	case !o.filled:
	case o.Kind == "eventfd":
		fmt.Fprintf(b, ": the count is %d", o.Bytes)
	case o.Slots > 0:
		fmt.Fprintf(b, ": %d bytes in %d of %d slots", o.Bytes, o.Used, o.Slots)
	case o.Used > 0:
		fmt.Fprintf(b, ": %d bytes in %d messages", o.Bytes, o.Used)
	default:
		fmt.Fprintf(b, ": nothing unread")
	}
	if o.filled {
		fmt.Fprintf(b, "; last read by %s, last written by %s", o.Read.text(), o.Wrote.text())
	}
	fmt.Fprintln(b)
	for i, h := range o.Holders {
		if i == maxHolders {
			fmt.Fprintf(b, "  and %d more\n", len(o.Holders)-i)
			break
		}
		end := map[string]string{"read": "read end", "write": "write end", "both": "both ends", "": "held"}[h.End]
		if h.PID == 0 {
			fmt.Fprintf(b, "  %s: in a message that lies unread at %s\n", end, h.Message)
			continue
		}
		fmt.Fprintf(b, "  %s: %s at descriptor %d, %s\n", end, nameOf(h.Comm, h.PID, h.PID), h.FD, way(h.How))
	}
}

func (a Act) text() string {
	if a.PID == 0 {
		return "nobody"
	}
	if a.Now {
		return nameOf(a.Comm, a.PID, a.TID) + " in this call"
	}
	return fmt.Sprintf("%s at %s s", nameOf(a.Comm, a.PID, a.TID), seconds(a.At))
}

// way tells a descriptor's steps.
func way(steps []Step) string {
	if len(steps) == 0 {
		return "it is not known how it got there"
	}
	var out []string
	for _, s := range steps {
		switch s.What {
		case "exec":
			out = append(out, fmt.Sprintf("exec of %s at %s s", s.Comm, seconds(s.At)))
		case "fork":
			out = append(out, fmt.Sprintf("fork by %s at %s s", nameOf(s.Comm, s.PID, s.PID), seconds(s.At)))
		default:
			out = append(out, fmt.Sprintf("%s by %s at %s s", s.What, nameOf(s.Comm, s.PID, s.PID), seconds(s.At)))
		}
	}
	return strings.Join(out, ", ")
}

func (p *Picture) circleText() string {
	var b strings.Builder
	for _, l := range p.Circle {
		what := l.Verb
		if l.On != "" {
			what += " " + l.On
		}
		fmt.Fprintf(&b, "%s --%s--> ", l.Comm, what)
	}
	return b.String() + p.Circle[0].Comm
}

func seconds(ns int64) string { return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1e3) }

// words is a command line, cut where it is long.
func words(command []string) string {
	const enough = 120
	s := ""
	for i, w := range command {
		if i > 0 {
			s += " "
		}
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$`") || strings.ContainsFunc(w, func(r rune) bool { return r < ' ' }) {
			w = fmt.Sprintf("%q", w)
		}
		s += w
	}
	if len(s) > enough {
		s = s[:enough] + "..."
	}
	return s
}
