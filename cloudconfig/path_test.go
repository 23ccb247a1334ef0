package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSplitPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		want       []string
		err        string
	}{
		{"no path is the whole", "", nil, ""},
		{"keys are split at dots", "rancher.docker.tls", []string{"rancher", "docker", "tls"}, ""},
		{"dots between quotes are part of the key", `a."eth1.100".b`, []string{"a", "eth1.100", "b"}, ""},
		{"single quotes do as well", `a.'x"y'`, []string{"a", `x"y`}, ""},
		{"a backslash makes a quote literal", `"a\"b\\"`, []string{`a"b\`}, ""},
		{"a quoted key may be empty", `a.""`, []string{"a", ""}, ""},
		{"an empty key is an error", "a..b", nil, `cannot read key "a..b": a key between dots is empty`},
		{"a dot at the end is an error", "a.", nil, `cannot read key "a.": a key between dots is empty`},
		{"an open quote is an error", `a."b`, nil, `cannot read key "a.\"b": the quote " is not closed`},
		{"text behind a quote is an error", `"a"b`, nil, `cannot read key "\"a\"b": a dot is missing before "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := SplitPath(tt.path)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestSplitPathReadsWhatJoinPathWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "path")
		got, err := SplitPath(JoinPath(path...))
		require.NoError(t, err)
		require.Equal(t, path, got)
	})
}
