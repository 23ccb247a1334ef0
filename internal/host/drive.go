package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Disk is a disk of a virtual machine: one of so many bytes that is the
// machine's own, or a raw image of the user's, which is neither copied nor removed.
type Disk struct {
	Size int64
	File string
}

// ParseDisk reads a size, or the name of an image that exists. A file that is
// called like a size is named with its folder.
func ParseDisk(s string) (Disk, error) {
	if size, err := ParseSize(s); err == nil {
		return Disk{Size: size}, nil
	}
	path, err := filepath.Abs(s)
	if err != nil {
		return Disk{}, fmt.Errorf("cannot find disk %q: %w", s, err)
	}
	d := Disk{File: path}
	err = d.check()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Disk{}, fmt.Errorf("cannot read disk %q: want a size, as in 512M or 8G, or an image that exists", s)
	case err != nil:
		return Disk{}, err
	}
	return d, nil
}

// check says what keeps an image from being a disk.
func (d Disk) check() error {
	if d.File == "" {
		return nil
	}
	about, err := os.Stat(d.File)
	switch {
	case err != nil:
		return fmt.Errorf("cannot find a disk: %w", err)
	case !about.Mode().IsRegular():
		return fmt.Errorf("cannot use %s as a disk: it is no file", d.File)
	}
	return nil
}

// image is the file of the i-th disk, seen from the machine's folder.
func (d Disk) image(i int) string {
	if d.File != "" {
		return d.File
	}
	return fmt.Sprintf("disk%d.img", i)
}

// MarshalJSON writes a number of bytes, or the name of a file.
func (d Disk) MarshalJSON() ([]byte, error) {
	if d.File != "" {
		return json.Marshal(d.File)
	}
	return json.Marshal(d.Size)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Disk) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &d.File) == nil {
		return nil
	}
	return json.Unmarshal(text, &d.Size)
}
