// Package choice is the only door of nondeterminism: whatever the model or a scheduler may decide in
// several ways is asked here, so that a seed, a script or a recording can answer.
package choice

// A Point names what is being chosen.
type Point string

// A Chooser picks one of n; 0 is the undisturbed choice.
type Chooser interface{ Choose(p Point, n int) int }

// Plain always takes the undisturbed choice.
type Plain struct{}

// Choose returns 0.
func (Plain) Choose(Point, int) int { return 0 }
