package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNearestIsTheWordThatWasMeant(t *testing.T) {
	t.Parallel()
	known := []string{"hostname", "write_files", "mounts", "runcmd", "bootcmd", "ssh_authorized_keys", "users"}
	tests := []struct{ word, want string }{
		{"hostname", "hostname"},
		{"hostnmae", "hostname"},
		{"Hostname", "hostname"},
		{"HOST_NAME", "hostname"},
		{"write_file", "write_files"},
		{"ssh_authorised_keys", "ssh_authorized_keys"},
		{"mount", "mounts"},
		{"user", "users"},
		{"cmd", ""},
		{"x", ""},
		{"", ""},
		{strings.Repeat("hostname", 20), ""},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, Nearest(tt.word, known), tt.word)
	}
}

// slowDistance is the textbook's, with the whole table.
func slowDistance(a, b string) int {
	switch {
	case a == "":
		return len(b)
	case b == "":
		return len(a)
	}
	cost := 1
	if a[len(a)-1] == b[len(b)-1] {
		cost = 0
	}
	head, tail := a[:len(a)-1], b[:len(b)-1]
	best := min(slowDistance(head, b)+1, slowDistance(a, tail)+1, slowDistance(head, tail)+cost)
	if len(a) > 1 && len(b) > 1 && a[len(a)-1] == b[len(b)-2] && a[len(a)-2] == b[len(b)-1] {
		best = min(best, slowDistance(a[:len(a)-2], b[:len(b)-2])+1)
	}
	return best
}

func TestDistanceIsThatOfTheTextbook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching("[abc]{0,6}")
		a, b, limit := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(0, 6).Draw(t, "limit")
		want := slowDistance(a, b)
		if want > limit {
			require.Greater(t, distance(a, b, limit), limit)
			return
		}
		require.Equal(t, want, distance(a, b, limit))
	})
}
