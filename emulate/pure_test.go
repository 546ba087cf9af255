package emulate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The model is pure: whoever drives it decides about time, order and the machine. So nothing in it may start
// a goroutine, use a channel, take a lock, read a clock or make a system call. From x/sys it takes numbers
// and types.

// pureImports is what the model may import; a package that is not here was not thought about.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "container/list", "encoding/binary", "errors", "fmt", "iter", "maps", "math", "math/bits",
	"slices", "sort", "strconv", "strings", "unicode/utf8",
	unixPath, "sluice/emulate", "sluice/emulate/choice",
}

const unixPath = "golang.org/x/sys/unix"

// pureTypes are the types of x/sys that may be named beside its constants, which are all in capitals, and the two
// functions that only look up a name.
var pureTypes = []string{"Errno", "Signal", "Ucred", "Rlimit", "PollFd", "EpollEvent", "Timespec", "Timeval",
	"ErrnoName", "SignalName"}

func TestPure(t *testing.T) {
	for _, dir := range []string{".", "choice", "emutest"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Fatalf("no files in %s", dir)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range impure(t, name, string(src)) {
				t.Error(fault)
			}
		}
	}
}

// impure lists what a file does that the model must not do.
func impure(t *testing.T, name, src string) (faults []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	fault := func(n ast.Node, format string, args ...any) {
		faults = append(faults, fset.Position(n.Pos()).String()+": "+fmt.Sprintf(format, args...))
	}
	unixName := ""
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(pureImports, path) {
			fault(spec, "imports %s", path)
		}
		if path != unixPath {
			continue
		}
		unixName = "unix"
		if spec.Name != nil {
			unixName = spec.Name.Name
		}
		if unixName == "." {
			fault(spec, "imports %s without a name", path)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			fault(n, "starts a goroutine")
		case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
			fault(n, "uses a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				fault(n, "uses a channel")
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && pkg.Name == unixName && pkg.Obj == nil && n.Sel.Name != strings.ToUpper(n.Sel.Name) && !slices.Contains(pureTypes, n.Sel.Name) {
				fault(n, "uses %s.%s, which is neither a constant nor a plain type", pkg.Name, n.Sel.Name)
			}
		}
		return true
	})
	return faults
}

// A check that finds nothing must be shown to find something.
func TestPureFinds(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"import", `import "os"`, "imports os"},
		{"clock", `import "time"`, "imports time"},
		{"lock", `import "sync"`, "imports sync"},
		{"goroutine", `func f() { go f() }`, "starts a goroutine"},
		{"channel type", `var c chan int`, "uses a channel"},
		{"receive", `func f(c C) { <-c }`, "uses a channel"},
		{"select", `func f() { select {} }`, "uses a channel"},
		{"call", "import \"golang.org/x/sys/unix\"\nfunc f() { unix.Close(3) }", "uses unix.Close"},
		{"renamed", "import sys \"golang.org/x/sys/unix\"\nfunc f() { sys.Kill(3, 9) }", "uses sys.Kill"},
		{"function value", "import \"golang.org/x/sys/unix\"\nvar f = unix.Getpid", "uses unix.Getpid"},
		{"constant", "import \"golang.org/x/sys/unix\"\nvar e = unix.Errno(unix.EPIPE)", ""},
		{"strings", "import \"strings\"\nvar s = strings.ToUpper(\"x\")", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(impure(t, "x.go", "package x\n"+c.src), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
