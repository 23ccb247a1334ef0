package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseMetaData(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60)
	tests := []struct{ name, text, want, problems string }{
		{"NoCloud's form", "instance-id: i-1\nlocal-hostname: db1\npublic-keys:\n  - ssh-rsa A\n  - |\n    ssh-rsa B\n", "hostname: db1\nssh_authorized_keys:\n  - ssh-rsa A\n  - ssh-rsa B\n", ""},
		{"OpenStack's form, with tabs", "{\n\t\"uuid\": \"1\",\n\t\"hostname\": \"db1.novalocal\",\n\t\"public_keys\": {\"b\": \"ssh-rsa B\\n\", \"a\": \"ssh-rsa A\"}\n}\n", "hostname: \"db1.novalocal\"\nssh_authorized_keys:\n  - ssh-rsa A\n  - ssh-rsa B\n", ""},
		{"escapes that only JSON knows", `{"hostname": "x", "meta": {"smile": "\ud83d\ude00"}}`, "hostname: \"x\"\n", ""},
		{"EC2's form", "public-keys:\n  \"0\": {openssh-key: ssh-rsa A}\n", "ssh_authorized_keys:\n  - ssh-rsa A\n", ""},
		{"one text with several keys, one of them twice", "public-keys: |\n  ssh-rsa A\n  ssh-rsa B\n  ssh-rsa A\n", "ssh_authorized_keys:\n  - ssh-rsa A\n  - ssh-rsa B\n", ""},
		{"local-hostname is before hostname", "hostname: b\nlocal-hostname: a\n", "hostname: a\n", ""},
		{"a host name that the kernel does not take", "hostname: " + long + "\n", "hostname: " + strings.Repeat("a", 60) + "\n", ""},
		{"a host name that DNS does not take", "local-hostname: ___\nhostname: My Web_1.\n", "hostname: My-Web-1\n", ""},
		{"nothing that is configuration", "instance-id: x\ndsmode: net\n", "", ""},
		{"nothing at all", "", "", ""},
		{"a host name that is none", "hostname: [a]\n", "", "seed: hostname: expected a text, found a list"},
		{"no map", "hello", "", `seed: expected a map of keys at the top of the file, found a text (write "key: value" lines)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, report := ParseMetaData("meta-data", "seed", []byte(tt.text))
			for i := range report {
				report[i].Pos.Line, report[i].Pos.Col = 0, 0
			}
			require.Equal(t, tt.problems, messages(report))
			require.Equal(t, tt.want, values(t, l.Doc))
			require.Empty(t, Validate(l))
		})
	}
}
