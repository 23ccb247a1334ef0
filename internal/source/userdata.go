package source

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// byteOrder is the mark that some editors begin a file with.
const byteOrder = "\xef\xbb\xbf"

// ParseUserData recognises the formats of user-data and parses it into one
// layer: "#cloud-config", and "#compose", whose services become rancher.services
// as in RancherOS; a whole compose file is a project of its own instead, see
// [ComposeFiles], and an empty layer, as are scripts. Several of them may be
// packed together, as MIME multipart, as "#cloud-config-archive" or by "#include",
// and each may be compressed with gzip; later parts lie over earlier ones. What
// "#include" names is in the network, and not looked at; variables of templates
// stand for an example. Any other format is a problem that names those that are understood. Empty user-data is an empty layer.
func ParseUserData(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	layers, report := UserDataParts(name, file, data)
	if len(layers) == 1 {
		return layers[0], report
	}
	for _, l := range layers {
		report = append(report, l.MergeProblems()...)
	}
	return cloudconfig.Layer{Name: name, File: file, Doc: cloudconfig.Merge(layers...).Doc}, report
}

// UserDataParts are the layers that [ParseUserData] makes one of, lowest first.
func UserDataParts(name, file string, data []byte) ([]cloudconfig.Layer, cloudconfig.Report) {
	s := splitter{part: file, unfetched: "is not looked at here: the machine fetches it", values: exampleValues}
	s.split(data)
	report := s.report
	var layers []cloudconfig.Layer
	for _, p := range s.parts {
		if p.form == formScript {
			continue
		}
		l, found := p.parse()(name, p.file(file, ""), p.data)
		layers, report = append(layers, l), append(report, found...)
	}
	return layers, report
}

// parsePart parses a part that is a layer.
func parsePart(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	data = bytes.TrimPrefix(data, []byte(byteOrder)) // it would hide the header
	header := firstLine(data)
	switch {
	case header == "#compose":
		// The header is a comment to YAML, so every position stays true.
		l, report := cloudconfig.ParseLayer(name, file, data)
		if isWholeCompose(l.Doc) {
			return cloudconfig.Layer{Name: name, File: file}, report
		}
		return l.Under("rancher", "services"), report
	case len(bytes.TrimSpace(data)) == 0, header == "#cloud-config":
		return cloudconfig.ParseLayer(name, file, data)
	default:
		// RancherOS ignored such a file whole; we read it and say what to mend.
		l, report := cloudconfig.ParseLayer(name, file, data)
		return l, append(report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: file, Line: 1, Col: 1}, Severity: cloudconfig.Warning,
			Msg: "the first line is not #cloud-config", Hint: `add "#cloud-config" as the first line`,
		})
	}
}

// firstLine is the header of user-data.
func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, []byte(byteOrder)), []byte("\n"))
	return strings.TrimRight(string(line), " \t\r")
}

func unknownFormat(file, header, declared string) cloudconfig.Problem {
	p := cloudconfig.Problem{
		Pos:  cloudconfig.Pos{File: file, Line: 1, Col: 1},
		Msg:  fmt.Sprintf("user-data of an unknown format, beginning %q", clip(header)),
		Hint: "begin it with #cloud-config, #compose, #!, #include or #cloud-config-archive, or make it MIME multipart",
	}
	switch {
	case strings.HasPrefix(header, "#cloud-boothook"), declared == "text/cloud-boothook":
		p.Msg = "a boothook is not run on this system"
		p.Hint = "bootcmd is run in every boot before disks are mounted; a script (#!) at the end of the boot"
	case strings.HasPrefix(header, "#part-handler"), declared == "text/part-handler":
		p.Msg, p.Hint = "a part handler is not run on this system", "give what it would make of its parts: a cloud-config, or a script"
	case declared == "text/upstart-job":
		p.Msg, p.Hint = "a job for upstart is not run on this system", "make it a service in rancher.services, or a script"
	}
	return p
}

// looksLikeConfig says whether a first line can begin a YAML mapping.
func looksLikeConfig(line string) bool {
	if strings.HasPrefix(line, "#") {
		return !strings.HasPrefix(line, "#!") && !strings.HasPrefix(line, "#include") &&
			!strings.HasPrefix(line, "#cloud-") && !strings.HasPrefix(line, "#part-") && !strings.HasPrefix(line, "## template:")
	}
	key, _, found := strings.Cut(line, ":")
	return found && !strings.ContainsAny(key, " <>-/")
}

// Gunzip unpacks data that has gzip's magic bytes, up to the size of a layer.
func Gunzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("cannot unpack gzip: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxLayer))
	if err != nil {
		return nil, fmt.Errorf("cannot unpack gzip: %w", err)
	}
	return out, nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
