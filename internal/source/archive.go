package source

import (
	"cmp"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// archived is one item of a cloud-config-archive.
type archived struct {
	Type    string `yaml:"type"`
	Content string `yaml:"content"`
	Merge   string `yaml:"Merge-Type"`
}

// archive takes a "#cloud-config-archive" apart: a YAML list of texts, or of maps
// with a type and the content, and perhaps a header Merge-Type.
func (s *splitter) archive(p userPart, depth int) {
	var items []yaml.Node
	if err := yaml.Unmarshal(p.data, &items); err != nil {
		s.fail(p, "is not a list of parts: "+oneLine(err), `write items such as "- {type: text/cloud-config, content: …}"`)
		return
	}
	for i := range items {
		if i == mostParts {
			s.fail(p, fmt.Sprintf("has more than %d parts", mostParts), "")
			return
		}
		child := p.child(i, nil)
		item, err := readArchived(&items[i])
		if err != nil {
			s.fail(child, "is no part of an archive: "+oneLine(err), "write a text, or a map of type and content")
			continue
		}
		child.data, child.merge = []byte(item.Content), cmp.Or(item.Merge, p.merge)
		s.piece(child, item.Type, depth+1)
	}
}

// oneLine is what YAML says over several lines.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func readArchived(n *yaml.Node) (item archived, err error) {
	if n.Kind == yaml.ScalarNode {
		err = n.Decode(&item.Content)
		return item, err
	}
	err = n.Decode(&item)
	return item, err
}
