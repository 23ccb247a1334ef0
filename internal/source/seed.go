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
	MetaData   []byte // see [cloudconfig.ParseMetaData]
	VendorData []byte
	// VendorData2 is the same, and lies over it: OpenStack has what is for all
	// machines of the cloud apart from what is for this one.
	VendorData2 []byte
	// NetworkConfig is cloud-init's network-config, version 1 or 2.
	NetworkConfig []byte
	// Password is a [Password] as JSON.
	Password []byte
}

// Empty says that there is nothing in a seed.
func (s Seed) Empty() bool {
	return len(s.UserData)+len(s.MetaData)+len(s.VendorData)+len(s.VendorData2)+len(s.NetworkConfig)+len(s.Password) == 0
}

// files are a seed's parts by the names of their files.
func (s *Seed) files() map[string]*[]byte {
	return map[string]*[]byte{
		"user-data": &s.UserData, "meta-data": &s.MetaData, "vendor-data": &s.VendorData, vendorData2: &s.VendorData2, "network-config": &s.NetworkConfig,
		passwordFile: &s.Password,
	}
}

// seedNames are the places of a seed's parts in the formats that a disk or a
// folder can have, in the order in which they are tried.
// "" is a part that the format does not have.
var seedNames = []struct{ user, meta, vendor, vendor2, network string }{
	{"user-data", "meta-data", "vendor-data", "", "network-config"}, // NoCloud
	{ // config drive
		"openstack/latest/user_data", "openstack/latest/meta_data.json",
		"openstack/latest/vendor_data.json", "openstack/latest/vendor_data2.json", "openstack/latest/network_data.json",
	},
}

// ErrNoSeed says that a folder holds neither a NoCloud nor a config drive seed.
var ErrNoSeed = errors.New("holds neither user-data nor meta-data")

// ReadSeed reads a mounted NoCloud disk or config drive. The error is
// [ErrNoSeed] when the folder is neither. A network that cannot be understood is
// an error beside a seed that has all the rest.
func ReadSeed(dir string) (Seed, error) {
	for _, names := range seedNames {
		var s Seed
		var found bool
		for _, part := range []struct {
			name string
			into *[]byte
		}{{names.user, &s.UserData}, {names.meta, &s.MetaData}, {names.vendor, &s.VendorData}, {names.vendor2, &s.VendorData2}, {names.network, &s.NetworkConfig}} {
			data, err := readBounded(filepath.Join(dir, part.name))
			if part.name == "" || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return Seed{}, fmt.Errorf("cannot read a datasource's file: %w", err)
			}
			*part.into, found = data, true
		}
		if !found {
			continue
		}
		var err error
		if strings.HasSuffix(names.network, ".json") {
			s.NetworkConfig, err = NetworkFromOpenStack(s.NetworkConfig)
		}
		return s, err
	}
	return Seed{}, fmt.Errorf("%s: %w", dir, ErrNoSeed)
}

// SaveSeed keeps what the datasource called name gave where [Layers] finds it.
// Parts that the datasource did not give are removed. The name is written last:
// with it the datasource has spoken.
func SaveSeed(root, name string, s Seed) error {
	dir := filepath.Join(root, SeedDir)
	if err := mkdirs(osDisk{}, dir); err != nil {
		return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
	}
	if err := writeSeed(dir, s); err != nil {
		return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
	}
	if err := WriteFile(filepath.Join(dir, "name"), []byte(name+"\n")); err != nil {
		return fmt.Errorf("cannot keep what datasource %s gave: %w", name, err)
	}
	return nil
}

func writeSeed(dir string, s Seed) error {
	var errs []error
	for file, data := range s.files() {
		path := filepath.Join(dir, file)
		if len(*data) > 0 {
			errs = append(errs, WriteFile(path, *data))
			continue
		}
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readSaved reads what writeSeed wrote.
func readSaved(dir string) (s Seed, err error) {
	for file, into := range s.files() {
		data, err := readBounded(filepath.Join(dir, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Seed{}, err
		}
		*into = data
	}
	return s, nil
}

// seed adds the layers of vendor-data, meta-data and user-data.
func (c *collector) seed(root string) {
	text, silent := readBounded(filepath.Join(root, SeedDir, "name"))
	c.datasource = strings.TrimSpace(string(text))
	for _, p := range []part{
		{key: vendorData},
		{key: vendorData2},
		{key: "meta-data", parse: cloudconfig.ParseMetaData},
		{key: "user-data"},
	} {
		p.name, p.file = p.key, origin(p.key, c.datasource)
		if silent != nil { // no datasource has spoken yet
			c.copies.unsure = append(c.copies.unsure, p.key)
		}
		data, err := readBounded(filepath.Join(root, SeedDir, p.key))
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && len(data) == 0:
			continue
		case err != nil && p.parse != nil:
			c.unreadable(p, err)
			continue
		case err != nil:
			c.unreadableParts(p, cloudconfig.Report{{Pos: cloudconfig.Pos{File: p.file}, Msg: "cannot be read: " + withoutPath(err).Error()}})
			continue
		case p.key == vendorData, p.key == vendorData2:
			data = vendorConfig(data)
		}
		p.data = data
		if p.parse != nil {
			c.part(p)
			continue
		}
		c.userData(root, p)
	}
}

// userData adds the parts of user-data, or of vendor-data, which may be the same.
func (c *collector) userData(root string, whole part) {
	s := splitter{
		part: whole.key, datasource: c.datasource,
		fetched: readIncluded(root), unfetched: "has not been fetched yet", values: readValues(root, c.datasource),
	}
	s.split(whole.data)
	c.includes = append(c.includes, s.includes...)
	if len(s.parts) == 0 && s.report.Err() != nil {
		c.unreadableParts(whole, s.report)
		return
	}
	if len(s.report) > 0 { // a part that is not there for the moment may come back
		c.copies.unsure = append(c.copies.unsure, whole.key)
	}
	c.report = append(c.report, s.report...)
	for _, p := range s.parts {
		file := p.file(whole.key, c.datasource)
		if p.form == formScript {
			c.script(file, p.data)
			continue
		}
		key := whole.key
		if p.number != "" {
			key += "." + p.number
		}
		c.part(part{key: key, name: whole.name, file: file, data: p.data, parse: p.parse()})
	}
}

// vendorConfig takes the user-data out of an OpenStack vendor_data.json: a text or a
// list of them, by itself or at the key cloud-init. A map without that key is none of
// ours; a document that is no JSON is passed as it is.
func vendorConfig(data []byte) []byte {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return data
	}
	if wrapped, ok := v.(map[string]any); ok {
		v = wrapped["cloud-init"]
	}
	switch v := v.(type) {
	case string:
		return []byte(v)
	case []any:
		parts, err := json.Marshal(v) // JSON is YAML, too
		if err == nil {
			return append([]byte("#cloud-config-archive\n"), parts...)
		}
	}
	return nil
}

// origin is what positions call a part: "user-data (nocloud)".
func origin(part, datasource string) string {
	if datasource == "" {
		return part
	}
	return part + " (" + datasource + ")"
}
