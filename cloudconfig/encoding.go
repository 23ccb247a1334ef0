package cloudconfig

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// encodingProblem finds the first byte that no YAML text may hold: what is not
// UTF-8, control characters, and line breaks that editors do not count as such.
// It returns nil for a good text.
func encodingProblem(file string, text []byte) *Problem {
	if isUTF16(text) {
		return &Problem{
			Pos:  Pos{File: file, Line: 1, Col: 1},
			Msg:  "is UTF-16, and only UTF-8 is read",
			Hint: `save it as "UTF-8"`,
		}
	}
	for i := 0; i < len(text); {
		if b := text[i]; b >= ' ' && b < 0x7f || b == '\n' || b == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if msg, hint := wrongCharacter(r, size, text[i]); msg != "" {
			return &Problem{Pos: posAt(file, text, i), Msg: msg, Hint: hint}
		}
		i += size
	}
	return nil
}

func isUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	if len(text) < 4 {
		return false
	}
	little := text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0
	big := text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0
	return little || big
}

func wrongCharacter(r rune, size int, first byte) (msg, hint string) {
	switch {
	case r == utf8.RuneError && size <= 1:
		return fmt.Sprintf("byte 0x%02x is not UTF-8 text", first),
			`save the file as "UTF-8", and write what is not text as base64 with "encoding: b64" or "!!binary"`
	case r == 0xfeff:
		return "a byte order mark stands inside the text", "remove the invisible character"
	case r == '\r':
		return "", ""
	case r == 0x85 || r == 0x2028 || r == 0x2029:
		return fmt.Sprintf("line separator U+%04X is not allowed", r),
			fmt.Sprintf(`end lines with a plain line feed, or write it as "%s" between double quotes`, escapeOf(r))
	case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff:
		return fmt.Sprintf("control character U+%04X is not allowed", r),
			fmt.Sprintf(`remove it, or write it as "%s" between double quotes`, escapeOf(r))
	}
	return "", ""
}

func escapeOf(r rune) string {
	if r < 0x100 {
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
