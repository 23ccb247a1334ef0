package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInstanceID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"NoCloud's form", "instance-id: i-1\n", "i-1"},
		{"a number", "instance-id: 42\n", "42"},
		{"OpenStack's form", "{\n\t\"uuid\": \"d8e02d56\"\n}", "d8e02d56"},
		{"its own name is before OpenStack's", "uuid: a\ninstance-id: b\n", "b"},
		{"nothing", "", ""},
		{"null", "instance-id: null\n", ""},
		{"a list", "instance-id: [a]\n", ""},
		{"no YAML", "{", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, InstanceID([]byte(tt.text)))
		})
	}
}

func TestMergeMetaData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, above, below, want, problem string }{
		{"each says its own", "instance-id: a\n", "local-hostname: b\n", "local-hostname: b\ninstance-id: a\n", ""},
		{"the upper one wins", "instance-id: a\n", "instance-id: b\n", "instance-id: a\n", ""},
		{"maps are merged", "public-keys: {x: k1}\n", "public-keys: {x: k2, y: k3}\n", "public-keys: {x: k1, y: k3}\n", ""},
		{"JSON and YAML", "{\"instance-id\":\t\"a\"}", "local-hostname: b\n", "{local-hostname: b, \"instance-id\": \"a\"}\n", ""},
		{"the lower one is nothing", "instance-id: a\n", "", "instance-id: a\n", ""},
		{"both are nothing", "", "", "", ""},
		{"the lower one cannot be read", "instance-id: a\n", "<html>\n", "instance-id: a\n", "meta-data:1:1: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := MergeMetaData([]byte(tt.above), []byte(tt.below))
			require.Equal(t, tt.want, string(got))
			if tt.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.problem)
		})
	}
}

// FuzzMergeMetaData: what comes out can be read again, and says what the upper one
// says.
func FuzzMergeMetaData(f *testing.F) {
	f.Add([]byte("instance-id: a\nseedfrom: https://example.com/\n"), []byte(`{"instance-id": "b", "x": [1, null]}`))
	f.Add([]byte("a: &a {b: 1}\nc: *a\n"), []byte("c: {d: 2}\n"))
	f.Add([]byte("seedfrom: 0x10\n"), []byte("seedfrom: |\n  x\n"))
	f.Fuzz(func(t *testing.T, above, below []byte) {
		if len(above)+len(below) > fuzzSize {
			return
		}
		out, err := MergeMetaData(above, below)
		if _, report := ParseLayer("", "f", out); report.Err() != nil {
			t.Fatalf("%q cannot be read: %v", out, report)
		}
		if from := SeedFrom(above); err == nil && from != "" && SeedFrom(out) != from {
			t.Fatalf("seedfrom is %q, want %q, in %q", SeedFrom(out), from, out)
		}
	})
}
