package fault

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/emulate"
)

// near is a simple stand-in: the known word that begins alike.
func near(word string, known []string) string {
	for _, k := range known {
		if len(word) > 1 && strings.HasPrefix(k, word[:2]) {
			return k
		}
	}
	return ""
}

func parse(t *testing.T, text string) *Rule {
	t.Helper()
	r, err := Parse(text, "--inject", near)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   func(r *Rule) bool
	}{
		{"read:error=EIO", func(r *Rule) bool {
			return r.errno == unix.EIO && len(r.calls) == 1 && r.calls[unix.SYS_READ] && r.named
		}},
		{"read,write:error=EWOULDBLOCK", func(r *Rule) bool { return r.errno == unix.EAGAIN && len(r.calls) == 2 }},
		{"write:error=5", func(r *Rule) bool { return r.errno == unix.EIO }},
		{"all:delay_enter=1", func(r *Rule) bool { return r.enter == 1000 && len(r.calls) == len(emulate.Table) && !r.named }},
		{"!read,write:delay_exit=1.5ms", func(r *Rule) bool {
			return r.exit == 1500000 && !r.calls[unix.SYS_READ] && !r.calls[unix.SYS_WRITE] && r.calls[unix.SYS_READV]
		}},
		{"%net:error=ENOMEM", func(r *Rule) bool {
			return r.calls[unix.SYS_SENDTO] && !r.calls[unix.SYS_SHUTDOWN] && !r.calls[unix.SYS_READ]
		}},
		{"%network:delay_enter=3s", func(r *Rule) bool { return r.enter == 3e9 }},
		{"/^epoll_/:eintr", func(r *Rule) bool {
			return r.errno == unix.EINTR && r.calls[unix.SYS_EPOLL_WAIT] && !r.calls[unix.SYS_EPOLL_CTL]
		}},
		{"%read:short=random", func(r *Rule) bool { return r.short == anyLength && r.Random() && !r.calls[unix.SYS_RECVMMSG] }},
		{"read:chan=pipe:3:short=2", func(r *Rule) bool { return r.kind == "pipe" && r.channel == "pipe:3" && r.short == 2 && !r.Wide() }},
		{"read:chan=pair:2.a:short=2", func(r *Rule) bool { return r.channel == "pair:2.a" }},
		{"read:chan=stdin:short=2", func(r *Rule) bool { return r.kind == "stdin" && r.Wide() }},
		{"all:chan=pipe:close:bytes=100", func(r *Rule) bool { return r.sever && r.bytes == stretch{100, 100} && !r.calls[unix.SYS_PIPE2] }},
		{"all:bytes=7..:short=1", func(r *Rule) bool { return r.bytes.from == 7 && r.bytes.to > 1<<60 }},
		{"all:bytes=7..9:short=1", func(r *Rule) bool { return r.bytes == stretch{7, 9} }},
		{`write:match=a\:b|[0-9]+:delay_enter=1us`, func(r *Rule) bool { return r.match.MatchString("xa:by") && r.enter == 1000 }},
		{`write:exe=/a\:b:signal=usr1`, func(r *Rule) bool { return r.exe == "/a:b" && r.signal == unix.SIGUSR1 }},
		{"write:signal=SIGTERM:when=3..9+2", func(r *Rule) bool { return r.signal == unix.SIGTERM && *r.when == count{3, 9, 2} }},
		{"write:signal=10:op=3+", func(r *Rule) bool { return r.signal == 10 && r.op.first == 3 && r.op.step == 1 }},
		{"write:eagain", func(r *Rule) bool { return r.eagain == 1 }},
		{"write:eagain=20:prob=5%", func(r *Rule) bool { return r.eagain == 20 && r.prob == 0.05 && r.Random() }},
		{"pipe,pipe2:capacity=1", func(r *Rule) bool { return r.capacity == 1 && !r.Wide() }},
		{"all:capacity=2", func(r *Rule) bool { return len(r.calls) == 2 }},
		{"read:retval=0x10:unsound", func(r *Rule) bool { return *r.retval == 16 }},
		{"write:corrupt=0xff:unsound", func(r *Rule) bool { return r.corrupt == 255 }},
		{"write:drop:unsound", func(r *Rule) bool { return r.drop }},
		{"close:error=EIO:unsound", func(r *Rule) bool { return r.calls[unix.SYS_CLOSE] }},
		{"read:pid=7:nth-process=2:after=2s:stall=1ns:dir=read", func(r *Rule) bool {
			return r.pid == 7 && r.nth == 2 && r.after == 2e9 && r.stall == 1 && r.dir == Read
		}},
	} {
		if r := parse(t, c.text); !c.ok(r) {
			t.Errorf("%s: %+v", c.text, r)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               `character 1 of "": the name of a call is missing`,
		"rexd:short=1":                   `character 1 of "rexd:short=1": unknown call "rexd"; did you mean "read"?`,
		"read,wrote:short=1":             `character 6 of "read,wrote:short=1": unknown call "wrote"; did you mean "write"?`,
		"read:shrot=1":                   `character 6 of "read:shrot=1": unknown word "shrot"; did you mean "short"?`,
		"read:xyz":                       `unknown word "xyz"; known are chan, dir,`,
		"%ipc:eintr":                     `unknown class "%ipc"`,
		"/xyz/:eintr":                    `"/xyz/" is none of the calls that sluice sees`,
		"/(/:eintr":                      "missing closing )",
		"read":                           "the rule does nothing to the calls that it names",
		"read:when=1":                    "the rule does nothing",
		"read::short=1":                  "character 6 of \"read::short=1\": a word is missing",
		"read:short":                     `"short" needs a value: short=N|random`,
		"read:eintr=1":                   `"eintr" takes no value`,
		"read:short=0":                   "0 is not between 1 and",
		"read:short=x":                   `character 12 of "read:short=x": "x" is no number`,
		"read:short=1:short=2":           `character 14 of "read:short=1:short=2": "short" stands there twice`,
		"read:error=EXIO":                `unknown error "EXIO"`,
		"read:error=ENOSPC":              "read does not fail with ENOSPC when everything about it is right; add :unsound",
		"close:error=EIO":                "close gives the descriptor back whatever it answers",
		"read:retval=3":                  "retval makes up the result of a call that is not made, which no kernel does; add :unsound",
		"read:retval=-1:unsound":         `"-1" is no result`,
		"write:corrupt=1":                "the kernel changes no byte in a pipe",
		"write:corrupt=256:unsound":      `"256" is no byte`,
		"sendto:drop":                    "neither lost nor repeated",
		"pipe2:capacity=3":               "a new pipe has 1, 2, 4, 8 or 16 slots",
		"read:capacity=1":                "capacity cannot befall read",
		"pipe2:short=1":                  "short cannot befall pipe2",
		"read:dir=write:short=1":         "short cannot befall read",
		"poll:chan=pipe:eintr":           "eintr cannot befall poll",
		"close:eintr":                    "eintr cannot befall close",
		"read:short=1:split":             "short and split cannot go together",
		"read:short=1:error=EIO":         "short and error cannot go together",
		"read:eintr:error=EIO":           "a call fails with one error only",
		"read:error=EIO:retval=1":        "a call has either a result or an error",
		"read:chan=pipe:reset":           "a pipe knows no reset",
		"read:chan=pip:short=1":          `character 11 of "read:chan=pip:short=1": unknown channel "pip"; did you mean "pipe"?`,
		"read:chan=pair:1:short=1":       `"pair:1" is no channel's name; they look like pipe:3 or pair:2.a`,
		"read:chan=stdin:1:short=1":      `"stdin:1" is no channel's name`,
		"read:dir=raed:short=1":          `unknown direction "raed"`,
		"read:bytes=5..3:short=1":        `"5..3" is no range`,
		"read:bytes=x:short=1":           `"x" is no range`,
		"read:match=(:short=1":           "missing closing )",
		"read:short=1:when=0":            "no count that is ever met",
		"read:short=1:when=5..2":         "no count that is ever met",
		"read:short=1:when=x":            `character 19 of "read:short=1:when=x": "x" is no count`,
		"read:short=1:prob=0":            `"0" is no probability`,
		"read:short=1:prob=NaN":          `"NaN" is no probability`,
		"read:delay_enter=5h":            "no time",
		"read:delay_enter=-5":            "no time",
		"read:delay_enter=1e30s":         "no time",
		"read:signal=SIGFOO":             `unknown signal "SIGFOO"`,
		"read:signal=65":                 "unknown signal",
		"read:exe=:short=1":              `"exe" needs a value`,
		"read:pid=99999999999:short=1":   "is not between",
		"read:short=1:unsound=1":         `"unsound" takes no value`,
		"sendmmsg:short=1":               "short cannot befall sendmmsg",
		"splice:corrupt=1:unsound":       "corrupt cannot befall splice",
		"write:kill:delay_enter=1ms":     "kill and delay_enter cannot go together",
		"pipe2:capacity=1:delay_enter=1": "capacity and delay_enter cannot go together",
	} {
		r, err := Parse(text, "--inject", near)
		if err == nil {
			t.Errorf("%q is accepted: %+v", text, r)
		} else if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "--inject, character ") {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

// Every call of the table has its errors, and they are errors.
func TestErrorsOfEveryCall(t *testing.T) {
	for _, sys := range emulate.Table {
		list, ok := errorsBy[sys.Name]
		if !ok {
			t.Errorf("%s is not there", sys.Name)
		}
		for _, name := range strings.Fields(list) {
			if errnoNamed(name) == 0 {
				t.Errorf("%s: %s is no error", sys.Name, name)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	for text, want := range map[string][]uint64{
		"3": {3}, "3+": {3, 4, 5, 6, 7, 8, 9}, "3..5": {3, 4, 5}, "2+3": {2, 5, 8}, "1..6+2": {1, 3, 5},
	} {
		c, err := (&parser{}).count(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for n := uint64(1); n < 10; n++ {
			if c.meets(n) {
				got = append(got, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestPlan(t *testing.T) {
	draw := func() uint64 { return 7 << 32 }
	p, err := NewPlan([]string{"read:short=1", "read:chan=pipe:short=1\nwrite:prob=0.5:delay_enter=1"}, "", "", near, draw)
	if err != nil || len(p.Rules) != 3 || !p.Drawn || p.Seed != 7 || !slices.Equal(p.Stop(), []int{unix.SYS_READ, unix.SYS_WRITE}) {
		t.Errorf("%+v, %v", p, err)
	}
	again, err := NewPlan(p.Texts(), "", "7", near, draw)
	if err != nil || again.Drawn || again.Seed != 7 || !reflect.DeepEqual(again.Texts(), p.Texts()) {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := NewPlan(nil, "", "x", near, draw); err == nil {
		t.Error("x is a seed")
	}
	if p, _ := NewPlan([]string{"read:short=1"}, "", "", near, draw); p.Drawn {
		t.Error("a seed is drawn for nothing")
	}
	if _, err := NewPlan([]string{""}, "", "", near, draw); err == nil {
		t.Error("an empty rule is one")
	}
	if _, err := NewPlan([]string{strings.Repeat("read:short=1\n", 9999)}, "", "", near, draw); err == nil {
		t.Error("any number of rules is taken")
	}
}

// Whatever is written, the parser answers with a rule or with an error that says where.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"read:error=EIO:when=3..7+2", "!%net,read:short=random:chan=pair:2.a", `write:match=a\:b:delay_enter=1.5ms`,
		"all:bytes=1..:close", "pipe2:capacity=1", `read:match=\`, "read:chan=pipe:", ":", `\`, "!", "/a", "read:delay_enter=m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text, "--inject", near)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "--inject, character ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(r.calls) == 0 || len(r.effects) == 0 {
			t.Errorf("%q: a rule that does nothing", text)
		}
		if again, err := Parse(r.Text, "--inject", near); err != nil || !reflect.DeepEqual(again.calls, r.calls) {
			t.Errorf("%q is read otherwise the second time: %v", text, err)
		}
	})
}
