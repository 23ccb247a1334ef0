package cloudconfig

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// CmdlineFile is the file of positions on the kernel command line. They have no
// line, and as column the byte where the parameter begins.
const CmdlineFile = "<kernel command line>"

const (
	layerCmdline = "kernel command line"
	maxCmdline   = 1 << 16 // bytes; kernels take 4096 at most
)

// ParseCmdline reads the configuration on a kernel command line:
//
//	rancher.debug cc.hostname=db1 rancher.modules=[a,b] rancher.password="two words"
//
// Words that begin with neither "rancher." nor "cc." belong to others. A key
// without value is true, an empty value removes what lower layers said, a later
// key wins, and "cc." is taken off. Values are YAML scalars or lists in brackets;
// what is neither is a text.
//
// What stands behind "--" counts too: the kernel leaves it to init, which keeps
// it from the sight of others (see [PublicCmdline]). Every problem is a warning:
// each parameter stands for itself.
func ParseCmdline(cmdline string) (Layer, Report) {
	l := Layer{Name: layerCmdline, File: CmdlineFile}
	c := cmdlineParser{root: newMapping()}
	c.root.Column = 1
	if len(cmdline) > maxCmdline {
		c.fail(0, "", fmt.Sprintf("is %d bytes long, more than the %d that are allowed", len(cmdline), maxCmdline), "")
		return l, c.report
	}
	params, _ := splitCmdline(cmdline)
	for _, p := range params {
		c.param(p)
	}
	if len(c.root.Content) > 0 {
		l.Doc = Document{Root: c.root, files: map[*yaml.Node]string{}}
		noteFile(c.root, CmdlineFile, l.Doc.files)
	}
	return l, c.report
}

// param is a parameter, without the quotes around it.
type param struct {
	text string
	at   int // column
}

// PublicCmdline is a kernel command line as everybody may read it: up to the
// first "--". hides says whether there is anything behind it.
func PublicCmdline(cmdline string) (public string, hides bool) {
	_, dashes := splitCmdline(cmdline)
	if dashes < 0 {
		return cmdline, false
	}
	return strings.TrimSpace(cmdline[:dashes]), strings.TrimSpace(cmdline[dashes+len("--"):]) != ""
}

// splitCmdline splits at spaces that are neither between quotation marks, of
// any script and each closed by itself, nor in brackets. Boot loaders put a
// backslash before quotes; it is taken off. dashes is where "--" stands, which
// is no parameter; -1 when there is none.
func splitCmdline(s string) (params []param, dashes int) {
	dashes = -1
	for i := 0; i < len(s); {
		if r, size := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) {
			i += size
			continue
		}
		word := s[i : i+wordLength(s[i:])]
		if word == "--" && dashes < 0 {
			dashes = i
		} else {
			params = append(params, param{unquoteWord(unescapeCmdline(word)), i + 1})
		}
		i += len(word)
	}
	return params, dashes
}

func wordLength(s string) int {
	closing := rune(0)
	for i, r := range s {
		switch {
		case closing != 0 && r == closing:
			closing = 0
		case closing != 0:
		case unicode.Is(unicode.Quotation_Mark, r):
			closing = r
		case r == '[':
			closing = ']'
		case unicode.IsSpace(r):
			return i
		}
	}
	return len(s)
}

// unescapeCmdline undoes what boot loaders do to quotes.
func unescapeCmdline(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\'`, `'`).Replace(s)
}

// unquoteWord takes off quotes around key and value together, which is how the
// kernel itself writes a value with spaces.
func unquoteWord(word string) string {
	if len(word) > 1 && word[0] == '"' && word[len(word)-1] == '"' && strings.Count(word, `"`) == 2 {
		return word[1 : len(word)-1]
	}
	return word
}

// configKey says whether a parameter is configuration, and takes "cc." off it.
func configKey(text string) (string, bool) {
	if rest, ok := strings.CutPrefix(text, "cc."); ok {
		return rest, true
	}
	return text, strings.HasPrefix(text, "rancher.")
}

type cmdlineParser struct {
	root   *yaml.Node
	report Report
}

func (c *cmdlineParser) param(p param) {
	text, ok := configKey(p.text)
	if !ok {
		return
	}
	key, value, hasValue := cutOutsideQuotes(text)
	path, err := SplitPath(key)
	if err != nil || len(path) == 0 || len(path) > maxDepth {
		c.fail(p.at, key, "is not a key", "keys with dots between them, such as rancher.debug")
		return
	}
	v := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}
	if hasValue {
		v = cmdlineValue(value)
	}
	c.set(path, v, p.at)
}

// set puts a value into the tree. A key below a value that is no map has no
// place: as in RancherOS it is left out, but not silently.
func (c *cmdlineParser) set(path []string, v *yaml.Node, at int) {
	v.Column = at
	for _, item := range v.Content {
		item.Column = at
	}
	n := c.root
	for i, key := range path[:len(path)-1] {
		next := mappingValue(n, key)
		if next == nil {
			next = newMapping()
			next.Column = at
			setKey(n, key, next)
			n.Content[len(n.Content)-2].Column = at
		}
		if next.Kind != yaml.MappingNode {
			c.fail(at, JoinPath(path...), fmt.Sprintf("is ignored: %s has a value already", JoinPath(path[:i+1]...)), "")
			return
		}
		n = next
	}
	last := path[len(path)-1]
	setKey(n, last, v)
	keyNode(n, last).Column = at
}

// keyNode is the node of a key that is in a map.
func keyNode(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return nil
}

func (c *cmdlineParser) fail(at int, path, msg, hint string) {
	c.report = append(c.report, Problem{
		Pos: Pos{File: CmdlineFile, Col: at}, Path: path, Msg: msg, Hint: hint, Severity: Warning,
	})
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
