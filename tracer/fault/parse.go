package fault

import (
	"fmt"
	"math"
	"strings"
)

// A Near finds the known word that was most likely meant, "" when none is near.
type Near func(word string, known []string) string

// A parser reads one rule: SET and words, with colons between. A colon within a value stands behind a backslash; that of a
// channel's name needs none.
type parser struct {
	text, from string
	near       Near
	rule       *Rule
	at         int // where the word's value begins
}

// A word of the grammar.
type word struct {
	name, value string // value is what it takes, "" for nothing
	effect      bool
	set         func(p *parser, r *Rule, v string) error
}

// words are the grammar, in the order of the README.
var words []word

func init() {
	words = []word{
		{"chan", "pipe|pair|eventfd|stdin|stdout|stderr|NAME", false, (*parser).channel},
		{"dir", "read|write", false, (*parser).direction},
		{"exe", "FILE", false, func(p *parser, r *Rule, v string) error { r.exe = v; return nil }},
		{"pid", "N", false, func(p *parser, r *Rule, v string) (err error) { r.pid, err = p.number(v, 1, math.MaxInt32); return }},
		{"nth-process", "N", false, func(p *parser, r *Rule, v string) (err error) { r.nth, err = p.number(v, 1, math.MaxInt32); return }},
		{"bytes", "A..B", false, (*parser).stretch},
		{"match", "REGEX", false, (*parser).regex},
		{"when", "F..L+S", false, func(p *parser, r *Rule, v string) (err error) { r.when, err = p.count(v); return }},
		{"op", "F..L+S", false, func(p *parser, r *Rule, v string) (err error) { r.op, err = p.count(v); return }},
		{"prob", "P", false, (*parser).chance},
		{"after", "T", false, func(p *parser, r *Rule, v string) (err error) { r.after, err = p.time(v); return }},
		{"error", "E", true, (*parser).error},
		{"retval", "N", true, (*parser).retval},
		{"signal", "S", true, (*parser).signal},
		{"delay_enter", "T", true, func(p *parser, r *Rule, v string) (err error) { r.enter, err = p.time(v); return }},
		{"delay_exit", "T", true, func(p *parser, r *Rule, v string) (err error) { r.exit, err = p.time(v); return }},
		{"short", "N|random", true, (*parser).length},
		{"split", "", true, func(p *parser, r *Rule, v string) error { r.split = true; return nil }},
		{"coalesce", "T", true, func(p *parser, r *Rule, v string) (err error) { r.coalesce, err = p.time(v); return }},
		{"eagain", "N", true, (*parser).storm},
		{"eintr", "", true, func(p *parser, r *Rule, v string) error { return p.error(r, "EINTR") }},
		{"capacity", "N", true, func(p *parser, r *Rule, v string) (err error) { r.capacity, err = p.number(v, 1, 1<<19); return }},
		{"close", "", true, func(p *parser, r *Rule, v string) error { r.sever = true; return nil }},
		{"reset", "", true, func(p *parser, r *Rule, v string) error { r.reset = true; return nil }},
		{"stall", "T", true, func(p *parser, r *Rule, v string) (err error) { r.stall, err = p.time(v); return }},
		{"kill", "", true, func(p *parser, r *Rule, v string) error { r.kill = true; return nil }},
		{"corrupt", "XOR", true, (*parser).xor},
		{"drop", "", true, func(p *parser, r *Rule, v string) error { r.drop = true; return nil }},
		{"dup", "", true, func(p *parser, r *Rule, v string) error { r.dup = true; return nil }},
		{"reorder", "", true, func(p *parser, r *Rule, v string) error { r.reorder = true; return nil }},
		{"unsound", "", false, func(p *parser, r *Rule, v string) error { r.unsound = true; return nil }},
	}
}

// Parse reads a rule; from says where it stands.
func Parse(text, from string, near Near) (*Rule, error) {
	p := &parser{text: text, from: from, near: near}
	r := &Rule{Text: text, From: from, prob: 1, corrupt: -1}
	p.rule = r
	parts := p.split()
	var err error
	if r.calls, r.named, err = p.parseSet(parts[0].text, 0); err != nil {
		return nil, err
	}
	said := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, valued := strings.Cut(part.text, "=")
		w := find(name)
		switch {
		case w == nil && name == "":
			return nil, p.fail(part.at, "a word is missing")
		case w == nil:
			return nil, p.unknown(part.at, "word", name, names())
		case said[name]:
			return nil, p.fail(part.at, "%q stands there twice", name)
		case valued && w.value == "":
			return nil, p.fail(part.at, "%q takes no value", name)
		case w.value != "" && value == "" && (name != "eagain" || valued):
			return nil, p.fail(part.at, "%q needs a value: %s=%s", name, name, w.value)
		}
		if name != "match" {
			value = strings.ReplaceAll(value, `\:`, ":")
		}
		said[name] = true
		p.at = part.at + len(name) + 1
		if err := w.set(p, r, value); err != nil {
			return nil, err
		}
		if w.effect {
			r.effects = append(r.effects, name)
		}
	}
	return r, p.sense()
}

// A part is a piece of a rule between colons.
type part struct {
	text string
	at   int
}

// split cuts the rule at its colons.
func (p *parser) split() []part {
	var parts []part
	from := 0
	for i := 0; i <= len(p.text); i++ {
		switch {
		case i < len(p.text) && p.text[i] == '\\':
			i++
			continue
		case i < len(p.text) && p.text[i] != ':':
			continue
		}
		end := min(i, len(p.text))
		if i < len(p.text) && ofName(p.text[from:end], p.text[end+1:]) {
			continue
		}
		parts = append(parts, part{p.text[from:end], from})
		from = end + 1
	}
	if from <= len(p.text) && len(parts) == 0 {
		parts = append(parts, part{p.text, 0})
	}
	return parts
}

// ofName tells whether a colon between the two is that of a channel's name.
func ofName(before, behind string) bool {
	kind, ok := strings.CutPrefix(before, "chan=")
	return ok && !strings.Contains(kind, ":") && behind != "" && behind[0] >= '0' && behind[0] <= '9'
}

func find(name string) *word {
	for i := range words {
		if words[i].name == name {
			return &words[i]
		}
	}
	return nil
}

func names() []string {
	var out []string
	for _, w := range words {
		out = append(out, w.name)
	}
	return out
}

// fail is an error with its place: characters count from 1.
func (p *parser) fail(at int, format string, args ...any) error {
	return fmt.Errorf("%s, character %d of %q: %s", p.from, at+1, p.text, fmt.Sprintf(format, args...))
}

func (p *parser) unknown(at int, what, word string, known []string) error {
	if near := p.near(word, known); near != "" {
		return p.fail(at, "unknown %s %q; did you mean %q?", what, word, near)
	}
	if what == "word" {
		return p.fail(at, "unknown %s %q; known are %s", what, word, strings.Join(known, ", "))
	}
	return p.fail(at, "unknown %s %q", what, word)
}
