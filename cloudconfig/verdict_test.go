package cloudconfig

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// beyondSchema are bad documents in which the JSON Schema cannot see the
// mistake, and why.
var beyondSchema = map[string]string{
	"alias-in-itself.txtar/input.yml": "JSON has no aliases",
	"key-map.txtar/input.yml":         "JSON has no keys but texts",
	"key-twice.txtar/input.yml":       "of a key that is written twice JSON Schema sees one value",
	"merge-key-text.txtar/input.yml":  "JSON has no merge keys",
	"merge-twice.txtar/input.yml":     "that two keys agree cannot be said in JSON Schema",
	"type-mismatch.txtar/input.yml":   "JSON has no marks of types",
	"type-unknown.txtar/input.yml":    "JSON has no marks of types",
}

// TestSchemaAndValidateAgree holds the JSON Schema to [Validate]: a validator of
// JSON Schema finds the same documents good and bad.
func TestSchemaAndValidateAgree(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	asked := 0
	for name, text := range documents(t) {
		l, report := ParseLayer("user-data", name, []byte(text))
		if l.Doc.Root == nil {
			continue // is not YAML, or is more than is read
		}
		asked++
		wrong := append(report, Validate(l)...).Err()
		err := schema.Validate(asJSON(t, l))
		if why, beyond := beyondSchema[name]; beyond {
			require.Error(t, wrong, name)
			require.NoError(t, err, "%s is not beyond the schema: %s", name, why)
			continue
		}
		assert.Equal(t, wrong != nil, err != nil, "%s\nvalidate: %v\nschema: %v\n%s", name, wrong, err, text)
	}
	require.Greater(t, asked, 100)
	for name := range beyondSchema {
		require.Contains(t, documents(t), name)
	}
}

// documents are all that there are in the examples and in testdata, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for path, text := range examples(t) {
		all["example of "+path] = text
	}
	files, err := filepath.Glob("testdata/*/*.txtar")
	require.NoError(t, err)
	more, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	for _, file := range append(files, more...) {
		a, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, ".yml") || strings.HasPrefix(string(f.Data), "#cloud-config") {
				all[filepath.Base(file)+"/"+f.Name] = string(f.Data)
			}
		}
	}
	return all
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := JSONSchema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(SchemaID, doc))
	schema, err := c.Compile(SchemaID)
	require.NoError(t, err)
	return schema
}

func asJSON(t require.TestingT, l Layer) any {
	text, err := json.Marshal(plainValue(l.Doc.Root))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return doc
}

// TestSchemaAndValidateAgreeOnMutants puts a value where another was, in the
// documents that are fine: what the one finds wrong, the other does. What is in
// a service is left out: [Validate] leaves it to package compose, where a wrong
// service stops no other, and the schema knows its shape.
func TestSchemaAndValidateAgreeOnMutants(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	var texts []string
	for _, text := range examples(t) {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	values := []string{
		"null", `""`, "x", "a b", "/x", "/x/", "0", "1", "-1", "7000", "99999999999", "0.5", "true", "false", "yes", "off", "[]", "{}", "[x]", "[1, null]",
		"{x: y}", "{name: x}", "[[x]]", "[{}]", "10.0.0.1", "10.0.0.1/8", "fe80::1", "disabled", "default", "auto", "https://x/y", "A=b", `"a, b"`, "remove",
		"LABEL=x", "52:54:00:12:34:56", "{x: {y: z}}", "[null, x, y]", "RANDOM", "1G", "2030-12-31",
	}
	rapid.Check(t, func(t *rapid.T) {
		l, report := ParseLayer("user-data", "mutant", []byte(rapid.SampledFrom(texts).Draw(t, "text")))
		require.Empty(t, report)
		var nodes []*yaml.Node
		var list func(*yaml.Node)
		list = func(n *yaml.Node) {
			for i, c := range n.Content {
				if n.Kind != yaml.MappingNode || i%2 == 1 {
					nodes = append(nodes, c)
				}
				if n.Kind != yaml.MappingNode || i%2 == 0 || n.Content[i-1].Value != "services" {
					list(c)
				}
			}
		}
		list(l.Doc.Root)
		n := rapid.SampledFrom(nodes).Draw(t, "node")
		var value yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(rapid.SampledFrom(values).Draw(t, "value")), &value))
		*n = *value.Content[0]
		wrong, err := Validate(l).Err(), schema.Validate(asJSON(t, l))
		if contentIsWrong(wrong) {
			return
		}
		text, encodeErr := encode(l.Doc.Root)
		require.NoError(t, encodeErr)
		require.Equal(t, wrong != nil, err != nil, "validate: %v\nschema: %v\n%s", wrong, err, text)
	})
}

// contentIsWrong is what JSON Schema cannot say: content that is not what its
// encoding says.
func contentIsWrong(err error) bool {
	return err != nil && strings.Contains(err.Error(), "see its encoding")
}
