package stuck

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sluice/emulate"
	"sluice/emulate/emutest"
)

// A scene is a simulated machine with a history, whose clock moves a millisecond with every look at it.
type scene struct {
	*emutest.Sim
	h   *History
	all []emulate.Standing
}

func newScene() (*scene, *emutest.Task) {
	sim, a := emutest.New()
	clock := int64(0)
	s := &scene{Sim: sim, h: NewHistory(sim.K, func() int64 { clock += 1e6; return clock })}
	sim.Layers = emulate.Stack{s.h}
	a.Name = "main"
	return s, a
}

func (s *scene) fork(a *emutest.Task, name string) *emutest.Task {
	b := a.Clone(0)
	b.Name = name
	s.h.Cloned(a.Task, b.Task)
	return b
}

// blocked says that a task stands in a call of the model's.
func (s *scene) blocked(t *emutest.Task, tr *emutest.Trap) {
	s.all = append(s.all, emulate.Standing{Task: t.Task, Call: &tr.Call, State: "blocked", Command: []string{"./" + t.Name}, Mem: t.Mem})
}

func (s *scene) asleep(t *emutest.Task, nr uint64, args ...uint64) *emulate.Standing {
	st := emulate.Standing{Task: t.Task, Nr: nr, Sleeps: true, State: "asleep", Command: []string{"./" + t.Name}, Mem: t.Mem}
	copy(st.Args[:], args)
	s.all = append(s.all, st)
	return &s.all[len(s.all)-1]
}

// show is the report without times and addresses.
func (s *scene) show() string {
	p, name := s.h.Picture(s.all, true)
	name()
	text := string(p.Text())
	text = regexp.MustCompile(`\d+\.\d{6} s`).ReplaceAllString(text, "T")
	return regexp.MustCompile(`0x[0-9a-f]{4,}`).ReplaceAllString(strings.ReplaceAll(text, "sluice: ", ""), "ADDR")
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds a report against the file that bears the test's name.
func golden(t *testing.T, got string) {
	t.Helper()
	name := "testdata/" + t.Name()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestFullBothWays(t *testing.T) {
	s, a := newScene()
	r1, w1 := a.Pipe(0)
	r2, w2 := a.Pipe(unix.O_CLOEXEC)
	b := s.fork(a, "child")
	a.Close(r1)
	a.Close(w2)
	b.Close(w1)
	b.Close(r2)
	s.blocked(b, b.Write(w2, strings.Repeat("b", 70000)))
	s.blocked(a, a.Write(w1, strings.Repeat("a", 70000)))
	golden(t, s.show())
}

func TestReaderKeepsWriteEnd(t *testing.T) {
	s, a := newScene()
	r, w := a.Pipe(0)
	b := s.fork(a, "child")
	b.Write(w, "all")
	b.Close(w)
	a.Read(r, 10)
	s.blocked(a, a.Read(r, 10))
	golden(t, s.show())
}

func TestMutexAndJoin(t *testing.T) {
	s, a := newScene()
	b := a.Clone(unix.CLONE_THREAD | unix.CLONE_FILES | unix.CLONE_VM)
	b.Name = "main"
	at := a.Mem.Room(64)
	put := func(at uint64, v int) { a.Mem.WriteMem(at, []byte{byte(v), byte(v >> 8), 0, 0}) }
	put(at, b.TID)
	s.asleep(a, unix.SYS_FUTEX, at, 9|256, uint64(b.TID), 0) // pthread_join
	put(at+16, 2)
	put(at+24, a.TID)
	s.asleep(b, unix.SYS_FUTEX, at+16, 128, 2, 0) // pthread_mutex_lock
	golden(t, s.show())
}

func TestTurns(t *testing.T) { // who may yet write is not blamed
	s, a := newScene()
	x, y := a.Pair(unix.SOCK_STREAM)
	b := s.fork(a, "child")
	a.Close(y)
	b.Close(x)
	s.blocked(a, a.Read(x, 10))
	s.blocked(b, b.Read(y, 10))
	golden(t, s.show())
}

// What a program reads from the report is promised.
func TestJSON(t *testing.T) {
	s, a := newScene()
	r, _ := a.Pipe(0)
	s.blocked(a, a.Poll(-1, emutest.Poll{FD: r, Events: emulate.In}))
	_, raw := s.h.Draw(s.all, true)()
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	task := got["tasks"].([]any)[0].(map[string]any)
	for _, name := range []string{"pid", "tid", "comm", "command", "state", "call", "waits", "may_go_on", "stack"} {
		if _, ok := task[name]; !ok {
			t.Errorf("a task has no %s: %s", name, raw)
		}
	}
	if w := task["waits"].([]any)[0].(map[string]any); w["on"] != "pipe:1" || w["verb"] != "read" {
		t.Errorf("it waits for %v", w)
	}
}
