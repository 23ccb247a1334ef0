package compose

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/sirupsen/logrus"
	"pgregory.net/rapid"
)

var testVariables = map[string]string{"A": "1", "B_2": "two", "EMPTY": "", "NESTED": "$A"}

func lookupTest(name string) (string, bool) {
	value, ok := testVariables[name]
	return value, ok
}

func TestInterpolate(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		unset            []string
		err              string
	}{
		{name: "a text without variables is itself", text: "a b", want: "a b"},
		{name: "a bare name ends where names end", text: "$A-$B_2.x", want: "1-two.x"},
		{name: "braces end a name", text: "${A}2", want: "12"},
		{name: "two dollar signs are one", text: "$$A $$$A", want: "$A $1"},
		{name: "values are not looked into", text: "$NESTED", want: "$A"},
		{name: "an unset variable is empty, and told", text: "[$NOPE ${NO}]", want: "[ ]", unset: []string{"NOPE", "NO"}},
		{name: "a default is used when unset", text: "${NOPE:-d} ${NOPE-d}", want: "d d"},
		{name: "with a colon empty is unset", text: "${EMPTY:-d} ${EMPTY-d}", want: "d "},
		{name: "a default has variables of its own", text: "${NOPE:-${A}-$B_2}", want: "1-two"},
		{name: "a default is only looked into when used", text: "${A:-$NOPE}", want: "1"},
		{name: "a default may have braces", text: `${NOPE:-{"a": {}}}`, want: `{"a": {}}`},
		{name: "an alternative is used when set", text: "${A:+x} ${EMPTY:+x} ${EMPTY+x} ${NOPE+x}", want: "x  x "},
		{name: "a required variable that is set", text: "${A:?no} ${EMPTY?no}", want: "1 "},
		{name: "a required variable that is not", text: "${EMPTY:?set $A}", err: `variable "EMPTY" is not set: set 1`},
		{name: "a required variable without a reason", text: "${NOPE?}", err: `variable "NOPE" is not set: it is required`},
		{name: "a dollar sign before something else", text: "a $(b)", err: "a dollar sign is not followed by the name of a variable"},
		{name: "a dollar sign at the end", text: "a$", err: "a dollar sign is not followed by the name of a variable"},
		{name: "an open brace", text: "${A", err: `the brace of "${A" is not closed`},
		{name: "an open brace in a password", text: "x${A:secret", err: `the brace of "${A" is not closed`},
		{name: "variables without end", text: strings.Repeat("${NO:-", 99) + strings.Repeat("}", 99), err: "variables are nested too deep"},
		{name: "no name between braces", text: "${}", err: `no name of a variable follows ${`},
		{name: "something behind the name", text: "${A!x}", err: `what follows "${A" is not understood`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var unset []string
			got, err := interpolate(test.text, lookupTest, func(name string) { unset = append(unset, name) })
			if err != nil || test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if got != test.want || !slices.Equal(unset, test.unset) {
				t.Errorf("got %q, unset %q, want %q, unset %q", got, unset, test.want, test.unset)
			}
		})
	}
}

// TestInterpolationIsThatOfCompose compares with compose-go's own, on texts that
// both accept.
func TestInterpolationIsThatOfCompose(t *testing.T) {
	before := logrus.StandardLogger().Out
	logrus.SetOutput(io.Discard) // compose-go's writes to it
	t.Cleanup(func() { logrus.SetOutput(before) })
	part := rapid.SampledFrom([]string{
		"$A", "${B_2}", "$$", "x", " ", "-", "${NO}", "${NO:-d}", "${NO-$A}", "${EMPTY:-e}", "${EMPTY-e}", "${A:+y}", "${NO+y}", "${A:?r}",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(part).Draw(t, "parts"), "")
		want, err := template.Substitute(text, lookupTest)
		if err != nil {
			t.Fatal(err)
		}
		got, err := interpolate(text, lookupTest, func(string) {})
		if err != nil || got != want {
			t.Fatalf("%q: got %q, %v, want %q", text, got, err, want)
		}
	})
}

func FuzzInterpolate(f *testing.F) {
	for _, seed := range []string{"$A", "${A:-${B}}", "$$", "${", "${A:?}", "$é", "${A:-{}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := interpolate(text, lookupTest, func(string) {})
		if err == nil && !strings.Contains(text, "$") && out != text {
			t.Errorf("%q became %q", text, out)
		}
	})
}
