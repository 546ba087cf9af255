package emulate

import "math"

// Unknown is the result that Leave is told for a call that the kernel ran and whose answer nobody waited to
// see, and for one whose task ended before it did.
const Unknown int64 = math.MinInt64

// A Layer sees each call twice: Enter when it comes, once, and Leave when its result stands. What Enter
// decides stands in the model's place; a layer that only looks returns false.
type Layer interface {
	Enter(c *Call) (o Outcome, decided bool)
	Leave(c *Call, ret int64)
}

// A Stack is layers in the order in which they meet a call.
type Stack []Layer

// Enter asks the layers in order until one decides.
func (s Stack) Enter(c *Call) (Outcome, bool) {
	for _, l := range s {
		if o, decided := l.Enter(c); decided {
			return o, true
		}
	}
	return Outcome{}, false
}

// Leave tells the layers in reverse order that the call's result stands. A layer behind the one that decided
// hears of a call that it never saw enter.
func (s Stack) Leave(c *Call, ret int64) {
	for i := len(s) - 1; i >= 0; i-- {
		s[i].Leave(c, ret)
	}
}
