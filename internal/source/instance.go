package source

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	// InstancesDir has a folder for each instance that this disk has been.
	InstancesDir = "/var/lib/rancher/cloud-init"
	// InstanceFile names the folder of this instance; without it nobody knows yet
	// which one this is.
	InstanceFile = SeedDir + "/instance"
	// OVFFile is the OVF environment that PID 1 found on a disk.
	OVFFile = SeedDir + "/ovf-env.xml"
	// lastFile names the instance whose datasource answered last.
	lastFile = InstancesDir + "/.last"
)

// maxInstance bounds the name of a folder; ids are a few dozen characters long.
const maxInstance = 200

// InstanceFolder is the folder of an instance.
func InstanceFolder(id string) string {
	if id == "" {
		return path.Join(InstancesDir, "default")
	}
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
		if b.Len() >= maxInstance {
			break
		}
	}
	return path.Join(InstancesDir, b.String())
}

// InstanceID is the id of the instance whose folder it is, as far as the folder's name
// has it.
func InstanceID(folder string) string {
	if folder == "" {
		return ""
	}
	name := path.Base(folder)
	if id, err := url.PathUnescape(name); err == nil {
		return id
	}
	return name // it was cut in the middle of a character
}

// Instance is the folder of this instance, if it is settled which one this is.
func Instance(root string) (folder string, settled bool) {
	data, err := readBounded(filepath.Join(root, InstanceFile))
	folder = strings.TrimSpace(string(data))
	return folder, err == nil && folder != ""
}

// PrepareInstance makes the folder of the instance that the meta-data which is
// kept tells of, and returns it.
func PrepareInstance(root string) (folder string, err error) {
	meta, err := readBounded(filepath.Join(root, SeedDir, "meta-data"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot tell which instance this is: %w", err)
	}
	folder = InstanceFolder(cloudconfig.InstanceID(meta))
	if err := mkdirs(osDisk{}, filepath.Join(root, folder)); err != nil {
		return "", fmt.Errorf("cannot keep which instance this is: %w", err)
	}
	return folder, nil
}

// SettleInstance says which instance this is, and that all that its datasource
// has to say is there, or will not come. It is called last: with it begins what is
// done once.
func SettleInstance(root, folder string) error {
	if known, settled := Instance(root); settled && known == folder {
		return nil
	}
	err := mkdirs(osDisk{}, filepath.Join(root, SeedDir))
	if err == nil {
		err = WriteFile(filepath.Join(root, InstanceFile), []byte(folder+"\n"))
	}
	if err != nil {
		return fmt.Errorf("cannot keep which instance this is: %w", err)
	}
	return nil
}

// SaveCache keeps, over reboots, what a datasource gave to an instance. machine
// tells this machine from others that may one day have its disk.
func SaveCache(root, folder, name, machine string, s Seed) error {
	dir := filepath.Join(root, folder, "source")
	err := mkdirs(osDisk{}, dir)
	if err == nil {
		err = writeSeed(dir, s)
	}
	if err == nil {
		err = errors.Join(
			WriteFile(filepath.Join(dir, "name"), []byte(name+"\n")), WriteFile(filepath.Join(dir, "machine"), []byte(machine+"\n")),
			WriteFile(filepath.Join(root, lastFile), []byte(path.Base(folder)+"\n")))
	}
	if err != nil {
		return fmt.Errorf("cannot keep what datasource %s gave for the next boot: %w", name, err)
	}
	return nil
}

// ReadCache is what a datasource gave when it last answered on this machine;
// found is false when there is nothing, or when the disk was in another one.
func ReadCache(root, machine string) (name string, s Seed, found bool, err error) {
	last, err := readBounded(filepath.Join(root, lastFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", s, false, nil
	}
	if err != nil {
		return "", s, false, fmt.Errorf("cannot read what the datasource said before: %w", err)
	}
	dir := filepath.Join(root, InstancesDir, path.Base(strings.TrimSpace(string(last))), "source")
	was, err := readBounded(filepath.Join(dir, "machine"))
	if err != nil || strings.TrimSpace(string(was)) != machine {
		return "", s, false, nil //nolint:nilerr // a copy that is not whole is none
	}
	text, err := readBounded(filepath.Join(dir, "name"))
	if err == nil {
		s, err = readSaved(dir)
	}
	if err != nil {
		return "", s, false, fmt.Errorf("cannot read what the datasource said before: %w", err)
	}
	return strings.TrimSpace(string(text)), s, true, nil
}

// ForgetInstances removes all that is known of instances: what is done once for
// an instance will be done again.
func ForgetInstances(root string) error {
	if err := os.RemoveAll(filepath.Join(root, InstancesDir)); err != nil {
		return fmt.Errorf("cannot forget the instance: %w", err)
	}
	return nil
}
