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
		{"a wrong indentation", "a:\n  b: 1\n c: 2\nd: 1\n", "f.yml:3:2: is not valid YAML: did not find expected key"},
		{"a colon too much", "x: 1\na: b: c\n", "f.yml:2:1: is not valid YAML: mapping values are not allowed in this context"},
		{"an open quote", "a: 1\nb: \"open\nc: 1\n", "f.yml:2:1: is not valid YAML: found unexpected end of stream"},
		{"an open bracket", "a: 1\nb: [1, 2\nc: 1\n", "f.yml:2:1: is not valid YAML: did not find expected ',' or ']'"},
		{"an unknown anchor", "a: 1\nb: *none\n", "f.yml:2:1: is not valid YAML: unknown anchor 'none' referenced"},
		{"a line far down", manyKeys(400) + "bad line\nmore: 1\n", "f.yml:401:1: is not valid YAML: could not find expected ':'"},
		{"bytes that are no text", "a: \xff\xfe\n", "f.yml:1:1: is not valid YAML: invalid leading UTF-8 octet"},
		{"an alias that contains itself", "a: &a\n  b: *a\n", `f.yml:2:6: alias "*a" contains itself`},
		{"a merge key that contains itself", "a: &a\n  <<: *a\n", `f.yml:2:7: alias "*a" contains itself`},
		{"a map as key", "? {a: 1}\n: 2\n", "f.yml:1:3: expected a text as key, found a map"},
		{"a merge key of a text", "<<: hello\n", `f.yml:1:5: expected a map or a list of maps after "<<", found a text`},
		{"too deep", "a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70), "f.yml:1:67: is nested deeper than 64 maps and lists"},
		{"a billion laughs", laughs(), "f.yml:5:45: has more than 100000 values, counting each use of an alias"},
		{"too long", strings.Repeat("#", 1<<20) + "\n", "f.yml:1:1: is 1048577 bytes long, more than the 1048576 that are allowed"},
		{"a way of merging that is not known", "merge_how: list(prepend)\n", "f.yml:1:12: merge_how: asks for a way of merging that is not known (" + mergeFormHint + ")"},
		{"a merger that is not known", "merge_type: [{name: set}]\n", "f.yml:1:13: merge_type: asks for a way of merging that is not known (" + mergeFormHint + ")"},
		{"ways of merging that are known", "merge_how: dict(replace)+list()+str()\nmerge_type: 'list(append) + dict(recurse_array) + str()'\n", ""},
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
