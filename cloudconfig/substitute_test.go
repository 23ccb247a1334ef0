package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubstitute(t *testing.T) {
	t.Parallel()
	facts := Facts{PublicIPv4: "192.0.2.1", PrivateIPv4: "10.0.0.7", PrivateIPv6: "fd00::7"}
	tests := []struct{ name, text, want, problems string }{
		{"a layer without references stays", "a: $HOME $$x ${y}\n", "a: $HOME $$x ${y}\n", ""},
		{"all names", "a: $public_ipv4\nb: $private_ipv4\nc: '$private_ipv6'\n", "a: 192.0.2.1\nb: 10.0.0.7\nc: 'fd00::7'\n", ""},
		{"braces", "a: ${private_ipv4}x\n", "a: 10.0.0.7x\n", ""},
		{"inside of a text, and several times", "a: http://$private_ipv4:80,$public_ipv4/24\n", "a: http://10.0.0.7:80,192.0.2.1/24\n", ""},
		{"whatever follows a name", "a: $private_ipv4s\n", "a: 10.0.0.7s\n", ""},
		{"a backslash keeps the text", "a: \\$private_ipv4 $private_ipv4 \\${public_ipv4}\n", "a: $private_ipv4 10.0.0.7 ${public_ipv4}\n", ""},
		{"a backslash before a fact that is not known", "a: \\$public_ipv6\n", "a: $public_ipv6\n", ""},
		{"keys", "m: {\"$private_ipv4:5000\": 1}\n", "m: {\"10.0.0.7:5000\": 1}\n", ""},
		{"keys that become the same", "m: {$private_ipv4: 1, 10.0.0.7: 2}\n", "m: {10.0.0.7: 1}\n", `f.yml:1:23: m: key "10.0.0.7" is there twice once references are replaced (remove one of them)`},
		{"a block of text", "write_files:\n  - path: /a\n    content: |\n      ip=$private_ipv4\n", "write_files:\n  - path: /a\n    content: |\n      ip=10.0.0.7\n", ""},
		{"other names are left alone", "a: $private_ip ${private_ipv4 $PRIVATE_IPV4\n", "a: $private_ip ${private_ipv4 $PRIVATE_IPV4\n", ""},
		{
			"a value that is not known is left out", "hostname: x\nrancher:\n  docker: {bip: $public_ipv6/24, tls: true}\n", "hostname: x\nrancher:\n  docker: {tls: true}\n",
			"f.yml:3:17: rancher.docker.bip: $public_ipv6 is not known: this machine's datasource gave no such address (write the address, or \\$public_ipv6 for the text itself)",
		},
		{
			"a list of texts is left out as a whole", "rancher: {docker: {extra_args: [--bip, $public_ipv6]}}\n", "rancher: {docker: {}}\n",
			"f.yml:1:40: rancher.docker.extra_args.1: $public_ipv6 is not known: this machine's datasource gave no such address (write the address, or \\$public_ipv6 for the text itself)",
		},
		{
			"a file is left out as a whole", "write_files:\n  - path: /a\n    content: $public_ipv6\n  - path: /b\n", "write_files:\n  - path: /b\n",
			"f.yml:3:14: write_files.0.content: $public_ipv6 is not known: this machine's datasource gave no such address (write the address, or \\$public_ipv6 for the text itself)",
		},
		{
			"a service is left out as a whole", "rancher:\n  services:\n    a: {image: x, environment: {IP: $public_ipv6}}\n    b: {image: x, command: [c, $private_ipv4]}\n", "rancher:\n  services:\n    b: {image: x, command: [c, 10.0.0.7]}\n",
			"f.yml:3:37: rancher.services.a.environment.IP: $public_ipv6 is not known: this machine's datasource gave no such address (write the address, or \\$public_ipv6 for the text itself)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := layer(t, "f.yml", tt.text)
			before := values(t, l.Doc)
			out, report := Substitute(l, facts)
			require.Equal(t, tt.problems, messages(report))
			require.Equal(t, tt.want, values(t, out.Doc))
			require.Equal(t, before, values(t, l.Doc), "the layer given stays")
			checkNodes(t, out.Doc, out.Doc.Root)
		})
	}
}

func TestParseFacts(t *testing.T) {
	t.Parallel()
	all := Facts{PublicIPv4: "192.0.2.1", PrivateIPv4: "10.0.0.7", PublicIPv6: "2001:db8::1", PrivateIPv6: "fd00::7"}
	tests := []struct {
		name, text string
		want       Facts
	}{
		{"our names", "public_ipv4: 192.0.2.1\nprivate_ipv4: 10.0.0.7\npublic_ipv6: 2001:DB8::1\nprivate_ipv6: fd00::7\n", all},
		{"EC2's names", "public-ipv4: 192.0.2.1\nlocal-ipv4: 10.0.0.7\nipv6: 2001:db8::1 2001:db8::2\nlocal_ipv6: fd00::7\n", all},
		{"RancherOS's file", "publicipv4: 192.0.2.1\nprivateipv4: 10.0.0.7\npublicipv6: 2001:db8::1\nprivateipv6: fd00::7\n", all},
		{"JSON", `{"public_ipv4": "192.0.2.1", "private_ipv4": ["10.0.0.7/8", "10.0.0.8"]}`, Facts{PublicIPv4: "192.0.2.1", PrivateIPv4: "10.0.0.7"}},
		{"what is no address of the kind is not known", "public_ipv4: fd00::1\nprivate_ipv4: ''\npublic_ipv6: 1.2.3.4\nprivate_ipv6: fe80::1%eth0\n", Facts{}},
		{"nothing", "", Facts{}},
		{"no map", "hello", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, ParseFacts([]byte(tt.text)))
		})
	}
}
