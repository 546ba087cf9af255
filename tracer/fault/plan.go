package fault

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A Plan is all that a run is asked for.
type Plan struct {
	Rules []*Rule
	Seed  uint64
	Drawn bool // the seed is by chance, and matters: say it, so that the run can be had again
}

// maxText bounds the rules of a run together: as JSON, which may take six bytes for one, they go in one packet.
const maxText = 24 << 10

// NewPlan reads rules from the command line and from a file, of which "" is none. seed is a number, "random" or ""; draw
// makes one by chance.
func NewPlan(rules []string, file, seed string, near Near, draw func() uint64) (*Plan, error) {
	p := &Plan{}
	size := 0
	add := func(text, from string) error {
		if size += len(text); size > maxText {
			return fmt.Errorf("%s: rules are bound to %d KiB together", from, maxText>>10)
		}
		r, err := Parse(text, from, near)
		if err == nil {
			p.Rules = append(p.Rules, r)
		}
		return err
	}
	for _, text := range rules {
		for _, line := range strings.Split(text, "\n") {
			if strings.TrimSpace(line) == "" && text != "" {
				continue
			}
			if err := add(strings.TrimSpace(line), "--inject"); err != nil {
				return nil, err
			}
		}
	}
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--inject-file: %w", err)
		}
		for i, line := range strings.Split(string(raw), "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := add(line, fmt.Sprintf("%s:%d", file, i+1)); err != nil {
				return nil, err
			}
		}
	}
	return p, p.sow(seed, draw)
}

func (p *Plan) sow(seed string, draw func() uint64) (err error) {
	if seed != "" && seed != "random" {
		if p.Seed, err = strconv.ParseUint(seed, 0, 64); err != nil {
			return fmt.Errorf("--seed is a number or random, not %q", seed)
		}
		return nil
	}
	if p.Drawn = slices.ContainsFunc(p.Rules, (*Rule).Random); p.Drawn || seed != "" {
		p.Seed, p.Drawn = draw()>>32, true
	}
	return nil
}

// Texts are the rules as they were written, for another process.
func (p *Plan) Texts() (out []string) {
	for _, r := range p.Rules {
		out = append(out, r.Text)
	}
	return out
}

// Stop lists the calls that must stop wherever they are made, since a rule is about more than what is emulated.
func (p *Plan) Stop() (out []int) {
	for _, r := range p.Rules {
		for nr := range r.Calls() {
			if r.Wide() && !slices.Contains(out, nr) {
				out = append(out, nr)
			}
		}
	}
	slices.Sort(out)
	return out
}
