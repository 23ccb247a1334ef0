package source

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	// mostExpressions bounds how many expressions of one template are told.
	mostExpressions = 20
	// longestValue is as long, in bytes, as what stands in the place of one may be.
	longestValue = 4 << 10
)

// isTemplate says whether a piece is for cloud-init's template engine.
func isTemplate(data []byte, declared string) bool {
	return declared == "text/jinja2" || strings.HasPrefix(strings.ToLower(firstLine(data)), "## template:")
}

// values are what the expressions of a template stand for.
type values struct {
	datasource string
	meta       cloudconfig.MetaValues
	// example stands for what only the datasource of another machine knows; "" when
	// the machine is this one.
	example string
}

// readValues reads those of this machine when there is a template: few texts are.
func readValues(root, datasource string) func() values {
	return func() values {
		data, err := readBounded(filepath.Join(root, SeedDir, "meta-data"))
		if err != nil {
			return values{datasource: datasource} // the layer of meta-data tells why
		}
		return values{datasource: datasource, meta: cloudconfig.ParseMetaValues(data)}
	}
}

// exampleValues are for a text that is for another machine.
func exampleValues() values { return values{datasource: "example", example: "example"} }

// instanceData are the variables of cloud-init's instance-data that are known, and
// where in meta-data they are looked for. They may be written without v1 before them.
var instanceData = map[string][][]string{
	"instance_id":       {{"instance_id"}, {"uuid"}},
	"local_hostname":    {{"local_hostname"}, {"hostname"}},
	"availability_zone": {{"availability_zone"}, {"placement", "availability_zone"}},
	"region":            {{"region"}, {"placement", "region"}},
	"cloud_name":        {{"cloud_name"}}, // else by the datasource
	"platform":          nil,              // by the datasource
}

// platformOf is what cloud-init calls the platform of a datasource, which has its name
// here but for one.
func platformOf(datasource string) string {
	name, _, _ := strings.Cut(datasource, ":") // an argument may be behind it
	if name == "proxmox" {
		return noCloud
	}
	return name
}

// cloudOf is what cloud-init calls the cloud of a datasource: the platform, but for one.
func cloudOf(datasource string) string {
	platform := platformOf(datasource)
	if platform == "ec2" {
		return "aws"
	}
	return platform
}

// variableForm is an expression that is nothing but the name of a variable.
var variableForm = regexp.MustCompile(`^\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*\}\}$`)

// of is what an expression stands for.
func (v values) of(text string) (string, bool) {
	match := variableForm.FindStringSubmatch(text)
	if match == nil {
		return "", false
	}
	name := strings.Split(strings.ReplaceAll(match[1], "-", "_"), ".")
	if len(name) > 2 && name[0] == "ds" && name[1] == "meta_data" {
		return v.first([][]string{name[2:]})
	}
	if name[0] == "v1" {
		name = name[1:]
	}
	if len(name) != 1 {
		return "", false
	}
	places, known := instanceData[name[0]]
	switch {
	case !known:
		return "", false
	case name[0] == "platform":
		return platformOf(v.datasource), v.datasource != ""
	case name[0] == "cloud_name":
		if said, ok := v.meta.Get(places[0]...); !ok || said == "" {
			return cloudOf(v.datasource), v.datasource != ""
		}
	}
	return v.first(places)
}

// first is the first value that there is at one of these places. One that is no
// line of text would be a part of the template's syntax, and is none.
func (v values) first(places [][]string) (string, bool) {
	for _, path := range places {
		text, found := v.meta.Get(path...)
		if found && len(text) <= longestValue && !strings.ContainsFunc(text, unicode.IsControl) {
			return text, true
		}
	}
	return v.example, v.example != ""
}

// template replaces the variables of a template. There is no template engine here:
// any other expression is a problem with its place, as is a variable that is not
// known, and the text is not used. Many texts say that they are templates and have
// no expression.
func (s *splitter) template(p userPart, depth int) {
	text, failed := s.values().replace(withoutTemplateHeader(p.data))
	for _, e := range failed {
		s.report = append(s.report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: p.file(s.part, s.datasource), Line: e.line, Col: e.col},
			Msg: fmt.Sprintf("%s stands for nothing here", clip(e.text)), Hint: e.instead(),
		})
	}
	switch {
	case len(failed) > 0:
	case len(text) > mostUnpacked:
		s.fail(p, fmt.Sprintf("is left out: it has more than %d MiB with its variables replaced", mostUnpacked>>20), "")
	default:
		p.data = text
		s.piece(p, "", depth+1)
	}
}

// withoutTemplateHeader has the second line, which says what the text is, in the
// place of the first, too: all lines keep their numbers.
func withoutTemplateHeader(data []byte) []byte {
	first, rest, more := bytes.Cut(data, []byte("\n"))
	switch {
	case !isTemplate(first, ""):
		return data // its type said so alone
	case !more:
		return nil
	}
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	return bytes.Join([][]byte{second, rest}, []byte("\n"))
}

// expression is one of a template's, as written.
type expression struct {
	text      string
	line, col int
}

// expressionForm is what a template engine would act on; one that goes on in
// another line is known by its beginning.
var expressionForm = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{[{%#]`)

// replace puts values in the place of the expressions of a text, or returns those
// that have none.
func (v values) replace(data []byte) (out []byte, failed []expression) {
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		rest := 0
		for _, at := range expressionForm.FindAllStringIndex(text, -1) {
			written := text[at[0]:at[1]]
			value, known := v.of(written)
			if !known {
				failed = append(failed, expression{text: written, line: line, col: utf8.RuneCountInString(text[:at[0]]) + 1})
			}
			if len(failed) == mostExpressions || len(out) > mostUnpacked {
				return out, failed
			}
			out = append(append(out, text[rest:at[0]]...), value...)
			rest = at[1]
		}
		out = append(out, text[rest:]...)
	}
	return out, failed
}

// instead is what to write in the place of an expression.
func (e expression) instead() string {
	if variableForm.MatchString(e.text) {
		return "known are ds.meta_data and what the datasource says there, and v1." + strings.Join(slices.Sorted(maps.Keys(instanceData)), ", v1.") +
			" as far as it says them"
	}
	return "there are variables here, such as {{ v1.local_hostname }}, and no expressions: write the value"
}
