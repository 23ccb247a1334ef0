package cloudconfig

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// writer writes documents as people write them: in all of YAML's ways, with
// comments in every place. The same seed writes the same document.
type writer struct {
	*rand.Rand
	b       strings.Builder
	key     int
	aliases bool
	anchors []string
}

func written(seed uint64) []byte {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
	w.aliases = w.one(6)
	w.b.WriteString(w.pick("", "", "#cloud-config\n", "#cloud-config\n\n# mine\n", "# a\n\n", "---\n", "#cloud-config\n# yaml-language-server: $schema=x\n"))
	w.mapping(0, 1+w.IntN(2), w.IntN(5)+1)
	w.b.WriteString(w.pick("", "", "", "# end\n", "\n\n", "  # deep\n", "\n# vim: et\n", "...\n"))
	text := w.b.String()
	if w.one(4) {
		text = strings.TrimRight(text, "\n")
	}
	if w.one(4) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if w.one(8) {
		text = "\ufeff" + text
	}
	return []byte(text)
}

func (w *writer) one(in int) bool { return w.IntN(in) == 0 }

func (w *writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w *writer) pad(n int) string { return strings.Repeat(" ", n) }

// mapping writes lines of keys at a column; the first line is begun already when
// the map is compact.
func (w *writer) mapping(column, depth, n int) {
	w.entries(column, depth, n, false)
}

func (w *writer) entries(column, depth, n int, compact bool) {
	for i := range n {
		if i > 0 || !compact {
			w.above(column)
			w.b.WriteString(w.pad(column))
		}
		w.b.WriteString(w.name() + w.pick("", "", "", " ") + ":")
		w.value(column, depth, true)
		w.after(column)
	}
}

func (w *writer) name() string {
	w.key++
	if w.one(3) {
		return fmt.Sprintf(w.pick("k%d", "ü%d", `"k.%d"`, `'it''s %d'`, `"\u00e9%d"`, "k %d", "%d", "a/b%d"), w.key)
	}
	return "k" + string(rune('a'+w.key%26)) + w.pick("", "", fmt.Sprint(w.key))
}

// above writes what stands between the lines of a map or a list.
func (w *writer) above(column int) {
	switch w.IntN(12) {
	case 0:
		w.b.WriteString("\n")
	case 1:
		w.b.WriteString(w.pad(column) + "# about the next\n")
	case 2:
		w.b.WriteString(w.pad(column) + "# one\n" + w.pad(column) + "#\ttwo: lines\n")
	case 3:
		w.b.WriteString(w.pad(column) + "# apart\n\n")
	}
}

func (w *writer) after(column int) {
	switch w.IntN(24) {
	case 0:
		w.b.WriteString(w.pad(column+1) + "# deeper\n")
	case 1:
		w.b.WriteString("\n" + w.pad(column+2) + "# deeper, apart\n")
	}
}

func (w *writer) lineEnd() {
	w.b.WriteString(w.pick("", "", "", "", " ", " # beside", "\t# tab", "  #", " # ü: [x") + "\n")
}

// value writes what is behind a colon or a dash, and ends the line.
func (w *writer) value(column, depth int, ofKey bool) {
	if depth > 0 && w.one(3) {
		w.nested(column, depth-1, ofKey)
		return
	}
	switch w.IntN(10) {
	case 0:
		w.lineEnd()
	case 1, 2:
		w.block(column)
	case 3:
		w.b.WriteString(" " + w.marks(true) + w.flow(2, column+2))
		w.lineEnd()
	case 4:
		w.b.WriteString("\n" + w.pad(column+2) + w.scalar(column))
		w.lineEnd()
	default:
		gap := w.pick(" ", " ", "  ", "\t")
		if !ofKey {
			gap = " "
		}
		w.b.WriteString(gap + w.marks(false) + w.scalar(column))
		w.lineEnd()
	}
}

// marks are an anchor, which may be used later.
func (w *writer) marks(bool) string {
	if !w.aliases || !w.one(4) {
		return ""
	}
	w.anchors = append(w.anchors, fmt.Sprintf("x%d", len(w.anchors)))
	return "&" + w.anchors[len(w.anchors)-1] + " "
}

func (w *writer) scalar(column int) string {
	if len(w.anchors) > 1 && w.one(4) {
		return "*" + w.anchors[0]
	}
	return w.pick("x", "1", "true", "~", "null", "a b", `"q"`, `"a \" # b"`, `'it''s'`, "http://x:1/#y", "ü…", "!!str 1", "010", "a\n"+w.pad(column+2)+"b",
		"\"a\n"+w.pad(column+2)+"b\n\n"+w.pad(column+2)+"# c\"", "'a\n"+w.pad(column+1)+"b'", "-1", "x:y", "a#b", "[]", "{}", "\"\\u263a\\\n"+w.pad(column+2)+"y\"")
}

// block writes a block scalar.
func (w *writer) block(column int) {
	in := column + 1 + w.IntN(4)
	header := w.pick("|", "|", ">", "|-", "|+", ">-", ">+")
	lines := []string{"text", "# no comment", "key: value", "", "  more", "- ü", "", "x"}
	if w.one(6) {
		header += fmt.Sprint(in - column)
		w.b.WriteString(" " + header + w.pick("", " # beside") + "\n" + w.pad(in) + " leading\n")
	} else {
		w.b.WriteString(" " + header + w.pick("", "", " # beside", " ") + "\n")
		if w.one(8) {
			w.b.WriteString("\n")
		}
	}
	w.b.WriteString(w.pad(in) + "x\n")
	for range w.IntN(5) {
		line := lines[w.IntN(len(lines))]
		if line != "" {
			line = w.pad(in) + line
		}
		w.b.WriteString(line + "\n")
	}
}

func (w *writer) nested(column, depth int, ofKey bool) {
	if !ofKey {
		w.nestedInItem(column, depth)
		return
	}
	if m := w.marks(true); m != "" {
		w.b.WriteString(" " + strings.TrimSpace(m))
	}
	w.lineEnd()
	switch in := column + 1 + w.IntN(4); {
	case w.one(2):
		w.mapping(in, depth, 1+w.IntN(3))
	case w.one(2):
		w.list(column, depth)
	default:
		w.list(in, depth)
	}
}

func (w *writer) nestedInItem(column, depth int) {
	space := 1 + w.IntN(2)
	switch w.IntN(3) {
	case 0:
		w.lineEnd()
		w.mapping(column+2, depth, 1+w.IntN(3))
	case 1:
		w.b.WriteString(w.pad(space))
		w.entries(column+1+space, depth, 1+w.IntN(3), true)
	default:
		w.b.WriteString(w.pad(space) + "-")
		w.value(column+1+space, depth, false)
		w.items(column+1+space, depth, w.IntN(2))
	}
}

func (w *writer) list(column, depth int) { w.items(column, depth, 1+w.IntN(3)) }

func (w *writer) items(column, depth, n int) {
	for range n {
		w.above(column)
		w.b.WriteString(w.pad(column) + "-")
		w.value(column, depth, false)
		w.after(column)
	}
}

// flow writes a map or a list between brackets.
func (w *writer) flow(depth, column int) string {
	space := w.pick("", "", " ", "\n"+w.pad(column), "\n"+w.pad(column))
	comma := ","
	if strings.Contains(space, "\n") {
		comma = w.pick(",", ",", ", # beside", ",\n"+w.pad(column)+"# above")
	}
	element := func() string {
		if depth > 0 && w.one(4) {
			return w.flow(depth-1, column+1)
		}
		return w.pick("x", "1", `"a, b"`, "'y'", "~", "a b", "ü", `"#"`)
	}
	var parts []string
	isMap := w.one(2)
	for range w.IntN(4) {
		if isMap {
			w.key++
			parts = append(parts, fmt.Sprintf(w.pick("f%d", `"f %d"`, "'f.%d'"), w.key)+w.pick(": "+element(), ": "+element(), ": "+element(), ":", ""))
		} else {
			parts = append(parts, element())
		}
	}
	gap := space
	if gap == "" {
		gap = " "
	}
	text := space + strings.Join(parts, comma+gap) + w.pick("", "", map[bool]string{true: ",", false: ""}[len(parts) > 0]) + space
	if isMap {
		return "{" + text + "}"
	}
	return "[" + text + "]"
}
