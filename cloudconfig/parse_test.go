package cloudconfig

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// values is what a layer says, as one line of YAML for each top-level key.
func values(t *testing.T, d Document) string {
	t.Helper()
	if d.Root == nil {
		return ""
	}
	text, err := Render(d.Root)
	require.NoError(t, err)
	return text
}

func messages(r Report) string {
	return strings.TrimSpace(string(reportText(r)))
}

func TestParseLayerReportsWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"an empty text is an empty layer", "", ""},
		{"comments only are an empty layer", "#cloud-config\n# nothing\n", ""},
		{"null is an empty layer", "---\n~\n", ""},
		{"a byte order mark and CRLF are no matter", "\xef\xbb\xbf#cloud-config\r\nhostname: x\r\n", ""},
		{"a text at the top", "hello\n", `f.yml:1:1: expected a map of keys at the top of the file, found a text (write "key: value" lines)`},
		{"a list at the top", "# c\n- a\n", `f.yml:2:1: expected a map of keys at the top of the file, found a list (write "key: value" lines)`},
		{"two documents", "a: 1\n---\nb: 1\n", `f.yml:2:1: a second document begins here, and only one is allowed (remove the line "---")`},
		{"a key twice", "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", `f.yml:5:3: key "c" is written twice, first at f.yml:3:3 (remove one of them)`},
		{"every double key is reported", "a: 1\na: 2\nb: 1\nb: 2\n", "f.yml:2:1: key \"a\" is written twice, first at f.yml:1:1 (remove one of them)\nf.yml:4:1: key \"b\" is written twice, first at f.yml:3:1 (remove one of them)"},
		{"a tab", "a:\n  b: 1\n\tc: 2\n", "f.yml:3:1: is not valid YAML: a tab is used for indentation (use spaces)"},
		{"a wrong indentation", "a:\n  b: 1\n c: 2\nd: 1\n", "f.yml:3:2: is not valid YAML: indented by 1 space, which fits none of the lines above (indent it by no space or by 2 spaces)"},
		{"a colon too much", "x: 1\na: b: c\n", "f.yml:2:5: is not valid YAML: a second colon, where a value has begun already (put the text between quotes)"},
		{"an open quote", "a: 1\nb: \"open\nc: 1\n", `f.yml:2:4: is not valid YAML: the quote " is not closed (close it where the text ends)`},
		{"an open bracket", "a: 1\nb: [1, 2\nc: 1\n", `f.yml:2:4: is not valid YAML: the bracket [ is not closed (write "]" where it ends)`},
		{"an unknown anchor", "a: 1\nb: *none\n", `f.yml:2:4: is not valid YAML: an alias refers to nothing: no value above has an anchor of this name (put the text between quotes if it is a text that begins with "*")`},
		{"a line far down", manyKeys(400) + "bad line\nmore: 1\n", `f.yml:401:1: is not valid YAML: a colon is missing (write "key: value")`},
		{"bytes that are no text", "a: \xff\xfe\n", `f.yml:1:4: byte 0xff is not UTF-8 text (save the file as "UTF-8", and write what is not text as base64 with "encoding: b64" or "!!binary")`},
		{"an alias that contains itself", "a: &a\n  b: *a\n", `f.yml:2:6: alias "*a" contains itself`},
		{"a merge key that contains itself", "a: &a\n  <<: *a\n", `f.yml:2:7: alias "*a" contains itself`},
		{"a map as key", "? {a: 1}\n: 2\n", "f.yml:1:3: expected a text as key, found a map"},
		{"a merge key of nothing", "a: {b: c}\n<<:", `f.yml:2:1: expected a map or a list of maps after "<<", found nothing`},
		{"a merge key of a text", "<<: hello\n", `f.yml:1:5: expected a map or a list of maps after "<<", found a text`},
		{"too deep", "a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70), "f.yml:1:67: is nested deeper than 64 maps and lists"},
		{"a billion laughs", laughs(), "f.yml:5:45: has more than 100000 values, counting each use of an alias"},
		{"too long", strings.Repeat("#", 1<<20) + "\n", "f.yml:1:1: is 1048577 bytes long, more than the 1048576 that are allowed"},
		{"UTF-16 with a byte order mark", "\xff\xfea\x00:\x00 \x001\x00", `f.yml:1:1: is UTF-16, and only UTF-8 is read (save it as "UTF-8")`},
		{"UTF-16 without a byte order mark", "\x00a\x00:\x00 \x001", `f.yml:1:1: is UTF-16, and only UTF-8 is read (save it as "UTF-8")`},
		{"a byte order mark in the middle", "a: ü\ufeff\n", "f.yml:1:5: a byte order mark stands inside the text (remove the invisible character)"},
		{"NUL", "a: 1\nb: \x00\n", `f.yml:2:4: control character U+0000 is not allowed (remove it, or write it as "\x00" between double quotes)`},
		{"an escape character", "a: \x1b[1m\n", `f.yml:1:4: control character U+001B is not allowed (remove it, or write it as "\x1b" between double quotes)`},
		{"a line separator", "a: b\u2028c: d\n", `f.yml:1:5: line separator U+2028 is not allowed (end lines with a plain line feed, or write it as "\u2028" between double quotes)`},
		{"lines of an old Mac", "a: 1\rb: 2\rb: 3\r", `f.yml:3:1: key "b" is written twice, first at f.yml:2:1 (remove one of them)`},
		{"columns count characters behind others and tabs", "{ä: '日本',\t\"ü\": 😀, 1: 2, 1: 3}\n", `f.yml:1:25: key "1" is written twice, first at f.yml:1:19 (remove one of them)`},
		{"a template without quotes", "a: {{ x }}\n", "f.yml:1:5: expected a text as key, found a map (put a text with {{ }} between quotes)"},
		{"a key that is missing", "a: {: 1}\n", "f.yml:1:5: is not valid YAML: a key is missing before the colon"},
		{"a tag of compose files", "a: !reset []\n", "f.yml:1:4: !reset is for a file that is laid over others, which is not supported here (remove the tag)"},
		{"another tag of compose files", "a:\n  b: !override\n    c: d\n", "f.yml:2:6: !override is for a file that is laid over others, which is not supported here (remove the tag)"},
		{"a type that is not known", "a: !secret x\n", `f.yml:1:4: begins with "!", which marks a type, and this type is not known (put the text between quotes)`},
		{"a type that does not fit", "a: !!int x\nb: !!str [x]\n", "f.yml:1:4: is marked as !!int, and is something else (remove the mark)\nf.yml:2:4: is marked as !!str, and is something else (remove the mark)"},
		{"types that fit", "a: !!int 1\nb: !!str 1\nc: !!map {}\nd: !!seq []\ne: !!binary aGk=\n", ""},
		{"keys that are no texts are taken as written", "1: a\ntrue: b\n1.50: c\nnull: d\n2020-01-01: e\n", ""},
		{"a merge key that is not the last", "a: &a {x: 1}\nb: {x: 2, <<: *a, <<: *a}\n", ""},
		{"a document that ends", "a: 1\n...\n", ""},
		{"an empty second document", "a: 1\n---\n", `f.yml:2:1: a second document begins here, and only one is allowed (remove the line "---")`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, report := ParseLayer("user-data", "f.yml", []byte(tt.text))
			require.Equal(t, tt.want, messages(report))
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: {a: [1, 2]}\n", i)
	}
	return b.String()
}

func laughs() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return text
}

func TestParseLayerReplacesAliasesByWhatTheyMean(t *testing.T) {
	t.Parallel()
	l, report := ParseLayer("user-data", "f.yml", []byte(`
base: &base {a: 1, b: {c: 2}}
other: &other {b: 3, d: 4}
same: *base
merged:
  <<: [*base, *other]
  a: own
`))
	require.Empty(t, report)
	require.Equal(t, `base: {a: 1, b: {c: 2}}
other: {b: 3, d: 4}
same: {a: 1, b: {c: 2}}
merged:
  a: own
  b: {c: 2}
  d: 4
`, values(t, l.Doc))
	require.Equal(t, Pos{File: "f.yml", Line: 2, Col: 23}, l.Doc.Pos(l.Doc.Lookup("same", "b")), "where it is written")
	require.Equal(t, Pos{File: "f.yml", Line: 7, Col: 6}, l.Doc.Pos(l.Doc.Lookup("merged", "a")))
}
