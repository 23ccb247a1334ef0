package cloudconfig

import (
	"fmt"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// CmdlineFile is the file of positions on the kernel command line, which has no
// lines.
const CmdlineFile = "<kernel command line>"

const layerCmdline = "kernel command line"

// ParseCmdline reads the configuration on a kernel command line:
//
//	rancher.debug cc.hostname=db1 rancher.modules=[a,b] rancher.password="two words"
//
// Words that begin with neither "rancher." nor "cc." belong to others. A key
// without value is true, a later key wins, and "cc." is taken off. Values are
// YAML scalars or lists in brackets; what is neither is a text. What stands
// behind "--" is for init, and is read like the rest.
func ParseCmdline(cmdline string) (Layer, Report) {
	l := Layer{Name: layerCmdline, File: CmdlineFile}
	c := cmdlineParser{root: newMapping()}
	for _, word := range splitCmdline(unescapeCmdline(cmdline)) {
		c.word(word)
	}
	if len(c.root.Content) > 0 {
		l.Doc = Document{Root: c.root, files: map[*yaml.Node]string{}}
		noteFile(c.root, CmdlineFile, l.Doc.files)
	}
	return l, c.report
}

type cmdlineParser struct {
	root   *yaml.Node
	report Report
}

func (c *cmdlineParser) word(word string) {
	word = unquoteWord(word)
	if rest, ok := strings.CutPrefix(word, "cc."); ok {
		word = rest
	} else if !strings.HasPrefix(word, "rancher.") {
		return
	}
	key, value, hasValue := cutOutsideQuotes(word)
	path, err := SplitPath(key)
	if err != nil || len(path) == 0 || len(path) > maxDepth {
		c.fail(key, "is not a key", "keys with dots between them, such as rancher.debug")
		return
	}
	v := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}
	if hasValue {
		v = cmdlineValue(value)
	}
	c.set(path, v)
}

// set puts a value into the tree. A key below a value that is no map has no
// place: as in RancherOS it is left out, but not silently.
func (c *cmdlineParser) set(path []string, v *yaml.Node) {
	n := c.root
	for i, key := range path[:len(path)-1] {
		next := mappingValue(n, key)
		if next == nil {
			next = newMapping()
			setKey(n, key, next)
		}
		if next.Kind != yaml.MappingNode {
			c.fail(JoinPath(path...), fmt.Sprintf("is ignored: %s has a value already", JoinPath(path[:i+1]...)), "")
			return
		}
		n = next
	}
	setKey(n, path[len(path)-1], v)
}

func (c *cmdlineParser) fail(path, msg, hint string) {
	c.report = append(c.report, Problem{Pos: Pos{File: CmdlineFile}, Path: path, Msg: msg, Hint: hint, Severity: Warning})
}

// unescapeCmdline undoes what boot loaders do to quotes.
func unescapeCmdline(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\'`, `'`).Replace(s)
}

// splitCmdline splits at spaces that are neither between quotation marks, of
// any script and each closed by itself, nor in brackets.
func splitCmdline(s string) []string {
	closing := rune(0)
	return strings.FieldsFunc(s, func(r rune) bool {
		switch {
		case closing != 0 && r == closing:
			closing = 0
		case closing != 0:
		case unicode.Is(unicode.Quotation_Mark, r):
			closing = r
		case r == '[':
			closing = ']'
		default:
			return unicode.IsSpace(r)
		}
		return false
	})
}

// unquoteWord takes off quotes around key and value together, which is how the
// kernel itself writes a value with spaces.
func unquoteWord(word string) string {
	if len(word) > 1 && word[0] == '"' && word[len(word)-1] == '"' && strings.Count(word, `"`) == 2 {
		return word[1 : len(word)-1]
	}
	return word
}

// cutOutsideQuotes cuts at the first "=" that is not part of a quoted key.
func cutOutsideQuotes(word string) (key, value string, found bool) {
	quote := byte(0)
	for i := range len(word) {
		switch b := word[i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '=':
			return word[:i], word[i+1:], true
		}
	}
	return word, "", false
}

// cmdlineValue reads a scalar or a list in brackets. Colons, question marks and
// braces have no meaning on a command line, so maps cannot be written.
func cmdlineValue(s string) *yaml.Node {
	text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if s == "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return cmdlineList(s)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) != 1 {
		return text
	}
	n := doc.Content[0]
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || isComment(&doc) || isComment(n) {
		return text
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: n.ShortTag(), Value: n.Value, Style: n.Style}
}

// isComment says that YAML took part of a value for a comment.
func isComment(n *yaml.Node) bool {
	return n.HeadComment != "" || n.LineComment != "" || n.FootComment != ""
}

// cmdlineList reads "[a, b]". Items are scalars; commas between quotes are text.
func cmdlineList(s string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	inner := s[1 : len(s)-1]
	if strings.TrimSpace(inner) == "" {
		return list
	}
	quote := rune(0)
	items := strings.FieldsFunc(inner, func(r rune) bool {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		default:
			return r == ','
		}
		return false
	})
	for _, i := range items {
		list.Content = append(list.Content, cmdlineItem(strings.TrimSpace(i)))
	}
	return list
}

// cmdlineItem is a scalar; brackets inside brackets are text.
func cmdlineItem(s string) *yaml.Node {
	if strings.HasPrefix(s, "[") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	}
	return cmdlineValue(s)
}

func newMapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

// setKey sets a key of a map, in its place or at the end.
func setKey(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

func noteFile(n *yaml.Node, file string, files map[*yaml.Node]string) {
	files[n] = file
	for _, c := range n.Content {
		noteFile(c, file, files)
	}
}
