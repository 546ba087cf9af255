package fault

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The values that words take.

func (p *parser) number(v string, low, high int) (int, error) {
	n, err := strconv.Atoi(v)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && (n < low || n > high):
		return 0, p.fail(p.at, "%s is not between %d and %d", v, low, high)
	case err != nil:
		return 0, p.fail(p.at, "%q is no number", v)
	}
	return n, nil
}

// time reads a number of microseconds, or of what stands behind it, as strace has it.
func (p *parser) time(v string) (int64, error) {
	unit := 1e3
	digits := strings.TrimRight(v, "munsµ")
	switch v[len(digits):] {
	case "", "us", "µs":
	case "ms":
		unit = 1e6
	case "ns":
		unit = 1
	case "s":
		unit = 1e9
	default:
		return 0, p.fail(p.at, "%q is no time; write 10ms, 3s, 50us or 200ns", v)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) || n*unit > 86400e9 || n*unit < 1 {
		return 0, p.fail(p.at, "%q is no time between 1ns and 86400s", v)
	}
	return int64(n * unit), nil
}

func (p *parser) channel(r *Rule, v string) error {
	kind, number, named := strings.Cut(v, ":")
	kinds := []string{"pipe", "pair", "eventfd", "epoll", "stdin", "stdout", "stderr"}
	for _, k := range kinds {
		if k != kind {
			continue
		}
		if !named {
			r.kind = kind
			return nil
		}
		form := map[string]string{"pair": `^[1-9][0-9]*\.[ab]$`, "pipe": "^[1-9][0-9]*$", "eventfd": "^[1-9][0-9]*$", "epoll": "^[1-9][0-9]*$"}[kind]
		if form == "" || !regexp.MustCompile(form).MatchString(number) {
			return p.fail(p.at, "%q is no channel's name; they look like pipe:3 or pair:2.a", v)
		}
		r.kind, r.channel = kind, v
		return nil
	}
	return p.unknown(p.at, "channel", v, kinds)
}

func (p *parser) direction(r *Rule, v string) error {
	switch v {
	case "read":
		r.dir = Read
	case "write":
		r.dir = Write
	default:
		return p.unknown(p.at, "direction", v, []string{"read", "write"})
	}
	return nil
}

// stretch reads A, A.. and A..B.
func (p *parser) stretch(r *Rule, v string) error {
	from, to, open := strings.Cut(v, "..")
	a, err := strconv.ParseInt(from, 10, 64)
	b := a
	if open && to == "" {
		b = math.MaxInt64
	} else if open && err == nil {
		b, err = strconv.ParseInt(to, 10, 64)
	}
	if err != nil || a < 0 || b < a {
		return p.fail(p.at, "%q is no range; write 100, 100.. or 100..200", v)
	}
	r.ranged, r.bytes = true, stretch{a, b}
	return nil
}

func (p *parser) regex(r *Rule, v string) (err error) {
	if r.match, err = regexp.Compile(v); err != nil {
		return p.fail(p.at, "%v", err)
	}
	return nil
}

func (p *parser) chance(r *Rule, v string) (err error) {
	digits, percent := strings.CutSuffix(v, "%")
	if r.prob, err = strconv.ParseFloat(digits, 64); percent {
		r.prob /= 100
	}
	if err != nil || !(r.prob > 0 && r.prob <= 1) {
		return p.fail(p.at, "%q is no probability; write one above 0 and not above 1, or 5%%", v)
	}
	return nil
}

func (p *parser) error(r *Rule, v string) error {
	if r.errno != 0 {
		return p.fail(p.at, "a call fails with one error only")
	}
	if r.errno = errnoNamed(v); r.errno == 0 {
		return p.unknown(p.at, "error", v, errnoNames())
	}
	return nil
}

func (p *parser) retval(r *Rule, v string) error {
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil || n < 0 {
		return p.fail(p.at, "%q is no result; one below 0 is error=", v)
	}
	r.retval = &n
	return nil
}

func (p *parser) signal(r *Rule, v string) error {
	name := strings.ToUpper(v)
	if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= 64 {
		r.signal = unix.Signal(n)
		return nil
	}
	if r.signal = unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); r.signal == 0 {
		var known []string
		for n := unix.Signal(1); n < 32; n++ {
			known = append(known, unix.SignalName(n))
		}
		return p.unknown(p.at, "signal", name, known)
	}
	return nil
}

func (p *parser) length(r *Rule, v string) (err error) {
	if v == "random" {
		r.short = anyLength
		return nil
	}
	r.short, err = p.number(v, 1, math.MaxInt32)
	return err
}

func (p *parser) storm(r *Rule, v string) (err error) {
	if r.eagain = 1; v != "" {
		r.eagain, err = p.number(v, 1, math.MaxInt32)
	}
	return err
}

func (p *parser) xor(r *Rule, v string) error {
	n, err := strconv.ParseUint(v, 0, 8)
	if err != nil || n == 0 {
		return p.fail(p.at, "%q is no byte to change others with; write one from 1 to 255, or 0xff", v)
	}
	r.corrupt = int(n)
	return nil
}
