package emulate

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Imports point one way: choice <- emulate <- seccomp and the packages below tracer <- tracer <- main. The
// tracer is handed its layers; it imports none of its folders, so they run without it.

// mayImport lists, for a package of the module, what else of the module it may import. What is below tracer
// and not named here may import what "tracer/*" may.
var mayImport = map[string][]string{
	"emulate/choice":  {},
	"emulate":         {"emulate/choice"},
	"emulate/emutest": {"emulate", "emulate/choice"},
	"seccomp":         {"emulate"},
	"tracer/*":        {"emulate", "emulate/choice"},
	"tracer/doctor":   {"seccomp"},
	"tracer":          {"emulate", "emulate/choice", "seccomp"},
	".":               {"emulate", "emulate/choice", "tracer", "tracer/*"},
}

func TestImportsPointOneWay(t *testing.T) {
	const module = "sluice"
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name == "testprogs" || name == "scripts" || strings.HasPrefix(name, ".") && path != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		seen[pkg] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			other, ours := strings.CutPrefix(imported, module+"/")
			if ours && !allowed(pkg, other) {
				t.Errorf("%s: %s must not import %s", path, pkg, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{".", "emulate", "emulate/choice", "seccomp", "tracer"} {
		if !seen[pkg] {
			t.Errorf("%s was not looked at", pkg)
		}
	}
}

func allowed(pkg, other string) bool {
	list, ok := mayImport[pkg]
	if !ok {
		if !strings.HasPrefix(pkg, "tracer/") {
			return false
		}
		list = mayImport["tracer/*"]
	}
	return slices.Contains(list, other) || strings.HasPrefix(other, "tracer/") && slices.Contains(list, "tracer/*")
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		pkg, other string
		want       bool
	}{
		{"emulate", "tracer", false},
		{"emulate", "emulate/choice", true},
		{"tracer", "tracer/report", false},
		{"tracer/report", "tracer", false},
		{"tracer/report", "emulate", true},
		{"tracer/report", "tracer/doctor", false},
		{".", "tracer/report", true},
		{"elsewhere", "emulate", false},
	} {
		if got := allowed(c.pkg, c.other); got != c.want {
			t.Errorf("%s importing %s: %v", c.pkg, c.other, got)
		}
	}
}
