package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// maxRows is how many objects the table shows; of more, those with the most calls.
const maxRows = 100

// Render writes the tables. What a process of still holds is marked.
func (s *Stats) Render(w io.Writer, stops Stops, still []string) {
	for _, tid := range slices.Sorted(maps.Keys(s.kernel.Tasks)) { // who holds an end and never used it
		s.look(s.kernel.Tasks[tid])
	}
	rows := s.order
	var rest row
	if len(rows) > maxRows {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(b.calls, a.calls) })
		for _, r := range rows[maxRows:] {
			rest.in, rest.out, rest.calls, rest.blocked = rest.in+r.in, rest.out+r.out, rest.calls+r.calls, rest.blocked+r.blocked
		}
		rest.name = fmt.Sprintf("%d others", len(rows)-maxRows)
		rows = rows[:maxRows]
	}
	alive := s.heldBy(still)
	if len(rows) == 0 {
		fmt.Fprint(w, "no pipe, socketpair or eventfd was made\n")
	} else {
		s.table(w, rows, rest, alive)
	}
	if len(alive) > 0 {
		fmt.Fprint(w, "* is still open in what the program leaves behind\n")
	}
	if len(still) > 0 {
		fmt.Fprintf(w, "still running: %s\n", strings.Join(still, ", "))
	}
	fmt.Fprintf(w, "stops: %d; calls served %d, passed %d; calls injected %d, parked %d, kicked %d; signals %d, events %d\n",
		stops.Total, stops.Served, stops.Passed, stops.Injected, stops.Parked, stops.Kicked, stops.Signals, stops.Events)
}

func (s *Stats) table(w io.Writer, rows []*row, rest row, alive map[string]bool) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(t, "object\tbytes in\tbytes out\tcalls\tblocked\tpeak fill\theld by\n")
	for _, r := range rows {
		mark := ""
		if alive[r.name] {
			mark = "*"
		}
		fmt.Fprintf(t, "%s%s\t%d\t%d\t%d\t%s\t%s\t%s\n", r.name, mark, r.in, r.out, r.calls,
			appendDuration(nil, r.blocked), r.peakText(), r.heldBy())
	}
	if rest.name != "" {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t\t\n", rest.name, rest.in, rest.out, rest.calls, appendDuration(nil, rest.blocked))
	}
	t.Flush()
}

// heldBy names the objects that the processes named in still hold.
func (s *Stats) heldBy(still []string) map[string]bool {
	alive := map[string]bool{}
	for _, t := range s.kernel.Tasks {
		mine := fmt.Sprintf("[%d]", t.TGID)
		if t.Files == nil || !slices.ContainsFunc(still, func(name string) bool { return strings.HasSuffix(name, mine) }) {
			continue
		}
		for _, fd := range t.Files.FDs() {
			alive[t.Files.Get(fd).Name()] = true
		}
	}
	return alive
}

func (r *row) peakText() string {
	switch {
	case r.peak[2] > 0:
		return fmt.Sprintf("%d in %d/%d", r.peak[0], r.peak[1], r.peak[2])
	case r.peak[0] > 0:
		return fmt.Sprint(r.peak[0])
	}
	return "0"
}

// heldBy lists the holders of each end, those that moved most first.
func (r *row) heldBy() string {
	const shown = 3
	var parts []string
	for _, end := range []string{"write", "read", "both", ""} {
		var hs []*holder
		for _, h := range r.holders {
			if h.end == end {
				hs = append(hs, h)
			}
		}
		if len(hs) == 0 {
			continue
		}
		slices.SortStableFunc(hs, func(a, b *holder) int { return cmp.Compare(b.moved, a.moved) })
		var names []string
		for _, h := range hs[:min(shown, len(hs))] {
			names = append(names, fmt.Sprintf("%s[%d] %d", h.comm, h.tgid, h.fd))
		}
		text := strings.Join(names, ", ")
		if len(hs) > shown {
			text += fmt.Sprintf(" and %d more", len(hs)-shown)
		}
		if end != "" {
			text = end + ": " + text
		}
		parts = append(parts, text)
	}
	if r.more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", r.more))
	}
	return strings.Join(parts, "; ")
}
