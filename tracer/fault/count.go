package fault

import (
	"math"
	"regexp"
	"strconv"
	"sync"
)

// A count is strace's when=: first, first..last, first+, first+step, first..last+step.
type count struct{ first, last, step uint64 }

var countForm = sync.OnceValue(func() *regexp.Regexp { // not before it is needed: every start of sluice would pay
	return regexp.MustCompile(`^([0-9]+)(\.\.([0-9]+))?(\+([0-9]+)?)?$`)
})

func (p *parser) count(v string) (*count, error) {
	m := countForm().FindStringSubmatch(v)
	if m == nil {
		return nil, p.fail(p.at, "%q is no count; write 3, 3+, 3..7, 3+2 or 3..7+2", v)
	}
	c := &count{step: 1}
	var err, err2, err3 error
	c.first, err = strconv.ParseUint(m[1], 10, 32)
	switch {
	case m[2] != "":
		c.last, err2 = strconv.ParseUint(m[3], 10, 32)
	case m[4] != "":
		c.last = math.MaxUint64
	default:
		c.last = c.first
	}
	if m[5] != "" {
		c.step, err3 = strconv.ParseUint(m[5], 10, 32)
	}
	if err != nil || err2 != nil || err3 != nil || c.first == 0 || c.last < c.first || c.step == 0 {
		return nil, p.fail(p.at, "%q is no count that is ever met: they begin at 1", v)
	}
	return c, nil
}

// meets tells whether the nth call is one that is counted on. No count means every call.
func (c *count) meets(n uint64) bool {
	return c == nil || n >= c.first && n <= c.last && (n-c.first)%c.step == 0
}
