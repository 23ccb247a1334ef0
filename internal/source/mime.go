package source

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// mime takes a MIME message apart, as Terraform's cloudinit_config and
// cloud-init's make-mime write it. Parts in front of a fault are taken.
func (s *splitter) mime(p userPart, depth int) {
	header, body, err := readMessage(p.data)
	if err != nil {
		s.fail(p, "is not the MIME message that it begins like: "+err.Error(), "")
		return
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		s.fail(p, fmt.Sprintf("has a MIME type that cannot be read, %q", clip(header.Get("Content-Type"))), "")
		return
	}
	if !strings.HasPrefix(kind, "multipart/") {
		s.mimePart(p, header, body, depth)
		return
	}
	if params["boundary"] == "" {
		s.fail(p, "is MIME multipart without a boundary", `write Content-Type: multipart/mixed; boundary="…"`)
		return
	}
	r := multipart.NewReader(body, params["boundary"])
	for i := 0; i <= mostParts; i++ {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.fail(p, fmt.Sprintf("its MIME part %d cannot be read: %v", i+1, err), "what is in front of it is used")
			return
		}
		s.mimePart(p.child(i, nil), part.Header, part, depth)
	}
	s.fail(p, fmt.Sprintf("has more than %d MIME parts", mostParts), "")
}

// mimePart decodes one part of a message.
func (s *splitter) mimePart(p userPart, header textproto.MIMEHeader, body io.Reader, depth int) {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain" // as MIME says; the text tells more
	}
	if p.data, err = decodeTransfer(header.Get("Content-Transfer-Encoding"), body); err != nil {
		s.fail(p, err.Error(), "")
		return
	}
	p.merge = cmp.Or(header.Get("Merge-Type"), header.Get("X-Merge-Type"), p.merge)
	if frequency, found := strings.CutPrefix(kind, "text/x-shellscript-"); found {
		s.note(p, cloudconfig.Warning, frequency+" is not used: how often scripts run is said for all", "see rancher.cloud_init.runcmd")
	}
	if strings.HasPrefix(kind, "multipart/") || kind == "message/rfc822" {
		p.data = nested(kind, header, p.data)
		kind = ""
	}
	s.piece(p, kind, depth+1)
}

// nested is a multipart within another as a message of its own.
func nested(kind string, header textproto.MIMEHeader, data []byte) []byte {
	if kind == "message/rfc822" {
		return data
	}
	return append([]byte("Content-Type: "+header.Get("Content-Type")+"\r\n\r\n"), data...)
}

// readMessage reads the header of a message. A line in front of it, by which
// mailboxes separate messages, is skipped.
func readMessage(data []byte) (textproto.MIMEHeader, io.Reader, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrder))
	if bytes.HasPrefix(data, []byte("From ")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	r := bufio.NewReader(bytes.NewReader(data))
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		return nil, nil, err
	}
	return header, r, nil
}

func decodeTransfer(encoding string, body io.Reader) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "7bit", "8bit", "binary":
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	default:
		return nil, fmt.Errorf("has an unknown Content-Transfer-Encoding, %q", clip(encoding))
	}
	data, err := io.ReadAll(io.LimitReader(body, maxLayer))
	if err != nil {
		return nil, fmt.Errorf("cannot be read to its end (%s): %w", cmp.Or(encoding, "7bit"), err)
	}
	return data, nil
}
