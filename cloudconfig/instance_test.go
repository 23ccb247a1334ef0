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
