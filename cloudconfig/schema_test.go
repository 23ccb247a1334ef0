package cloudconfig

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ros-os/ros/internal/golden"
)

// TestDocumentsAreWhatTheTypesSay compares what is published with what the types
// and their comments make.
func TestDocumentsAreWhatTheTypesSay(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]func() ([]byte, error){
		"cloud-config.schema.json": JSONSchema, "cloud-config.md": Reference,
	} {
		text, err := made()
		require.NoError(t, err)
		golden.Equal(t, filepath.Join("..", "docs", name), string(text))
	}
}

// eachField calls f for every key of the schema, with its path.
func eachField(p place, path []string, f func(field, place, []string)) {
	if p.shape == nil {
		return
	}
	if p.shape.elem() != nil {
		eachField(p.child("*"), append(path[:len(path):len(path)], "*"), f)
		return
	}
	for _, key := range p.keys() {
		below := append(path[:len(path):len(path)], key)
		f(p.shape.fields().byKey[key], p.child(key), below)
		eachField(p.child(key), below, f)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	docs, err := readDocs()
	require.NoError(t, err)
	used := map[string]bool{}
	eachField(schemaRoot, nil, func(f field, _ place, path []string) {
		name := f.owner.Name() + "." + f.from.Name
		used[name] = true
		text := docs.of(f).text
		require.NotEmpty(t, text, "%s (%s) has no comment", strings.Join(path, "."), name)
		require.True(t, strings.HasSuffix(text, "."), "%s: %q is not a sentence", name, text)
		require.Contains(t, "RancherOS BurmillaOS cloud-init ros", f.from.Tag.Get("from"), name)
		for _, tag := range []string{"format", "keys"} {
			if want := f.from.Tag.Get(tag); want != "" {
				require.Contains(t, formats(), want, "%s: there is no such format", name)
			}
		}
	})
	require.Greater(t, len(used), 300)
}

func TestTablesOfKeysNameKeysThatExist(t *testing.T) {
	t.Parallel()
	for pattern, why := range notApplied {
		_, ok := fieldAt(strings.Split(pattern, "."))
		require.True(t, ok, "notApplied: there is no key %s", pattern)
		require.NotEmpty(t, why)
	}
	for path, why := range ignoredKeys {
		_, ok := fieldAt(strings.Split(path, "."))
		require.False(t, ok, "ignoredKeys: %s is in the schema", path)
		require.NotEmpty(t, why)
	}
}

// exampleDocument is the document in which an example of a key stands.
func exampleDocument(path []string, example string) string {
	text := example
	for i := len(path) - 2; i >= 0; i-- {
		if path[i] == "*" {
			text = "name:\n" + indented(text)
			continue
		}
		text = path[i] + ":\n" + indented(text)
	}
	return text
}

// examples are the documents of all examples, by path.
func examples(t *testing.T) map[string]string {
	t.Helper()
	docs, err := readDocs()
	require.NoError(t, err)
	found := map[string]string{}
	eachField(schemaRoot, nil, func(f field, _ place, path []string) {
		if example := docs.of(f).example; example != "" {
			found[strings.Join(path, ".")] = exampleDocument(path, example)
		}
	})
	return found
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	found := examples(t)
	require.Greater(t, len(found), 40)
	for path, text := range found {
		l, report := ParseLayer("user-data", path, []byte(text))
		require.NoError(t, append(report, Validate(l)...).Err(), text)
		require.NotNil(t, lookup(l.Doc.Root, strings.Split(strings.ReplaceAll(path, "*", "name"), ".")), "%s: the example is of another key:\n%s", path, text)
	}
}

func TestSecretPatterns(t *testing.T) {
	t.Parallel()
	patterns := SecretPatterns()
	for _, want := range []string{
		"chpasswd.list.*", "chpasswd.users.*.password", "password", "rancher.docker.environment.*", "rancher.docker.server_key",
		"rancher.environment.*", "rancher.network.wifi_networks.*.psk", "rancher.password", "rancher.registry_auths.*.password",
		"rancher.services.*.environment.*", "rancher.ssh.keys.*", "ssh_keys.*", "users.*.hashed_passwd", "users.*.passwd",
		"users.*.plain_text_passwd", "user.passwd", "write_files.*.content", "write_files.*.source.headers.*", "random_seed.data",
	} {
		require.Contains(t, patterns, want)
	}
	for _, pattern := range patterns {
		require.True(t, IsSecret(strings.Split(pattern, ".")...), pattern)
	}
}

func TestPasswordsInAddressesAreTakenOut(t *testing.T) {
	t.Parallel()
	text, err := Merge(layer(t, "user-data", `
rancher:
  network: {http_proxy: "http://ann:s3cret@proxy:3128"}
  docker: {log_opts: {splunk-token: s3cret, max-size: 1m}}
  services: {web: {image: x, command: "curl https://ben:s3cret@host/x", environment: {A: s3cret}, logging: {options: {splunk-token: s3cret}}}}
landscape: {client: {registration_key: s3cret, account_name: me}}
`)).Export(ExportOptions{})
	require.NoError(t, err)
	require.NotContains(t, string(text), "s3cret")
	require.Contains(t, string(text), "http://ann:(redacted)@proxy:3128")
	require.Contains(t, string(text), "max-size: 1m")
	require.Contains(t, string(text), "account_name: me")
}
