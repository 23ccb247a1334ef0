package pin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Ref is a document in the web: where it is, and what it has to be.
type Ref struct {
	URL    string
	SHA256 string // in lower case; "" when it is not pinned
}

// pinMark stands between an address and what is there.
const pinMark = "#sha256="

var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Parse reads an address, as https://example.com/web.yml#sha256=… is one.
func Parse(text string) (Ref, error) {
	address, pin, pinned := strings.Cut(text, pinMark)
	r := Ref{URL: address, SHA256: strings.ToLower(pin)}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return Ref{}, errors.New("is not an address of the web") // the error of url would show a password
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return Ref{}, errors.New("is not an address of the web: it has to begin with https:// or http:// and a host")
	case pinned && !sum.MatchString(r.SHA256):
		return Ref{}, fmt.Errorf("what follows %s is not a SHA-256 sum of 64 hexadecimal digits", pinMark)
	case u.Fragment != "" || strings.Contains(address, "#"):
		return Ref{}, fmt.Errorf("nothing but %s may follow a #", strings.TrimPrefix(pinMark, "#"))
	}
	return r, nil
}

// String is the address as it may be shown: without a password.
func (r Ref) String() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return "(not an address)"
	}
	return u.Redacted()
}

// Accepts says whether a document with a sum, in lower case, is the one that is
// meant.
func (r Ref) Accepts(sha256 string) bool { return r.SHA256 == "" || r.SHA256 == sha256 }

// AcceptsText says whether a document is the one that is meant.
func (r Ref) AcceptsText(text []byte) bool { return r.Accepts(Sum(text)) }

// Sum is the SHA-256 of a text as it is written in a configuration.
func Sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// Exposed says whether anybody on the way can change what comes.
func (r Ref) Exposed() bool {
	return r.SHA256 == "" && strings.HasPrefix(strings.ToLower(r.URL), "http://")
}
