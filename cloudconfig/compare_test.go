package cloudconfig_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/cloudconfig"
)

func TestCompareTellsWhatDiffers(t *testing.T) {
	for _, tt := range []struct {
		name, was, is string
		want          []cloudconfig.Difference
	}{
		{"nothing", "hostname: a\n", "# other text\nhostname: 'a'\n", nil},
		{"a value", "hostname: a\n", "hostname: b\n", []cloudconfig.Difference{{Path: []string{"hostname"}, Was: "a", Is: "b"}}},
		{"a value that was not set", "", "hostname: b\n", []cloudconfig.Difference{{Path: []string{"hostname"}, Is: "b"}}},
		{"everything is gone", "hostname: b\n", "", []cloudconfig.Difference{{Path: []string{"hostname"}, Was: "b"}}},
		{
			"a secret", "rancher: {password: hunter1}\n", "rancher: {password: hunter2}\n",
			[]cloudconfig.Difference{{Path: []string{"rancher", "password"}, Was: "(redacted)", Is: "(redacted)"}},
		},
		{
			"several, sorted", "rancher: {debug: true, modules: [a, b]}\n", "rancher: {debug: true, modules: [b, a]}\nhostname: x\n",
			[]cloudconfig.Difference{
				{Path: []string{"hostname"}, Is: "x"},
				{Path: []string{"rancher", "modules"}, Was: "[a, b]", Is: "[b, a]"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			merged := func(text string) cloudconfig.Merged {
				l, report := cloudconfig.ParseLayer("", "x", []byte(text))
				if err := report.Err(); err != nil {
					t.Fatal(err)
				}
				return cloudconfig.Merge(l)
			}
			got := cloudconfig.Compare(merged(tt.was), merged(tt.is))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
