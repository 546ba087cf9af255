// Package stuck draws where everybody in a tree stands: who waits for whom, on what, since when nothing moves. It
// draws from what it is handed, decides nothing, and touches neither the tree nor the model.
package stuck

// A Picture is a tree at one moment.
type Picture struct {
	Dead     bool           `json:"deadlock"` // for good
	At       int64          `json:"time_ns"`  // since the start
	Tasks    []Task         `json:"tasks"`
	Objects  []Object       `json:"objects"`
	Circle   []Link         `json:"circle"`
	Findings []string       `json:"findings"`
	index    map[string]int // of the objects, by name
	threads  map[int][]int  // of each process
}

// A Task is one thread.
type Task struct {
	PID     int      `json:"pid"`
	TID     int      `json:"tid"`
	Comm    string   `json:"comm"`
	Command []string `json:"command"`
	State   string   `json:"state"` // blocked, asleep, running, stopped ...
	Call    string   `json:"call"`  // as the log shows it, without a result
	Waits   []Wait   `json:"waits"`
	Why     string   `json:"may_go_on"` // how it may go on without the others; "" when it cannot
	Stack   []Frame  `json:"stack"`
}

// A Wait is one thing that a task waits for.
type Wait struct {
	For  string `json:"for"`  // in words
	On   string `json:"on"`   // the object, or "" for what is no object of the model's
	Verb string `json:"verb"` // read, write, or the call's name
	Who  []int  `json:"who"`  // the tasks that could end it
	pids []int  // the processes that hold the other end
	full bool
}

// A Frame is one place on a stack.
type Frame struct {
	PC   uint64 `json:"pc"`
	Func string `json:"function"` // "" without symbols
	File string `json:"file"`     // the source's, else the object file's
	Line int    `json:"line"`     // 0 when it is not known
}

// An Object is one of the model's.
type Object struct {
	Name    string   `json:"object"`
	Kind    string   `json:"kind"`
	Bytes   int      `json:"bytes"`
	Used    int      `json:"slots_used"` // or messages
	Slots   int      `json:"slots"`      // 0 where nothing is counted in slots
	Peer    string   `json:"peer"`
	Read    Act      `json:"last_read"`
	Wrote   Act      `json:"last_write"`
	Holders []Holder `json:"holders"`
	filled  bool
}

// An Act is what a task did last; PID is 0 when nobody did.
type Act struct {
	PID  int    `json:"pid"`
	TID  int    `json:"tid"`
	Comm string `json:"comm"`
	At   int64  `json:"time_ns"`
	Now  bool   `json:"under_way"` // by the call that it is in
}

// A Holder is one descriptor of an object, or a message on its way that carries one.
type Holder struct {
	PID     int    `json:"pid"`
	Comm    string `json:"comm"`
	FD      int    `json:"fd"`
	End     string `json:"end"`        // read, write, both; "" where an object is an end by itself
	Message string `json:"in_message"` // the socket in which it lies, then without process and number
	Cloexec bool   `json:"cloexec"`
	How     []Step `json:"how"`
	silent  bool   // it never put anything in
}

// A Step is one on a descriptor's way.
type Step struct {
	What string `json:"what"` // the call's name
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
	At   int64  `json:"time_ns"`
}

// A Link of the circle: a task that waits for the next.
type Link struct {
	TID  int    `json:"tid"`
	Comm string `json:"comm"`
	Verb string `json:"verb"`
	On   string `json:"on"`
}
