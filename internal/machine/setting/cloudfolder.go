package setting

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

const (
	// cloudFolder is cloud-init's. Of what it has there, scripts wait for one file.
	cloudFolder = "/var/lib/cloud"
	// cloudInstance is a link to the folder of this instance.
	cloudInstance = cloudFolder + "/instance"
	bootFinished  = cloudInstance + "/boot-finished"
)

// instanceID is the id of this instance; "" while it is not known.
func (m *Machine) instanceID() string {
	meta, err := m.read(path.Join(source.SeedDir, "meta-data"))
	if id := cloudconfig.InstanceID([]byte(meta)); err == nil && id != "" {
		return id
	}
	if folder, settled := source.Instance(m.root); settled {
		return source.InstanceID(folder)
	}
	return ""
}

// beginBoot takes away what [Machine.finishBoot] of an earlier boot made.
func (m *Machine) beginBoot() error {
	m.record.load()
	if m.record.finished() {
		return nil
	}
	if err := os.Remove(m.path(bootFinished)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", bootFinished, err)
	}
	return nil
}

// finishBoot says, where cloud-init does, that the boot has ended: all commands of the
// configuration have been run.
func (m *Machine) finishBoot() error {
	if err := m.linkInstance(); err != nil {
		return fmt.Errorf("cannot write %s: %w", bootFinished, err)
	}
	text := fmt.Sprintf("%.2f - %s - v. ros\n", sinceBoot(), time.Now().UTC().Format(time.RFC1123Z))
	return m.writeFile(file{path: bootFinished, data: []byte(text), mode: 0o644, uid: os.Getuid(), gid: os.Getgid()})
}

// linkInstance has cloudInstance be the folder of this instance. A folder that
// somebody has put there stays.
func (m *Machine) linkInstance() error {
	folder, _ := source.Instance(m.root) // of nobody knows which it is the one without id
	if folder == "" {
		folder = source.InstanceFolder("")
	}
	target := path.Join("instances", path.Base(folder))
	if err := makeFolder(m.path(path.Join(cloudFolder, target))); err != nil {
		return err
	}
	link := m.path(cloudInstance)
	if now, err := os.Readlink(link); err == nil && now != target {
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	if err := os.Symlink(target, link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
