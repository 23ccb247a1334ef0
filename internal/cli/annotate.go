package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// sourceLines finds the line that a position is on, without secrets in it, and
// says whether the column of the position is where it was.
type sourceLines func(cloudconfig.Pos) (line string, inPlace, ok bool)

// sourceOf finds lines of one document; lines are those that may be shown.
func sourceOf(file string, data []byte, lines []string) sourceLines {
	raw := strings.Split(string(data), "\n")
	return func(pos cloudconfig.Pos) (string, bool, bool) {
		if pos.File != file || pos.Line < 1 || pos.Line > min(len(lines), len(raw)) {
			return "", false, false
		}
		line, written := []rune(lines[pos.Line-1]), []rune(raw[pos.Line-1])
		before := max(0, pos.Col-1) // what is behind a hidden secret has moved
		inPlace := before <= min(len(line), len(written)) && slices.Equal(line[:before], written[:before])
		return string(line), inPlace && pos.Col > 0, true
	}
}

// sourceOnDisk finds lines of the machine's files.
func (a *app) sourceOnDisk(pos cloudconfig.Pos) (line string, inPlace, ok bool) {
	if !filepath.IsAbs(pos.File) {
		return "", false, false
	}
	data, err := os.ReadFile(a.path(pos.File))
	if err != nil {
		return "", false, false // the problem itself is told anyway
	}
	lines := cloudconfig.SourceLines(data)
	if !isLayer(pos.File) {
		lines = cloudconfig.ServiceLines(data)
	}
	return sourceOf(pos.File, data, lines)(pos)
}

// isLayer says that a file of the machine is a layer of the configuration, rather
// than a service file.
func isLayer(file string) bool {
	return file == source.OSConfigFile || file == source.OEMConfigFile || file == source.CloudConfigFile ||
		strings.HasPrefix(file, source.CloudConfigDir+"/") || strings.HasPrefix(file, source.GoodDir+"/")
}

// annotate prints problems, each with the line that it is about and a mark below
// the place.
func (a *app) annotate(report cloudconfig.Report, lines sourceLines) {
	for _, p := range report.Sorted() {
		a.complain("%s\n", p)
		line, inPlace, ok := lines(p.Pos)
		if !ok {
			continue
		}
		text, at := window(line, max(1, p.Pos.Col))
		a.complain("    %s\n", text)
		if inPlace {
			a.complain("    %s^\n", strings.Repeat(" ", at))
		}
	}
}

const widest = 100

// window is the part of a line around a column, and how many characters of it
// come before the column.
func window(line string, col int) (text string, before int) {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' ' // a tab would move the mark
		}
		return r
	}, strings.TrimRight(line, "\r\n")))
	before = min(col-1, len(runes))
	if len(runes) <= widest {
		return string(runes), before
	}
	begin := max(0, min(before-widest/2, len(runes)-widest))
	return string(runes[begin : begin+widest]), before - begin
}
