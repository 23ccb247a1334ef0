package cloudconfig

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// SourceLines are the lines of a layer's text as they may be shown beside what
// is wrong with them: without secrets. In a text that does not parse what is
// secret can only be guessed, from its keys and how they are indented.
func SourceLines(doc []byte) []string {
	return sourceLines(doc, func(*yaml.Node) place { return schemaRoot })
}

// ServiceLines is [SourceLines] for a service file: services, or a whole compose
// file.
func ServiceLines(doc []byte) []string {
	services := schemaRoot.below("rancher", "services")
	return sourceLines(doc, func(root *yaml.Node) place {
		if inner := mappingValue(root, "services"); inner != nil && inner.Kind == yaml.MappingNode {
			return place{shape: newShape(reflect.TypeFor[composeFile](), rules{})}
		}
		return services
	})
}

// composeFile is a compose file as far as its secrets are concerned.
type composeFile struct {
	Services Services `yaml:"services"`
}

func sourceLines(doc []byte, at func(*yaml.Node) place) []string {
	if text, err := concealed(doc, at); err == nil {
		return strings.Split(string(text), "\n")
	}
	doc = bytes.ReplaceAll(doc, []byte("\r\n"), []byte("\n"))
	doc = bytes.ReplaceAll(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")), []byte("\r"), []byte("\n"))
	g := guess{names: secretNames()}
	lines := strings.Split(string(doc), "\n")
	for i, line := range lines {
		lines[i] = g.line(line)
	}
	return lines
}

// guess follows the keys that a line is below of.
type guess struct {
	names map[string]bool // keys that are secret somewhere
	open  []guessed       // outermost first
}

type guessed struct {
	indent int
	key    string
}

// line is a line without what may be secret in it.
func (g *guess) line(line string) string {
	text := strings.TrimLeft(line, " \t-")
	if strings.TrimSpace(text) == "" {
		return line
	}
	indent := len(line) - len(text)
	for len(g.open) > 0 && g.open[len(g.open)-1].indent >= indent {
		g.open = g.open[:len(g.open)-1]
	}
	if g.secret("") {
		return line[:indent] + redacted
	}
	key, value, isKey := strings.Cut(text, ":")
	if isKey {
		g.open = append(g.open, guessed{indent, strings.Trim(key, ` "'{[`)})
	}
	switch {
	case !g.secret(value):
		return withoutPassword(line)
	case isKey:
		return line[:indent] + key + ": " + redacted
	}
	return line[:indent] + redacted
}

// secret says that what is below the open keys, or the rest of a line, may be
// secret.
func (g *guess) secret(rest string) bool {
	words := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(` "'{}[],:=`, r) })
	for _, o := range g.open {
		words = append(words, o.key)
	}
	return slices.ContainsFunc(words, func(word string) bool { return g.names[word] || soundsSecret(word) })
}

// secretNames are the keys from which on a value is secret.
func secretNames() map[string]bool {
	names := map[string]bool{}
	for _, pattern := range SecretPatterns() {
		path := strings.Split(pattern, ".")
		for i := range path {
			if IsSecret(path[:i+1]...) {
				names[path[i]] = true
				break
			}
		}
	}
	delete(names, "*") // any key
	return names
}
