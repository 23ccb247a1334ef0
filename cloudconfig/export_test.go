package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsSecret(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"rancher.password":                             true,
		"rancher.docker.server_key":                    true,
		"rancher.defaults.docker.ca_key":               true,
		`rancher.registry_auths."example.com".auth`:    true,
		`rancher.registry_auths."example.com".unknown`: true,
		"rancher.environment.TOKEN":                    true,
		"rancher.ssh.keys.rsa":                         true,
		"write_files.0.content":                        true,
		"write_files.0.path":                           false,
		"rancher.services.web.environment.TOKEN":       true,
		"hostname":                                     false,
		"nothing.at.all":                               false,
		"rancher":                                      false,
	}
	for path, want := range tests {
		p, err := SplitPath(path)
		require.NoError(t, err)
		require.Equal(t, want, IsSecret(p...), path)
	}
	require.False(t, IsSecret())
}

func TestNoSecretIsSeenUnlessAsked(t *testing.T) {
	t.Parallel()
	l := layer(t, "user-data", `
write_files: [{path: /a, content: s3cret}]
rancher:
  password: s3cret
  environment: [A=s3cret]
  docker: {environment: [A=s3cret], server_key: s3cret}
  ssh: {keys: {rsa: s3cret}}
  registry_auths: {x: {auth: s3cret, username: s3cret}}
  network: {wifi_networks: {w: {psk: s3cret}}}
`)
	m := Merge(l)
	text, err := m.Export(ExportOptions{})
	require.NoError(t, err)
	require.NotContains(t, string(text), "s3cret")
	require.Contains(t, string(text), "rsa: (redacted)")
	for _, o := range append(m.Origins(), append(m.Origins("rancher", "registry_auths"), m.Origins("rancher")...)...) {
		require.NotContains(t, o.Value, "s3cret")
	}
	private, err := m.Export(ExportOptions{Private: true})
	require.NoError(t, err)
	require.Equal(t, 9, strings.Count(string(private), "s3cret"))
	require.NotContains(t, messages(Validate(l)), "s3cret", "nor in messages")
}

func TestRender(t *testing.T) {
	t.Parallel()
	m := Merge(layer(t, "x", "a: \"quoted\"\nb: [1, x] # comment\nc:\n  d: |\n    lines\n    more\n"))
	for path, want := range map[string]string{
		"a": "quoted\n", "b": "[1, x]\n", "b.1": "x\n", "c": "d: |\n  lines\n  more\n", "c.d": "lines\nmore\n", "none": "\n",
	} {
		keys, err := SplitPath(path)
		require.NoError(t, err)
		n, ok := m.Get(keys...)
		require.Equal(t, path != "none", ok)
		text, err := Render(n)
		require.NoError(t, err)
		require.Equal(t, want, text, path)
	}
	empty, err := Merge().Export(ExportOptions{})
	require.NoError(t, err)
	require.Equal(t, "{}\n", string(empty))
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	t.Parallel()
	m := Merge(layer(t, "x", "rancher: {services: {a: {environment: {A: , B: ''}}}}\n\"<<\": {x: ~}\n"))
	text, err := m.Export(ExportOptions{Private: true})
	require.NoError(t, err)
	require.True(t, sameValue(m.Doc.Root, layer(t, "x", string(text)).Doc.Root), "%s", text)
}
