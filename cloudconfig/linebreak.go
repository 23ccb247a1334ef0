package cloudconfig

import "unicode/utf8"

// posAt is the position of a byte of a text: columns count characters, and a tab
// is one. Lines end as they do for the YAML parser, so that all positions agree.
func posAt(file string, text []byte, offset int) Pos {
	offset = min(offset, len(text))
	line, begin := 1, 0
	for i := 0; i < offset; {
		n := breakAt(text, i)
		if n == 0 {
			i++
			continue
		}
		i += n
		if i <= offset {
			line, begin = line+1, i
		}
	}
	return Pos{File: file, Line: line, Col: utf8.RuneCount(text[begin:offset]) + 1}
}

// breakAt is the length of the line break at an offset, 0 when there is none:
// LF, CRLF, or CR as on old Macs. YAML's further ones are refused before.
func breakAt(text []byte, i int) int {
	switch text[i] {
	case '\n':
		return 1
	case '\r':
		if i+1 < len(text) && text[i+1] == '\n' {
			return 2
		}
		return 1
	}
	return 0
}

// offsetOf is where a line begins; behind the text when it has fewer lines.
func offsetOf(text []byte, line int) int {
	at := 0
	for ; line > 1 && at < len(text); line-- {
		at = lineEnd(text, at)
		if at < len(text) {
			at += breakAt(text, at)
		}
	}
	return at
}

// lineEnd is the offset of the line break that ends the line of an offset.
func lineEnd(text []byte, at int) int {
	for at < len(text) && breakAt(text, at) == 0 {
		at++
	}
	return at
}
