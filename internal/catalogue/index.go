package catalogue

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// Index is what a repository has, each list sorted and without repetitions.
type Index struct {
	Services []string
	Consoles []string
	Engines  []string
}

// ParseIndex reads an index.yml: a map with the lists services, consoles and
// engines, of which any may be missing. Other keys are left alone, since a newer
// repository may have more; a name that none can have is left out with a
// warning. file is what positions name.
func ParseIndex(file string, data []byte) (Index, cloudconfig.Report) {
	layer, report := cloudconfig.ParseLayer("index", file, data)
	if report.Err() != nil {
		return Index{}, report
	}
	p := indexParser{doc: layer.Doc, report: report}
	if p.doc.Root == nil || p.doc.Root.Kind != yaml.MappingNode {
		p.fail(p.doc.Root, file, "is not an index: expected a map with the list \"services\"")
		return Index{}, p.report
	}
	index := Index{
		Services: p.names(file, "services"),
		Consoles: p.names(file, "consoles"),
		Engines:  p.names(file, "engines"),
	}
	if p.doc.Lookup("services") == nil && p.doc.Lookup("consoles") == nil && p.doc.Lookup("engines") == nil {
		p.fail(p.doc.Root, file, "is not an index: it has none of the lists services, consoles and engines")
	}
	return index, p.report
}

type indexParser struct {
	doc    cloudconfig.Document
	report cloudconfig.Report
}

// names are those of one list.
func (p *indexParser) names(file, key string) []string {
	list := p.doc.Lookup(key)
	switch {
	case list == nil, list.ShortTag() == "!!null":
		return nil
	case list.Kind != yaml.SequenceNode:
		p.fail(list, file, key+" is not a list")
		return nil
	}
	var out []string
	for _, n := range list.Content {
		if n.Kind != yaml.ScalarNode || !isName(n.Value) {
			p.report = append(p.report, cloudconfig.Problem{
				Pos: p.doc.Pos(n), Path: key, Msg: fmt.Sprintf("%.40q is no name of a service, and is left out", n.Value), Severity: cloudconfig.Warning,
			})
			continue
		}
		out = append(out, n.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *indexParser) fail(n *yaml.Node, file, msg string) {
	pos := cloudconfig.Pos{File: file}
	if n != nil {
		pos = p.doc.Pos(n)
	}
	p.report = append(p.report, cloudconfig.Problem{Pos: pos, Msg: msg})
}

// Has says whether there is a service of a name.
func (i Index) Has(name string) bool {
	_, found := slices.BinarySearch(i.Services, name)
	return found
}
