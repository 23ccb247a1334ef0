package cloudconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonAsYAML makes YAML of JSON: nearly all of it is already. Lines stay what
// they are. What is no JSON stays as it is.
func jsonAsYAML(data []byte) []byte {
	text := bytes.TrimSpace(normalise(data))
	if len(text) == 0 || text[0] != '{' || len(text) > maxSize || !json.Valid(text) {
		return data
	}
	text = normalise(data)
	out, quoted := make([]byte, 0, len(text)), false
	for i := 0; i < len(text); {
		n := 1
		switch b := text[i]; {
		case b == ':' && !quoted:
			out = appendColon(out)
		case b == '\t': // in JSON always between values
			out = append(out, ' ')
		case b == '\\' && text[i+1] == 'u':
			out, n = appendEscape(out, text[i:])
		case b == '\\' && text[i+1] == '/':
			out, n = append(out, '/'), 2
		case b == '\\':
			out, n = append(out, b, text[i+1]), 2
		case b < 0x7f:
			out, quoted = append(out, b), quoted != (b == '"')
		default:
			out, n = appendCharacter(out, text[i:])
		}
		i += n
	}
	return out
}

// appendColon puts a colon behind its key, before the space that is between them: in
// YAML both have to be on one line.
func appendColon(out []byte) []byte {
	return slices.Insert(out, len(bytes.TrimRight(out, " \r\n")), ':')
}

// appendEscape copies "\uXXXX". YAML does not know JSON's pairs of escapes for
// one character, nor halves of them.
func appendEscape(out, text []byte) ([]byte, int) {
	const one, two = 6, 12
	r := escaped(text)
	if !utf16.IsSurrogate(r) {
		return append(out, text[:one]...), one
	}
	if len(text) >= two && text[one] == '\\' && text[one+1] == 'u' {
		if pair := utf16.DecodeRune(r, escaped(text[one:])); pair != utf8.RuneError {
			return utf8.AppendRune(out, pair), two
		}
	}
	return utf8.AppendRune(out, utf8.RuneError), one
}

func escaped(text []byte) rune {
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError // cannot be: the text is JSON
	}
	return rune(n)
}

// appendCharacter copies a character that is not ASCII, as an escape if YAML does
// not take it.
func appendCharacter(out, text []byte) ([]byte, int) {
	r, size := utf8.DecodeRune(text)
	if msg, _ := wrongCharacter(r, size, text[0]); msg != "" && (r != utf8.RuneError || size > 1) {
		return fmt.Appendf(out, `\u%04x`, r), size
	}
	return append(out, text[:size]...), size
}
