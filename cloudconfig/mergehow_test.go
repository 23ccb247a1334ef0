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
