package cloudconfig

import (
	"strings"
	"testing"
)

func TestMetaValues(t *testing.T) {
	for _, tt := range []struct{ data, path, want string }{
		{"local-hostname: db1", "local_hostname", "db1"},
		{"local_hostname: db1", "Local-Hostname", "db1"},
		{`{"placement": {"availability-zone": "a"}}`, "placement.availability_zone", "a"},
		{"index: 3", "index", "3"},
		{"empty: ''", "empty", ""},
		{"none: null", "none", "-"},
		{"keys: [a]", "keys", "-"},
		{"keys: {a: b}", "keys", "-"},
		{"a: b", "a.b", "-"},
		{"a: b", "c", "-"},
		{"a: [", "a", "-"},
		{"", "a", "-"},
	} {
		got, found := ParseMetaValues([]byte(tt.data)).Get(strings.Split(tt.path, ".")...)
		if !found {
			got = "-"
		}
		if got != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.path, tt.data, got, tt.want)
		}
	}
}
