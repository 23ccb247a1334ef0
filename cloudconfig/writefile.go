package cloudconfig

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxContent bounds what a compressed file may unpack to.
const maxContent = 64 << 20

// ContainerFiles is the folder on the machine of the files that are for the
// containers of services, by service.
const ContainerFiles = "/var/lib/rancher/files"

// Service is the service in whose container the file is; "" is the machine
// itself, which its console shares.
func (w WriteFile) Service() string {
	if w.Container == "console" || w.Container == "host" {
		return ""
	}
	return w.Container
}

// HostPath is where the file is on the machine.
func (w WriteFile) HostPath() string {
	if w.Service() == "" {
		return path.Clean(w.Path)
	}
	return path.Join(ContainerFiles, path.Base(path.Clean("/"+w.Container)), path.Clean("/"+w.Path))
}

// encodings are the known ones, each with the steps that undo it.
var encodings = map[string][]func([]byte) ([]byte, error){
	"":            nil,
	"text/plain":  nil,
	"b64":         {fromBase64},
	"base64":      {fromBase64},
	"gz":          {fromGzip},
	"gzip":        {fromGzip},
	"gz+b64":      {fromBase64, fromGzip},
	"gz+base64":   {fromBase64, fromGzip},
	"gzip+b64":    {fromBase64, fromGzip},
	"gzip+base64": {fromBase64, fromGzip},
}

// Data is what the file holds: Content with its Encoding undone.
func (w WriteFile) Data() ([]byte, error) {
	steps, known := encodings[w.Encoding]
	if !known {
		return nil, fmt.Errorf("cannot read content of %s: unknown encoding %q", w.Path, w.Encoding)
	}
	data := []byte(w.Content)
	for _, step := range steps {
		var err error
		if data, err = step(data); err != nil {
			return nil, fmt.Errorf("cannot read content of %s: %w", w.Path, err)
		}
	}
	return data, nil
}

func fromBase64(data []byte) ([]byte, error) {
	text := strings.Join(strings.Fields(string(data)), "")
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not valid base64")
	}
	return out, nil
}

func fromGzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("not gzip data")
	}
	out, err := io.ReadAll(io.LimitReader(z, maxContent+1))
	if err != nil {
		return nil, errors.New("not valid gzip data")
	}
	if len(out) > maxContent {
		return nil, fmt.Errorf("unpacks to more than %d bytes", maxContent)
	}
	return out, nil
}

// content checks that a file's content is what its encoding says: RancherOS
// left such files out without a word.
func (d *decoder) content(n *yaml.Node, w WriteFile, at *spot) {
	if _, known := encodings[w.Encoding]; !known || w.Content == "" {
		return
	}
	if _, err := w.Data(); err != nil {
		if written := mappingValue(n, "content"); written != nil {
			n = written
		}
		d.fail(n, at.below("content"), errors.Unwrap(err).Error(), "see its encoding, "+w.Encoding)
	}
}
