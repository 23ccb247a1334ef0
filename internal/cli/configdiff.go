package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// version is a text that the user's layer has or had.
type version struct {
	name string
	text []byte
}

func (a *app) configDiff() *cobra.Command {
	var private bool
	cmd := &cobra.Command{
		Use:   "diff [FROM [TO]]",
		Short: "Show how the user's layer was changed",
		Long: `Show how the user's layer differs between two entries of the history, or between
one and now; without numbers, what the last change did. Secrets are redacted.`,
		Example:           "  ros config diff\n  ros config diff 3\n  ros config diff 3 5 --private",
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeHistory,
		RunE: func(_ *cobra.Command, args []string) error {
			from, to, err := a.versions(args)
			if err != nil {
				return err
			}
			text, err := unified(from, to, private)
			if err != nil {
				return err
			}
			return a.print("%s", coloured(text, terminal(a.out)))
		},
	}
	privateFlag(cmd, &private)
	return cmd
}

// versions are the two texts that args name.
func (a *app) versions(args []string) (from, to version, err error) {
	now, err := source.Current(a.root)
	if err != nil {
		return from, to, err
	}
	to = version{"now", now}
	if len(args) == 0 {
		from, err = a.lastBefore(now)
		return from, to, err
	}
	if from, err = a.kept(args[0]); err == nil && len(args) == 2 {
		to, err = a.kept(args[1])
	}
	return from, to, err
}

func (a *app) kept(number string) (version, error) {
	e, err := a.entry(number)
	return version{fmt.Sprintf("entry %d", e.Number), e.Text}, err
}

// lastBefore is the newest text in the history that is not the present one.
func (a *app) lastBefore(now []byte) (version, error) {
	entries, err := source.History(a.root)
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; !bytes.Equal(e.Text, now) {
			return version{fmt.Sprintf("entry %d", e.Number), e.Text}, nil
		}
	}
	return version{"now", now}, err
}

// unified is the difference between two versions, without the command that the
// format begins with; unless it is private, without their secrets. Lines are
// compared as they are, so that a secret that has changed is a changed line.
func unified(from, to version, private bool) (string, error) {
	out := string(diff.Diff(from.name, from.text, to.name, to.text))
	_, out, _ = strings.Cut(out, "\n")
	if private || out == "" {
		return out, nil
	}
	was, err := concealed(from)
	if err != nil {
		return "", err
	}
	is, err := concealed(to)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	c := cover{was: was, is: is, names: 2}
	for line := range strings.Lines(out) {
		b.WriteString(c.line(line))
	}
	return b.String(), nil
}

// concealed is a version's text without secrets, line by line.
func concealed(v version) ([]string, error) {
	text, err := cloudconfig.ConcealSecrets(v.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (--private shows it with all secrets)", v.name, err)
	}
	return strings.Split(string(text), "\n"), nil
}

// cover replaces the lines of a unified difference by those without secrets.
type cover struct {
	was, is []string // the texts
	x, y    int      // their next lines
	names   int      // lines of the difference yet to come that name the texts
}

// line is a line of the difference as it may be shown.
func (c *cover) line(line string) string {
	if c.names > 0 {
		c.names--
		return line
	}
	switch line[0] {
	case '@':
		var n int
		if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &c.x, &n, &c.y, &n); err != nil {
			return "" // never: the format is the library's
		}
		c.x, c.y = max(0, c.x-1), max(0, c.y-1)
		return line
	case '-':
		c.x++
		return "-" + c.was[c.x-1] + "\n"
	case '+':
		c.y++
		return "+" + c.is[c.y-1] + "\n"
	case ' ':
		c.x++
		c.y++
		return " " + c.is[c.y-1] + "\n"
	}
	return line // that there is no newline at the end
}

// countLines is how many lines differ.
func countLines(from, to []byte) *lineCount {
	var n lineCount
	names := 3 // the command and the two names
	for line := range bytes.Lines(diff.Diff("a", from, "b", to)) {
		switch {
		case names > 0:
			names--
		case line[0] == '+':
			n.Added++
		case line[0] == '-':
			n.Removed++
		}
	}
	return &n
}

const cyan = "36"

// coloured is a unified difference for a terminal.
func coloured(text string, colour bool) string {
	if !colour {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		code := ""
		switch line[0] {
		case '-':
			code = red
		case '+':
			code = green
		case '@':
			code = cyan
		}
		b.WriteString(paint(line, code, code != "") + "\n")
	}
	return b.String()
}
