package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, path, value, want string }{
		{"an empty text", "", "hostname", "x", "hostname: x\n"},
		{"the header stays first", "#cloud-config\n", "hostname", "x", "#cloud-config\nhostname: x\n"},
		{"comments only", "#cloud-config\n# mine\n", "rancher.debug", "true", "#cloud-config\n# mine\nrancher:\n  debug: true\n"},
		{"an empty map", "{}\n", "a.b", "1", "a:\n  b: 1\n"},
		{
			"comments and order survive", "#cloud-config\n# about b\nb: 1 # one\n# about a\na:\n  # about c\n  c: 2 # two\n  d: 3\n", "a.c", "5",
			"#cloud-config\n# about b\nb: 1 # one\n# about a\na:\n  # about c\n  c: 5 # two\n  d: 3\n",
		},
		{"a new key goes to the end", "a: 1 # one\n# end\n", "b", "2", "a: 1 # one\nb: 2\n\n# end\n"},
		{"windows line ends are taken away", "a: 1\r\nb: 2\r\n", "a", "3", "a: 3\nb: 2\n"},
		{"a number", "", "rancher.shutdown_timeout", "30", "rancher:\n  shutdown_timeout: 30\n"},
		{"a number where a text belongs", "", "hostname", "30", "hostname: \"30\"\n"},
		{"a text keeps what YAML would take off", "", "rancher.password", "a #b: c", "rancher:\n  password: 'a #b: c'\n"},
		{"quotes are taken off a text", "", "hostname", `"x"`, "hostname: \"x\"\n"},
		{"a list", "", "rancher.network.dns.nameservers", "[9.9.9.9, 1.1.1.1]", "rancher:\n  network:\n    dns:\n      nameservers: [9.9.9.9, 1.1.1.1]\n"},
		{"a map", "", "rancher.services.web", "{image: nginx}", "rancher:\n  services:\n    web: {image: nginx}\n"},
		{"a map of several lines", "", "rancher.services.web", "image: nginx\nports: [\"80:80\"]\n", "rancher:\n  services:\n    web:\n      image: nginx\n      ports: [\"80:80\"]\n"},
		{"a colon where the schema says nothing", "", "rancher.services.web.command", "echo: x", "rancher:\n  services:\n    web:\n      command: 'echo: x'\n"},
		{"what is not YAML is a text", "", "rancher.services.web.command", "[x", "rancher:\n  services:\n    web:\n      command: '[x'\n"},
		{"a key with dots", "", `rancher.sysctl."net.ipv4.ip_forward"`, "1", "rancher:\n  sysctl:\n    net.ipv4.ip_forward: \"1\"\n"},
		{"an item of a list", "runcmd: [a, b]\n", "runcmd.1", "c", "runcmd: [a, c]\n"},
		{"an item behind the last", "runcmd:\n  - a # first\n", "runcmd.1", "[touch, /x]", "runcmd:\n  - a # first\n  - [touch, /x]\n"},
		{"null removes what others say", "", "rancher.services.ntp", "null", "rancher:\n  services:\n    ntp: null\n"},
		{"a value below null", "rancher:\n", "rancher.debug", "true", "rancher:\n  debug: true\n"},
		{"an alias is written out, others stay", "a: &x {k: 1}\nb: *x\nc: *x\n", "b.k", "2", "a: {k: 1}\nb: {k: 2}\nc: {k: 1}\n"},
		{"an anchor that others use is written out", "a: &x {k: 1}\nb: *x\n", "a.k", "2", "a: {k: 2}\nb: {k: 1}\n"},
		{"a merged key is overridden", "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", "b.k", "3", "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n  k: 3\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			got, err := SetValue([]byte(tt.doc), path, tt.value)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
}

func TestSetValueRefusesWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, path, want string }{
		{"a key below a text", "hostname: x\n", "hostname.y", "cannot set hostname.y: hostname is a text, and has no keys"},
		{"a key of a list", "runcmd: [a]\n", "runcmd.x", `cannot set runcmd.x: runcmd is a list of 1 items, and has no item "x"`},
		{"an item far behind the last", "runcmd: [a]\n", "runcmd.7", `cannot set runcmd.7: runcmd is a list of 1 items, and has no item "7"`},
		{"no key", "", "", "cannot set a value without a key"},
		{"a text that is not YAML", "a: [", "a", "cannot set a: 1 error occurred:\n\t* document:1:1: is not valid YAML: did not find expected node content\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			_, err = SetValue([]byte(tt.doc), path, "v")
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestSetValueKeepsTextsOfSeveralLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"#!/bin/sh\necho: x\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "  indented\nx", "a\n\n\n", "\ttab\n", "a: b\nc: d", " \n ", "x\r\ny"} {
		doc := []byte("write_files: [{path: /x}]\n")
		out, err := SetValue(doc, []string{"write_files", "0", "content"}, text)
		require.NoError(t, err)
		n, ok := Merge(layer(t, "x", string(out))).Get("write_files", "0", "content")
		require.True(t, ok)
		require.Equal(t, text, n.Value)
	}
}

func TestUnsetValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, path, want string }{
		{"what is not there leaves the text alone", "a:   1\n", "b.c", "a:   1\n"},
		{"the first key leaves the header", "#cloud-config\na: 1\nb: 2\n", "a", "#cloud-config\nb: 2\n"},
		{"the only key", "#cloud-config\na: 1\n", "a", "#cloud-config\n{}\n"},
		{"comments of others survive", "# b\nb: 1 # one\n# a\na: 2\n# c\nc: 3\n", "a", "# b\nb: 1 # one\n# c\nc: 3\n"},
		{"an item", "l: [a, b, c]\n", "l.1", "l: [a, c]\n"},
		{"a key of an alias", "a: &x {k: 1, l: 2}\nb: *x\n", "b.k", "a: {k: 1, l: 2}\nb: {l: 2}\n"},
		{"a merged key", "a: &x {k: 1}\nb: {<<: *x, l: 2}\n", "b.k", "a: {k: 1}\nb: {l: 2}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			got, err := UnsetValue([]byte(tt.doc), path)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
}

func TestMergeInto(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, patch, want string }{
		{"an empty patch leaves the text alone", "a:   1\n", "# nothing\n", "a:   1\n"},
		{"into nothing", "", "a: 1\n", "a: 1\n"},
		{
			"maps are merged, lists replaced, comments kept", "#cloud-config\n# a\na: # map\n  b: 1 # one\n  l: [1]\nz: 0\n", "#cloud-config\na:\n  l: [2]\n  c: 3 # new\n",
			"#cloud-config\n# a\na: # map\n  b: 1 # one\n  l: [2]\n  c: 3 # new\nz: 0\n",
		},
		{"a patch may append", "l:\n  - 1 # one\n", "merge_how: list(append)+dict(recurse_array)+str()\nl: [2]\n", "l:\n  - 1 # one\n  - 2\n"},
		{"null stays, for the layers below", "a: {b: 1}\n", "a: {b: null}\n", "a: {b: null}\n"},
		{"a map over a text", "a: 1\n", "a: {b: 2}\n", "a: {b: 2}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := MergeInto([]byte(tt.doc), []byte(tt.patch))
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
	_, err := MergeInto([]byte("a: 1"), []byte("a: [1"))
	require.ErrorContains(t, err, "cannot merge: ")
	require.ErrorContains(t, err, "patch:1:1: is not valid YAML")
}
