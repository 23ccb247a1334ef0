package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestMistakesInSyntaxAreToldInPlainWords has what people write wrong, with a
// bar where the position must point.
func TestMistakesInSyntaxAreToldInPlainWords(t *testing.T) {
	t.Parallel()
	const (
		quote   = "put the text between quotes"
		deeper  = "indented deeper than the line above, which has a value already"
		item    = `a list belongs below a line such as "key:"`
		between = "between brackets, put a comma between items, and texts with a colon between quotes"
		begin   = `begin the line with "- ", or indent it like the key that the list belongs to`
	)
	tests := []struct{ text, msg, hint string }{
		{"a: 1\nb: |\"open\nc: 1\n", `the quote " is not closed`, "close it where the text ends"},
		{"a: |\"open\nb: \"x\"\nc: 1\n", `the quote " is not closed in its line`, "close it where the value ends"},
		{"a: 1\nb:\n  c: |'d\n  e: 'f'\n", "the quote ' is not closed in its line", "close it where the value ends"},
		{"a: 'it'|s'\nb: 1\n", "text follows behind the closing quote", "inside of '…' write '' for a quote, or put the whole text between double quotes"},
		{"a: \"x\" |y\nb: 1\n", "text follows behind the closing quote", `put the whole text between quotes; inside of "…" write \" for a quote`},
		{"a: 1\nb: \"äö\"\t|ü: 1\n", "text follows behind the closing quote", `put the whole text between quotes; inside of "…" write \" for a quote`},
		{"a: 1\nb: |[1, 2\nc: 1\nd: 2\n", "the bracket [ is not closed", `write "]" where it ends`},
		{"a: 1\nb: |{c: 1\nd: 2\n", "the bracket { is not closed", `write "}" where it ends`},
		{"a: |[\n  b,\n  c\nd: [e]\n", "the bracket [ is not closed", `write "]" where it ends`},
		{"a: {b: [1|}\n", "the bracket [ is closed with }", ""},
		{"a: |]\nb: 1\n", `a "]" that closes nothing`, "remove it, or " + quote},
		{"a: [b] |c\n", "text follows behind the closing bracket", quote},
		{"a: [1,|,2]\n", "an item is missing before the comma", "remove the comma"},
		{"a: {b c}\nd: {e: 1 f|: 2}\n", "a comma is missing", between},
		{"a: [\"x\" |\"y\"]\n", "a comma is missing", between},
		{"a: [b: c|: d]\n", "a comma is missing", between},
		{"a: [|- b]\n", `"- " is not for lists between brackets`, "put commas between items"},
		{"a: {b: |@c}\n", `a text cannot begin with "@"`, quote},
		{"a: b|: c\n", "a second colon, where a value has begun already", quote},
		{"ä: ö|: ü\n", "a second colon, where a value has begun already", quote},
		{"a: \"x\"|: y\n", "a second colon, where a value has begun already", quote},
		{"a: !!str\n  b: c|: d\n", "a second colon, where a value has begun already", quote},
		{"x: 1\nkey|:value\ny: 2\n", "a space is missing behind the colon", `write "key: …"`},
		{"key|:value\ny: 2\n", "a space is missing behind the colon", `write "key: …"`},
		{"a:\n  key|:value\n  b: 1\n", "a space is missing behind the colon", `write "key: …"`},
		{"- a\n|-b\n- c: 1\n", "a space is missing behind the dash", `write "- " before each item`},
		{"a: 1\n|b = 2\nc: 3\n", "a colon is missing", `write "b: …"`},
		{"key: value\n\n|other\n\nthird: 1\n", "a colon is missing", `write "key: value"`},
		{"l:\n  - a: 1\n    |b\n  - c: 1\n", "a colon is missing", `write "key: value"`},
		{"a: b\n|: c\n", "a key is missing before the colon", ""},
		{"a: 1\nb: |@x\n", `a text cannot begin with "@"`, quote},
		{"b: |`x`\n", "a text cannot begin with \"`\"", quote},
		{"a: ${x}\nb: |%{y}\n", `a text cannot begin with "%"`, quote},
		{"a: 1\n|%x: 1\n", `a line cannot begin with "%"`, quote},
		{"a: |*.log\n", `a text cannot begin with "*"`, quote},
		{"a: |&\n", `a text cannot begin with "&"`, quote},
		{"a: |!<x\n", `a text cannot begin with "!<"`, quote},
		{"a: |, b\n", `a text cannot begin with ","`, quote},
		{"a: 1\nb: |{{ x }}/y\nc: 1\n", `"{{" begins a map`, quote},
		{"a: \"C:|\\path\"\n", `\p is not known between double quotes`, `write "\\" for a backslash, or put the text between single quotes`},
		{"a: \"|\\u12\"\n", `\u12" is not known between double quotes`, `write "\\" for a backslash, or put the text between single quotes`},
		{"a:\n  b: 1\n |c: 2\nd: 1\n", "indented by 1 space, which fits none of the lines above", "indent it by no space or by 2 spaces"},
		{"a:\n  - b\n |- c\n", "indented by 1 space, which fits none of the lines above", "indent it by no space or by 2 spaces"},
		{"a:\n  - x: 1\n   |y: 2\n", "indented by 3 spaces, which fits none of the lines above", "indent it by 2 spaces or by 4 spaces"},
		{"a:\n  b: 1\n    |c: 2\nd: 1\n", deeper, "indent both alike, or remove the value above"},
		{"a: 1\n |b: 2\n", deeper, "indent both alike, or remove the value above"},
		{"a:\n  b: |\n      x\n    |y\n  c: 1\n", "indented less than the first line of the text above, and more than its key", "indent all lines of the text alike"},
		{"a:\n  b: 1\n|\tc: 2\n", "a tab is used for indentation", "use spaces"},
		{"a:\n|\tb: 1\n", "a tab is used for indentation", "use spaces"},
		{"a: |\n  x\n|\ty\nb: 1\n", "a tab is used for indentation", "use spaces"},
		{"a: 1\n|\t\nb: 2\n", "a tab is used in an empty line", "remove it"},
		{"a:\n  -|\tb\n", "a tab stands behind the dash", "use a space"},
		{"a: 1\n|- b\n", "an item of a list stands among keys", item},
		{"a:\n  b: 1\n  |- c\n", "an item of a list stands among keys", item},
		{"- a\n|b: 1\n", "a key stands among the items of a list", begin},
		{"a:\n  - b\n  |c: 1\n", "a key stands among the items of a list", begin},
		{"a: |- b\n", "a list cannot begin behind a key", "write the items in the lines below, or between [ and ]"},
		{"x: 1\na: ||foo\n  x\n", `text stands behind "|"`, "begin the text in the next line, or " + quote},
		{"|<<<<<<< HEAD\na: 1\n=======\nb: 1\n>>>>>>> x\n", "the mark of a merge conflict", "keep one of both versions, and remove the marks"},
		{"x: 1\n|<<<<<<< HEAD\na: 1\n=======\n", "the mark of a merge conflict", "keep one of both versions, and remove the marks"},
		{"a: b\n...\nc: d|: e\n", "a second colon, where a value has begun already", quote},
		{"\xef\xbb\xbfa: 1\r\nb: c|: d\r\n", "a second colon, where a value has begun already", quote},
		{"a: 1\nb:\n  |? x: y: z\n", "a colon stands where no key can be", "put a text with a colon between quotes, and indent keys alike"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			before, after := cutAtBar(tt.text, tt.msg)
			l, report := ParseLayer("user-data", "f", []byte(before+after))
			before = strings.TrimPrefix(before, "\xef\xbb\xbf")
			require.Nil(t, l.Doc.Root)
			require.Equal(t, Report{{
				Pos: posAt("f", []byte(before), len(before)), Msg: "is not valid YAML: " + tt.msg, Hint: tt.hint,
			}}, report)
		})
	}
}

// cutAtBar cuts at the bar that marks the position; the texts that have bars of
// their own mark the last but one of them, or the last.
func cutAtBar(text, msg string) (before, after string) {
	i := strings.LastIndexByte(text, '|')
	if strings.HasPrefix(msg, "text stands behind") {
		i = strings.IndexByte(text, '|') + 1
	}
	return text[:i], text[i+1:]
}

// TestAGoodTextHasNoMistake holds the search for mistakes to what YAML allows: a
// false finding would hide the true one.
func TestAGoodTextHasNoMistake(t *testing.T) {
	t.Parallel()
	for _, text := range append(goodTexts(t), manyKeys(100), string(manyServices(100))) {
		text := normalise([]byte(text))
		if _, problem := parseDocument("f", text); problem == nil {
			m := firstMistake(text)
			require.Nil(t, m, "%s\n%v", text, m)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, err := encode(drawMap(t, 4))
		require.NoError(t, err)
		require.Nil(t, firstMistake(text), string(text))
	})
}

func goodTexts(t *testing.T) []string {
	t.Helper()
	return append(archived(t, "testdata/*.txtar"), archived(t, "testdata/real/*.txtar")...)
}

func TestASecretIsNotShownByASyntaxError(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"geheim: x", "*geheim", "&!geheim x", "!geheim x", "!<geheim", "@geheim", "\"geheim", "'geheim' x", "[geheim", "{{ geheim }}x",
		"%geheim", "`geheim`", "\"\\geheim\"", "|geheim", "- geheim", "geheim\n   x: y", ", geheim", "*geheim x", "{geheim: *geheim}", "\xffgeheim",
	} {
		_, report := ParseLayer("x", "f", []byte("rancher:\n  password: "+value+"\n  debug: true\n"))
		require.NotEmpty(t, report, value)
		require.NotContains(t, messages(report), "geheim", value)
	}
}
