package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWayOfMergingOutsideOfALayer(t *testing.T) {
	parse := func(text string) Layer {
		l, report := ParseLayer("user-data", "user-data", []byte(text))
		require.Empty(t, report)
		return l
	}
	below := parse("runcmd: [one]\n")
	for _, tt := range []struct{ name, layer, how, want string }{
		{"a header appends", "runcmd: [two]", "list(append)+dict(recurse_array)+str()", "one two"},
		{"the layer itself ranks before it", "runcmd: [two]\nmerge_type: list()+dict()+str()", "list(append)+dict(recurse_array)+str()", "two"},
		{"a header replaces", "runcmd: [two]", "list()+dict()+str()", "two"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			above := parse(tt.layer).MergedAs(tt.how)
			require.Empty(t, Validate(above))
			cfg, report := Merge(below, above).Config()
			require.Empty(t, report)
			got := ""
			for _, c := range cfg.RunCmd {
				got += c.Shell + " "
			}
			require.Equal(t, tt.want+" ", got)
		})
	}
	odd := parse("hostname: a\n").MergedAs("list(prepend)")
	require.Equal(t, "user-data:1:1: merge_how: asks for a way of merging that is not known ("+mergeFormHint+")", messages(Validate(odd)))
	require.Equal(t, Layer{}, Layer{}.MergedAs("list(append)"), "an empty layer stays one")
}

// A way of merging that is not known is a mistake of a key, not of the layer.
func TestWaysOfMerging(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a way of merging that is not known", "merge_how: list(prepend)\n", "f.yml:1:12: merge_how: asks for a way of merging that is not known (" + mergeFormHint + ")"},
		{"a merger that is not known", "merge_type: [{name: set}]\n", "f.yml:1:13: merge_type: asks for a way of merging that is not known (" + mergeFormHint + ")"},
		{"ways of merging that are known", "merge_how: dict(replace)+list()+str()\nmerge_type: 'list() + dict() + str()'\n", ""},
		{"two ways of merging", "merge_how: dict(replace)+list()+str()\nmerge_type: 'list(append) + dict(recurse_array) + str()'\n", "f.yml:2:13: merge_type: asks for another way of merging than merge_how (remove one of them)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, report := ParseLayer("user-data", "f.yml", []byte(tt.text))
			require.Empty(t, report)
			require.Equal(t, tt.want, messages(l.MergeProblems()))
			require.Equal(t, tt.want, messages(Validate(l)))
		})
	}
}
