package cloudconfig

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const mergeFormHint = `write "list()+dict()+str()", which replaces lists, or "list(append)+dict(recurse_array)+str()", which appends them`

// mergeForm reads how a layer wants its lists merged: its key merge_how, or
// merge_type, which is the same. Of cloud-init's mergers two combinations have
// a meaning here; any other is a problem, and so are two keys that disagree.
func mergeForm(doc Document) (appends bool, report Report) {
	first := ""
	for _, key := range []string{"merge_how", "merge_type"} {
		n := doc.Lookup(key)
		if n == nil || isNull(n) {
			continue
		}
		mergers, ok := readMergers(n)
		known := ok && (isAppending(mergers) || isReplacing(mergers))
		switch {
		case known && first != "" && appends != isAppending(mergers):
			report = append(report, Problem{
				Pos: doc.Pos(n), Path: key, Msg: "asks for another way of merging than " + first, Hint: "remove one of them",
			})
		case known:
			first, appends = key, isAppending(mergers)
		default:
			report = append(report, Problem{
				Pos: doc.Pos(n), Path: key, Msg: "asks for a way of merging that is not known", Hint: mergeFormHint,
			})
		}
	}
	return appends, report
}

// MergeProblems are what is wrong with how a layer asks to be merged, which merging
// does not tell.
func (l Layer) MergeProblems() Report {
	_, report := mergeForm(l.Doc)
	return report
}

// MergedAs is the layer merged in a way that stands outside of it, such as in the
// header of a MIME part, unless it says one itself. A way that is not known is told
// where the layer is validated, at its beginning.
func (l Layer) MergedAs(how string) Layer {
	if l.Doc.Root == nil || l.Doc.Root.Kind != yaml.MappingNode || l.Doc.Lookup("merge_how") != nil || l.Doc.Lookup("merge_type") != nil {
		return l
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "merge_how", Line: 1, Column: 1}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: how, Line: 1, Column: 1}
	root := *l.Doc.Root
	root.Content = append([]*yaml.Node{key, value}, root.Content...)
	l.Doc = l.Doc.with(l.File, key, value, &root)
	l.Doc.Root = &root
	return l
}

func isAppending(m map[string][]string) bool {
	return slices.Equal(m["list"], []string{"append"}) && len(m["str"]) == 0 && onlyFrom(m["dict"], "recurse_array", "recurse_list", "recurse_dict")
}

func isReplacing(m map[string][]string) bool {
	return onlyFrom(m["list"], "replace") && onlyFrom(m["dict"], "replace") && len(m["str"]) == 0
}

func onlyFrom(settings []string, known ...string) bool {
	return !slices.ContainsFunc(settings, func(s string) bool { return !slices.Contains(known, s) })
}

// readMergers reads "list(append)+dict()" and cloud-init's longer form, a list
// of {name: list, settings: [append]}, into settings by name.
func readMergers(n *yaml.Node) (map[string][]string, bool) {
	mergers := map[string][]string{}
	if n.Kind == yaml.ScalarNode {
		for part := range strings.SplitSeq(n.Value, "+") {
			name, settings, ok := strings.Cut(strings.TrimSpace(part), "(")
			if !ok || !strings.HasSuffix(settings, ")") {
				return nil, false
			}
			if !addMerger(mergers, name, strings.Split(strings.TrimSuffix(settings, ")"), ",")) {
				return nil, false
			}
		}
		return mergers, true
	}
	if n.Kind != yaml.SequenceNode {
		return nil, false
	}
	for _, item := range n.Content {
		var m struct {
			Name     string   `yaml:"name"`
			Settings []string `yaml:"settings"`
		}
		if err := item.Decode(&m); err != nil || !addMerger(mergers, m.Name, m.Settings) {
			return nil, false
		}
	}
	return mergers, true
}

func addMerger(mergers map[string][]string, name string, settings []string) bool {
	_, twice := mergers[name]
	if twice || !slices.Contains([]string{"list", "dict", "str"}, name) {
		return false
	}
	mergers[name] = nil
	for _, s := range settings {
		if s = strings.TrimSpace(s); s != "" {
			mergers[name] = append(mergers[name], s)
		}
	}
	return true
}
