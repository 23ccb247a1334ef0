package source

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// What user-data may be at most, however it is packed: it comes from outside.
const (
	mostParts    = 64
	mostNested   = 5       // containers inside each other
	mostUnpacked = 8 << 20 // bytes of all parts together
)

// form is what a part of user-data is.
type form int

const (
	formConfig form = iota // a layer
	formScript
	formMIME
	formArchive
	formInclude
	formTemplate
	formUnknown
)

// userPart is one piece of user-data, unpacked.
type userPart struct {
	number string // "2", or "2.1" within another one; "" when it is the whole
	from   string // the address that an include fetched it from
	form   form   // formConfig or formScript
	typed  bool   // its container says that it is cloud-config: it needs no header
	merge  string // how its container says that it is merged, as merge_how
	data   []byte
}

// parse is how a part that is a layer is parsed.
func (p userPart) parse() func(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	parse := parsePart
	if p.typed && firstLine(p.data) != "#compose" {
		parse = cloudconfig.ParseLayer
	}
	if p.merge == "" || firstLine(p.data) == "#compose" {
		return parse
	}
	return func(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
		l, report := parse(name, file, data)
		return l.MergedAs(p.merge), report
	}
}

// file is what positions call the part: "user-data part 2 (ec2)".
func (p userPart) file(name, datasource string) string {
	if p.number != "" {
		name += " part " + p.number
	}
	if p.from != "" {
		name += " from " + p.from
	}
	return origin(name, datasource)
}

// splitter takes user-data apart.
type splitter struct {
	part       string                               // "user-data", as problems call it
	datasource string                               // that gave it
	fetched    func(address string) ([]byte, error) // what an include named; nil: nothing is
	unfetched  string                               // what is said of an include that is not there
	values     func() values                        // what templates stand for

	parts    []userPart
	includes []Include
	report   cloudconfig.Report
	unpacked int
	open     []string // addresses of the includes around
}

// split takes data apart into s.parts. What is wrong with a part is reported, and
// the others are taken all the same.
func (s *splitter) split(data []byte) { s.piece(userPart{data: data}, "", 0) }

// piece handles one piece of a declared type; most types say less than the text.
func (s *splitter) piece(p userPart, declared string, depth int) {
	data, err := Gunzip(p.data)
	if err != nil {
		s.fail(p, err.Error(), "compress it again, or give it uncompressed")
		return
	}
	p.data = data
	if s.unpacked += len(data); s.unpacked > mostUnpacked {
		s.fail(p, fmt.Sprintf("is left out: user-data has more than %d MiB when it is unpacked", mostUnpacked>>20), "")
		return
	}
	f := formOf(data, declared)
	if f != formConfig && f != formScript && f != formUnknown && depth == mostNested {
		s.fail(p, fmt.Sprintf("is left out: it is packed more than %d times", mostNested), "")
		return
	}
	switch f {
	case formTemplate:
		s.template(p, depth)
	case formMIME:
		s.mime(p, depth)
	case formArchive:
		s.archive(p, depth)
	case formInclude:
		s.include(p, declared, depth)
	case formUnknown:
		s.report = append(s.report, unknownFormat(p.file(s.part, s.datasource), firstLine(data), declared))
	case formScript:
		// Windows' line ends would be part of the interpreter's name.
		p.data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		s.leaf(p, f)
	case formConfig:
		p.typed = declared == configType
		s.leaf(p, f)
	}
}

func (s *splitter) leaf(p userPart, f form) {
	if len(s.parts) == mostParts {
		s.fail(p, fmt.Sprintf("is left out: there are more than %d parts", mostParts), "")
		return
	}
	p.form = f
	s.parts = append(s.parts, p)
}

// child is the i-th piece of a container, from 0.
func (p userPart) child(i int, data []byte) userPart {
	number := strconv.Itoa(i + 1)
	if p.number != "" {
		number = p.number + "." + number
	}
	return userPart{number: number, from: p.from, merge: p.merge, data: data}
}

func (s *splitter) fail(p userPart, msg, hint string) { s.note(p, cloudconfig.Error, msg, hint) }

func (s *splitter) note(p userPart, severity cloudconfig.Severity, msg, hint string) {
	s.report = append(s.report, cloudconfig.Problem{
		Pos: cloudconfig.Pos{File: p.file(s.part, s.datasource), Line: 1, Col: 1}, Msg: msg, Hint: hint, Severity: severity,
	})
}

const configType = "text/cloud-config"

// formOf recognises what a piece is: by its type where that says it, else by its
// first line.
func formOf(data []byte, declared string) form {
	switch {
	case isTemplate(data, declared):
		return formTemplate
	case declared == configType:
		return formConfig
	case strings.HasPrefix(declared, "text/x-shellscript"):
		return formScript
	case declared == "text/cloud-config-archive":
		return formArchive
	case declared == includeType, declared == includeOnceType:
		return formInclude
	case declared == "text/cloud-boothook", declared == "text/part-handler", declared == "text/upstart-job":
		return formUnknown
	}
	return sniff(data)
}

// sniff recognises a piece by its first line.
func sniff(data []byte) form {
	header := firstLine(data)
	lower := strings.ToLower(header)
	switch {
	case len(bytes.TrimSpace(data)) == 0, header == "#cloud-config", header == "#compose":
		return formConfig
	case strings.HasPrefix(header, "#!"):
		return formScript
	case strings.HasPrefix(lower, "content-type:"), strings.HasPrefix(lower, "mime-version:"), strings.HasPrefix(header, "From nobody"):
		return formMIME
	case header == "#cloud-config-archive":
		return formArchive
	case strings.HasPrefix(header, "#include"):
		return formInclude
	case looksLikeConfig(header):
		return formConfig
	}
	return formUnknown
}
