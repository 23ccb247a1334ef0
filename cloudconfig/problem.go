package cloudconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Pos is a place in a source document. Line and Col count from 1; a zero Line
// means that the source has no lines (the kernel command line, a datasource).
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// String is "file:line:col", or just the file where there are no lines.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// GoodFolder is the folder among the layers in which their last good copies are, at
// the same places.
const GoodFolder = ".good"

// Folder is where names of files begin that are relative to the file. A last good
// copy means what its layer meant: files beside that, not beside the copy.
func (p Pos) Folder() string {
	return path.Clean(strings.Replace(path.Dir(p.File)+"/", "/"+GoodFolder+"/", "/", 1))
}

// Severity says whether a problem makes its layer unusable.
type Severity int

const (
	// Error makes the layer (or the service) that has it unusable.
	Error Severity = iota
	// Warning is told to the user and changes nothing.
	Warning
)

// String is "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText makes severities readable in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	switch string(text) {
	case "error":
		*s = Error
	case "warning":
		*s = Warning
	default:
		return fmt.Errorf("cannot read severity %q", text)
	}
	return nil
}

// Problem is one finding in a configuration: data, not a Go error, so that all
// of them can be reported at once.
type Problem struct {
	Pos      Pos      `json:"pos"`
	Path     string   `json:"path,omitempty"`
	Msg      string   `json:"message"`
	Hint     string   `json:"hint,omitempty"` // what to do about it
	Severity Severity `json:"severity"`
}

// String is "file:line:col: path: message (hint)".
func (p Problem) String() string {
	var b strings.Builder
	if p.Pos.File != "" {
		b.WriteString(p.Pos.String() + ": ")
	}
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Msg)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Error makes a Problem usable where an error is wanted.
func (p Problem) Error() string { return p.String() }

// Report is all problems of one pass.
type Report []Problem

// Err joins the problems of severity Error, or is nil when there are none.
func (r Report) Err() error {
	var all *multierror.Error
	for _, p := range r {
		if p.Severity == Error {
			all = multierror.Append(all, p)
		}
	}
	if all != nil {
		all.ErrorFormat = lines
	}
	return all.ErrorOrNil()
}

// lines are errors as a report prints them: a line each, and nothing around.
func lines(errs []error) string {
	var out []string
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return strings.Join(out, "\n")
}

// Sorted returns the problems in order of file, line, column and path.
func (r Report) Sorted() Report {
	out := slices.Clone(r)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return strings.Compare(a.sortKey(), b.sortKey())
	})
	return out
}

func (p Problem) sortKey() string {
	return fmt.Sprintf("%s\x00%08d\x00%08d\x00%s\x00%s", p.Pos.File, p.Pos.Line, p.Pos.Col, p.Path, p.Msg)
}
