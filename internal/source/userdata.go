package source

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// ParseUserData recognises the format of user-data and parses it: gzip of any
// of the others, "#cloud-config", and "#compose", whose services become
// rancher.services as in RancherOS. Any other format is a problem that names
// those that are understood. Empty user-data is an empty layer.
func ParseUserData(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	data, err := gunzip(data)
	if err != nil {
		return cloudconfig.Layer{}, cloudconfig.Report{{
			Pos: cloudconfig.Pos{File: file, Line: 1, Col: 1}, Msg: err.Error(),
			Hint: "compress it again, or give it uncompressed",
		}}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // a byte-order mark would hide the header
	first, _, _ := strings.Cut(string(data), "\n")
	switch header := strings.TrimRight(first, " \t\r"); {
	case len(bytes.TrimSpace(data)) == 0, header == "#cloud-config":
		return cloudconfig.ParseLayer(name, file, data)
	case header == "#compose":
		// The header is a comment to YAML, so every position stays true.
		l, report := cloudconfig.ParseLayer(name, file, data)
		return l.Under("rancher", "services"), report
	case looksLikeConfig(header):
		// RancherOS ignored such a file whole; we read it and say what to mend.
		l, report := cloudconfig.ParseLayer(name, file, data)
		return l, append(report, cloudconfig.Problem{
			Pos: cloudconfig.Pos{File: file, Line: 1, Col: 1}, Severity: cloudconfig.Warning,
			Msg: "the first line is not #cloud-config", Hint: `add "#cloud-config" as the first line`,
		})
	default:
		return cloudconfig.Layer{}, cloudconfig.Report{unknownFormat(file, header)}
	}
}

func unknownFormat(file, header string) cloudconfig.Problem {
	p := cloudconfig.Problem{
		Pos:  cloudconfig.Pos{File: file, Line: 1, Col: 1},
		Msg:  fmt.Sprintf("user-data of an unknown format, beginning %q", clip(header)),
		Hint: "begin it with #cloud-config or #compose",
	}
	if strings.HasPrefix(header, "#!") {
		p.Msg = "scripts as user-data are not run by this version"
		p.Hint = "use #cloud-config"
	}
	return p
}

// looksLikeConfig says whether a first line can begin a YAML mapping.
func looksLikeConfig(line string) bool {
	if strings.HasPrefix(line, "#") {
		return !strings.HasPrefix(line, "#!") && !strings.HasPrefix(line, "#include") &&
			!strings.HasPrefix(line, "#cloud-") && !strings.HasPrefix(line, "#part-")
	}
	key, _, found := strings.Cut(line, ":")
	return found && !strings.ContainsAny(key, " <>-/")
}

// gunzip unpacks data that has gzip's magic bytes, up to the size of a layer.
func gunzip(data []byte) ([]byte, error) {
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
