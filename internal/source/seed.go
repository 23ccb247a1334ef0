package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// Seed is what one datasource gave, as it came.
type Seed struct {
	UserData   []byte
	MetaData   []byte
	VendorData []byte
}

// seedNames are the places of a seed's parts in the formats that a disk or a
// folder can have, in the order in which they are tried.
var seedNames = []struct{ user, meta, vendor string }{
	{"user-data", "meta-data", "vendor-data"},                                                              // NoCloud
	{"openstack/latest/user_data", "openstack/latest/meta_data.json", "openstack/latest/vendor_data.json"}, // config drive
}

// ErrNoSeed says that a folder holds neither a NoCloud nor a config drive seed.
var ErrNoSeed = errors.New("holds neither user-data nor meta-data")

// ReadSeed reads a mounted NoCloud disk or config drive. The error is
// [ErrNoSeed] when the folder is neither.
func ReadSeed(dir string) (Seed, error) {
	for _, names := range seedNames {
		var s Seed
		var found bool
		for _, part := range []struct {
			name string
			into *[]byte
		}{{names.user, &s.UserData}, {names.meta, &s.MetaData}, {names.vendor, &s.VendorData}} {
			data, err := readBounded(filepath.Join(dir, part.name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return Seed{}, fmt.Errorf("cannot read a datasource's file: %w", err)
			}
			*part.into, found = data, true
		}
		if found {
			return s, nil
		}
	}
	return Seed{}, fmt.Errorf("%s: %w", dir, ErrNoSeed)
}

// SaveSeed keeps what the datasource called name gave where [Layers] finds it.
// Parts that the datasource did not give are removed.
func SaveSeed(root, name string, s Seed) error {
	dir := filepath.Join(root, SeedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
	}
	for file, data := range map[string][]byte{
		"user-data": s.UserData, "meta-data": s.MetaData, "vendor-data": s.VendorData, "name": []byte(name + "\n"),
	} {
		path := filepath.Join(dir, file)
		if len(data) == 0 {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
			}
			continue
		}
		if err := WriteFile(path, data); err != nil {
			return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
		}
	}
	return nil
}

// seed adds the layers of vendor-data, meta-data and user-data.
func (c *collector) seed(root string) {
	text, silent := readBounded(filepath.Join(root, SeedDir, "name"))
	name := strings.TrimSpace(string(text))
	for _, p := range []part{
		{key: "vendor-data", parse: parseVendorData},
		{key: "meta-data", parse: cloudconfig.ParseMetaData},
		{key: "user-data", parse: ParseUserData},
	} {
		p.name, p.file = p.key, origin(p.key, name)
		if silent != nil { // no datasource has spoken yet
			c.copies.unsure = append(c.copies.unsure, p.key)
		}
		data, err := readBounded(filepath.Join(root, SeedDir, p.key))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			c.unreadable(p, err)
		case len(data) > 0:
			p.data = data
			c.part(p)
		}
	}
}

// parseVendorData reads vendor-data that is cloud-config; of any other kind it
// says nothing to us.
func parseVendorData(name, file string, data []byte) (cloudconfig.Layer, cloudconfig.Report) {
	config := vendorConfig(data)
	if len(config) == 0 {
		return cloudconfig.Layer{Name: name, File: file}, nil
	}
	return ParseUserData(name, file, config)
}

// vendorConfig takes the cloud-config out of an OpenStack vendor_data.json,
// whose key cloud-init holds it; a document of another shape is passed as it is
// when it is user-data, and is none of ours otherwise.
func vendorConfig(data []byte) []byte {
	var wrapped map[string]any
	if json.Unmarshal(data, &wrapped) != nil {
		return data
	}
	text, ok := wrapped["cloud-init"].(string)
	if !ok {
		return nil
	}
	return []byte(text)
}

// origin is what positions call a part: "user-data (nocloud)".
func origin(part, datasource string) string {
	if datasource == "" {
		return part
	}
	return part + " (" + datasource + ")"
}
