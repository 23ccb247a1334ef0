// Package ros_test holds the whole repository to what its documents say: the
// imports to the table of docs/architecture.md, the default services to least
// privilege. It knows files and syntax, and runs nothing of the product.
package ros_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ros-os/ros/"

// importTable reads docs/architecture.md: package → the packages of ours that it
// may import. "all but x and y" is kept as the exceptions in but.
func importTable(t *testing.T) (may, but map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	may, but = map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		pkg := strings.Trim(strings.TrimSpace(cells[1]), "`")
		allowed := strings.NewReplacer("`", "", "–", "").Replace(strings.TrimSpace(cells[3]))
		if rest, all := strings.CutPrefix(allowed, "all but "); all {
			but[pkg] = strings.Split(rest, " and ")
			continue
		}
		may[pkg] = strings.FieldsFunc(allowed, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if len(may) < 10 {
		t.Fatalf("docs/architecture.md: found only %d rows of the package table", len(may))
	}
	return may, but
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	may, but := importTable(t)
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"build", "tools", "testdata"}, d.Name())) {
			return fs.SkipDir
		}
		// Tests may use more than the package: fakes, and the packages on both sides.
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		checkFile(t, file, may, but)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, file string, may, but map[string][]string) {
	t.Helper()
	pkg := path.Dir(file)
	allowed, listed := may[pkg]
	barred, open := but[pkg]
	if !listed && !open {
		t.Errorf("docs/architecture.md: no row for package %s", pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		dep, ours := strings.CutPrefix(name, module)
		switch {
		case !ours || strings.HasPrefix(dep, pkg+"/internal"):
		case open && slices.Contains(barred, dep), listed && !slices.Contains(allowed, dep):
			t.Errorf("%s imports %s; docs/architecture.md does not allow it", file, dep)
		}
	}
}

// Every package says in one paragraph what it knows and what it must not know.
func TestEveryPackageIsExplained(t *testing.T) {
	may, but := importTable(t)
	for pkg := range may {
		explained(t, pkg)
	}
	for pkg := range but {
		explained(t, pkg)
	}
}

func explained(t *testing.T, pkg string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), pkg+"/*.go")
	if err != nil || len(files) == 0 {
		t.Errorf("docs/architecture.md lists package %s, which has no Go files (%v)", pkg, err)
		return
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err == nil && f.Doc != nil && len(f.Doc.Text()) > 40 {
			return
		}
	}
	t.Errorf("package %s has no comment that says what it knows and must not know", pkg)
}
