package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	includeType     = "text/x-include-url"
	includeOnceType = "text/x-include-once-url"
)

// Include is an address that user-data asks to be fetched and read in its place.
type Include struct {
	URL  string
	Once bool // what was fetched once for the instance stays
}

// Shown is the address without what may be secret in it.
func (i Include) Shown() string { return ShownURL(i.URL) }

// ShownURL is an address without password, and without its query, which often
// holds a token.
func ShownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// include reads the addresses of a "#include", one a line, and what was fetched
// from them.
func (s *splitter) include(p userPart, declared string, depth int) {
	once := declared == includeOnceType || strings.HasPrefix(firstLine(p.data), "#include-once")
	number := 0
	for line := range bytes.Lines(p.data) {
		address := strings.TrimSpace(strings.TrimPrefix(string(line), byteOrder))
		// "#include http://…" is allowed, too.
		if rest, found := strings.CutPrefix(address, "#include"); found {
			address = strings.TrimSpace(strings.TrimPrefix(rest, "-once"))
		}
		if address == "" || strings.HasPrefix(address, "#") {
			continue
		}
		if number == mostParts {
			s.fail(p, fmt.Sprintf("has more than %d addresses", mostParts), "")
			return
		}
		child := p.child(number, nil)
		number++
		s.included(child, Include{URL: address, Once: once}, depth)
	}
}

// included is one address of an include.
func (s *splitter) included(p userPart, i Include, depth int) {
	p.from = i.Shown()
	if slices.Contains(s.open, i.URL) {
		s.fail(p, "includes itself", "")
		return
	}
	if !slices.Contains(s.includes, i) {
		s.includes = append(s.includes, i)
	}
	var data []byte
	err := fs.ErrNotExist
	if s.fetched != nil {
		data, err = s.fetched(i.URL)
	}
	if errors.Is(err, fs.ErrNotExist) {
		s.note(p, cloudconfig.Warning, s.unfetched, "")
		return
	}
	if err != nil {
		s.fail(p, "cannot be read: "+withoutPath(err).Error(), "")
		return
	}
	s.open = append(s.open, i.URL)
	p.data = data
	s.piece(p, "", depth+1)
	s.open = s.open[:len(s.open)-1]
}

// includeDir has what includes fetched, as this boot uses it.
const includeDir = SeedDir + "/include"

// includeName names the file for what an address gave.
func includeName(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

func readIncluded(root string) func(string) ([]byte, error) {
	return func(address string) ([]byte, error) {
		return readBounded(filepath.Join(root, includeDir, includeName(address)))
	}
}

// Includes are the addresses that the user-data and the vendor-data below root
// ask for, those among them that came with what was fetched.
func Includes(root string) []Include {
	c := &collector{}
	c.seed(root)
	return c.includes
}

// SaveInclude keeps what an address gave: for this boot, and for the instance.
func SaveInclude(root, instance, address string, data []byte) error {
	name := includeName(address)
	for _, dir := range []string{includeDir, path.Join(instance, "include")} {
		err := mkdirs(osDisk{}, filepath.Join(root, dir))
		if err == nil {
			err = WriteFile(filepath.Join(root, dir, name), data)
		}
		if err != nil {
			return fmt.Errorf("cannot keep what %s gave: %w", ShownURL(address), err)
		}
	}
	return nil
}

// HasInclude says whether what an address gave is in use.
func HasInclude(root, address string) bool {
	_, err := os.Stat(filepath.Join(root, includeDir, includeName(address)))
	return err == nil
}

// RestoreInclude puts what an address once gave this instance to use; ok is false
// when nothing is kept.
func RestoreInclude(root, instance, address string) (ok bool, err error) {
	data, err := readBounded(filepath.Join(root, instance, "include", includeName(address)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read what %s once gave: %w", ShownURL(address), err)
	}
	return true, SaveInclude(root, instance, address, data)
}
