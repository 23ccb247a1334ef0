package cloudconfig

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// marker is the secret that the tests plant, and look for in all that is shown.
const marker = "s3cr3tMark"

// planted is a document with a value at the place of a pattern. In the place of
// "*" stands a key or an item, whichever the schema takes.
func planted(t *testing.T, pattern string, value *yaml.Node) (doc []byte, path []string) {
	t.Helper()
	path = strings.Split(pattern, ".")
	var build func(p place, rest []string) *yaml.Node
	build = func(p place, rest []string) *yaml.Node {
		if len(rest) == 0 {
			return value
		}
		at := len(path) - len(rest)
		isList := p.shape != nil && !p.shape.form && p.shape.typ.Kind().String() == "slice"
		if rest[0] == "*" && isList {
			path[at] = "0"
			return &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{build(p.child("0"), rest[1:])}}
		}
		if rest[0] == "*" {
			path[at] = "rsa_private" // the name of a host key, too
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: path[at]}
		return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, build(p.child(path[at]), rest[1:])}}
	}
	doc, err := encode(build(schemaRoot, path))
	require.NoError(t, err)
	return doc, path
}

// inForms are the marker as the values that people write, right or wrong.
func inForms() map[string]*yaml.Node {
	text := func(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
	list := func(items ...*yaml.Node) *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Content: items} }
	lines := text("first\n" + marker + "\nlast\n")
	lines.Style = yaml.LiteralStyle
	return map[string]*yaml.Node{
		"a text":          text(marker),
		"lines":           lines,
		"a list":          list(text(marker), text(marker)),
		"a list of lists": list(list(text(marker))),
		"a map":           {Kind: yaml.MappingNode, Content: []*yaml.Node{text("key"), text(marker)}},
		"an assignment":   list(text("KEY=" + marker)),
		"a url":           text("https://ann:" + marker + "@example.com/"),
	}
}

// outputs are all that this package lets people see of a layer.
func outputs(t *testing.T, doc []byte, path []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	l, report := ParseLayer("cloud-config", "x.yml", doc)
	m := Merge(l)
	_, found := m.Config()
	data, err := json.Marshal(append(append(report, Validate(l)...), found...))
	require.NoError(t, err)
	out["problems"] = string(data)
	out["source lines"] = strings.Join(SourceLines(doc), "\n")
	out["guessed source lines"] = strings.Join(SourceLines(append([]byte("x: [\n"), doc...)), "\n")
	for _, origins := range []bool{false, true} {
		text, err := m.Export(ExportOptions{Origins: origins})
		require.NoError(t, err)
		out["export "+strconv.FormatBool(origins)] = string(text)
		for depth := range len(path) + 1 {
			text, err := m.Show(ExportOptions{Origins: origins}, path[:depth]...)
			require.NoError(t, err)
			out[fmt.Sprintf("get %v %d", origins, depth)] = text
		}
	}
	for depth := range len(path) + 1 {
		out[fmt.Sprintf("explain %d", depth)] = fmt.Sprint(m.Explain(ExportOptions{}, path[:depth]...), m.Origins(path[:depth]...))
	}
	out["explain all"] = fmt.Sprint(m.ExplainAll(ExportOptions{}))
	out["compare"] = fmt.Sprint(Compare(Merge(), m), Compare(m, Merge()))
	return out
}

// TestNoSecretIsInAnyOutput plants a marker at every place that the schema calls
// secret, in every form that somebody may write there, also wrong ones.
func TestNoSecretIsInAnyOutput(t *testing.T) {
	t.Parallel()
	patterns := SecretPatterns()
	require.Greater(t, len(patterns), 30)
	for _, pattern := range patterns {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			for form, value := range inForms() {
				places := []string{pattern}
				if around, inner := strings.CutSuffix(pattern, ".*"); inner {
					places = append(places, around) // where a list or a map belongs
				}
				for _, at := range places {
					doc, path := planted(t, at, value)
					require.Contains(t, string(doc), marker)
					for name, text := range outputs(t, doc, path) {
						if strings.Contains(text, marker) {
							t.Errorf("%s as %s: %s shows it:\n%s", at, form, name, text)
						}
					}
				}
			}
		})
	}
}

// TestNoSecretIsInAMessageAboutSyntax breaks documents around the marker: what
// is said about them must not quote it. (What becomes a key of its own, by a comma
// or a question mark before it, cannot be told from other keys.)
func TestNoSecretIsInAMessageAboutSyntax(t *testing.T) {
	t.Parallel()
	docs := []string{
		"#cloud-config\nrancher:\n  password: " + marker + "\nhostname: web1\n",
		"#cloud-config\nrancher: {password: " + marker + ", debug: true}\n",
		"#cloud-config\nrancher:\n  password: \"" + marker + "\"\n",
		"#cloud-config\nrancher:\n  environment:\n    - KEY=" + marker + "\n    - B=2\n",
		"#cloud-config\nwrite_files:\n  - path: /a\n    content: |\n      " + marker + "\n      more\n",
		"#cloud-config\nrancher: {registry_auths: {example.com: {username: u, password: " + marker + "}}}\n",
	}
	for _, doc := range docs {
		at := strings.Index(doc, marker)
		for _, where := range []int{at - 2, at - 1, at, at + 1, at + len(marker)/2, at + len(marker), at + len(marker) + 1} {
			for _, bad := range []string{":", ": ", "\"", "'", "[", "]", "{", "}", "&", "*", "%", "@", "`", "|", ">", "\t", "\n", "\x01", "\xff", "!", "!!binary ", "- ", " #", "<<: "} {
				broken := []byte(doc[:where] + bad + doc[where:])
				l, report := ParseLayer("cloud-config", "x.yml", broken)
				for _, p := range append(report, Validate(l)...) {
					if strings.Contains(p.String(), marker) || strings.Contains(p.String(), marker[:len(marker)/2]) {
						t.Errorf("%q: %s", broken, p)
					}
				}
			}
		}
	}
}

func TestMistypedSecretsAreSecret(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"rancher.pasword": true, "rancher.docker.server_kye": true, "rancher.services.web.environmnt.A": true,
		"rancher.docker.grup": false, "rancher.services.web.imag": false,
	} {
		keys, err := SplitPath(path)
		require.NoError(t, err)
		require.Equal(t, want, IsSecret(keys...), path)
	}
}

// TestAnExportIsNotTakenForTheSecretsInIt merges an export back.
func TestAnExportIsNotTakenForTheSecretsInIt(t *testing.T) {
	t.Parallel()
	m := Merge(layer(t, "cloud-config", `
hostname: (redacted)
rancher:
  registry_auths: {example.com: {username: u, password: s3cret}}
  network: {http_proxy: "http://ann:s3cret@proxy/"}
  services: {web: {image: x, environment: {A: s3cret, B: ""}}}
`))
	text, err := m.Export(ExportOptions{})
	require.NoError(t, err)
	l, report := ParseLayer("x", "x", text)
	require.Empty(t, report)
	got := messages(Validate(l))
	for _, path := range []string{`rancher.registry_auths."example.com".password`, "rancher.network.http_proxy", "rancher.services.web.environment.A"} {
		require.Contains(t, got, path+": stands in the place of a secret (write the secret itself; ros config export --private has it)")
	}
	// The user name of a registry is redacted with the rest.
	require.Equal(t, 4, strings.Count(got, "stands in the place of a secret"))
	private, err := m.Export(ExportOptions{Private: true})
	require.NoError(t, err)
	l, _ = ParseLayer("x", "x", private)
	require.NotContains(t, messages(Validate(l)), "stands in the place")
}
