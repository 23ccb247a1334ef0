package setting

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// largestFile bounds what a few bytes of gzip may become.
const largestFile = 64 << 20

// content is what a file of the configuration holds, decoded.
func content(f cloudconfig.WriteFile) ([]byte, error) {
	data := []byte(f.Content)
	for _, encoding := range decodings(f.Encoding) {
		var err error
		switch encoding {
		case "base64":
			data, err = unbase64(data)
		case "gzip":
			data, err = gunzip(data)
		default:
			err = fmt.Errorf("there is no encoding %q", f.Encoding)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot decode the content of %s: %w", f.Path, err)
		}
	}
	if len(data) > largestFile {
		return nil, fmt.Errorf("cannot write %s: it has more than %d MiB", f.Path, largestFile>>20)
	}
	return data, nil
}

// decodings are the steps of an encoding in the order of undoing them: "gz+b64"
// was compressed first, so it is decoded last.
func decodings(encoding string) []string {
	var steps []string
	for _, name := range strings.Split(strings.ToLower(strings.TrimSpace(encoding)), "+") {
		switch name {
		case "", "text/plain":
			continue
		case "b64":
			name = "base64"
		case "gz":
			name = "gzip"
		}
		steps = append([]string{name}, steps...)
	}
	return steps
}

// unbase64 takes line breaks and missing padding, as people paste it.
func unbase64(data []byte) ([]byte, error) {
	text := strings.TrimRight(strings.Join(strings.Fields(string(data)), ""), "=")
	out, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("it is not base64: %w", err)
	}
	return out, nil
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is not gzip: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, largestFile+1))
	if err != nil {
		return nil, fmt.Errorf("it is not gzip: %w", err)
	}
	return out, nil
}

// permissions reads an octal number; "" is 0644.
func permissions(text string) (uint32, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0o644, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(text), "0o"), 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("cannot use permissions %q: they are an octal number up to 7777", text)
	}
	return uint32(n), nil
}
