package compose

import (
	"fmt"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// path is where a value stands below its definition, built only when it is told.
type path struct {
	parent *path
	key    string
}

func (p *path) below(key string) *path { return &path{parent: p, key: key} }

func (p *path) item(i int) *path {
	return &path{parent: p.parent, key: fmt.Sprintf("%s[%d]", p.key, i)}
}

func (p *path) keys() []string {
	if p == nil {
		return nil
	}
	return append(p.parent.keys(), p.key)
}

func (p *path) String() string { return cloudconfig.JoinPath(p.keys()...) }

// findings are the problems of one definition.
type findings struct {
	report cloudconfig.Report
	bad    bool // there is an error among them
}

func (f *findings) add(p cloudconfig.Problem) {
	f.report = append(f.report, p)
	f.bad = f.bad || p.Severity == cloudconfig.Error
}

func (f *findings) fail(pos cloudconfig.Pos, at *path, msg, hint string) {
	f.add(cloudconfig.Problem{Pos: pos, Path: at.String(), Msg: msg, Hint: hint})
}

func (f *findings) warn(pos cloudconfig.Pos, at *path, msg, hint string) {
	f.add(cloudconfig.Problem{Pos: pos, Path: at.String(), Msg: msg, Hint: hint, Severity: cloudconfig.Warning})
}

// expected reports a value of the wrong type. A text is quoted where it should be
// another one; where it should be a list or a map, an environment, it may be secret.
func (f *findings) expected(what string, t *tree, at *path) {
	found := t.describe()
	if t.isScalar() && t.tag() == "!!str" && (strings.HasPrefix(what, "a list") || strings.HasPrefix(what, "a map")) {
		found = "a text"
	}
	f.fail(t.pos, at, "expected "+what+", found "+found, "")
}

// unknownKey reports a key that means nothing.
func (f *findings) unknownKey(e entry, at *path, known []string) {
	f.fail(e.pos, at.below(e.key), "unknown key", didYouMean(e.key, known))
}

// didYouMean is the hint for a mistyped word.
func didYouMean(word string, known []string) string {
	if near := cloudconfig.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
