package setting

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// errUnsettled says that nobody knows yet which instance this is.
var errUnsettled = errors.New("it is not known yet which instance this is")

// doneOnce says whether something was begun for this instance before.
func (m *Machine) doneOnce(name string) (bool, error) {
	folder, settled := source.Instance(m.root)
	if !settled {
		return false, errUnsettled
	}
	return m.exists(stampPath(folder, name)), nil
}

// stampOnce notes durably that something begins which is done once for this
// instance: it is not begun again after a power cut in the middle, nor after the
// machine restarted because of it.
func (m *Machine) stampOnce(name string) error {
	return m.writeOnce(name, []byte("begun\n"))
}

// readOnce is what [Machine.writeOnce] noted for this instance; "" when it is nothing.
func (m *Machine) readOnce(name string) (string, error) {
	folder, settled := source.Instance(m.root)
	if !settled {
		return "", errUnsettled
	}
	return m.read(stampPath(folder, name))
}

// writeOnce notes durably what was done once for this instance.
func (m *Machine) writeOnce(name string, data []byte) error {
	folder, settled := source.Instance(m.root)
	if !settled {
		return errUnsettled
	}
	return m.writeSecret(stampPath(folder, name), data)
}

func stampPath(folder, name string) string {
	return path.Join(folder, "done", strings.NewReplacer("/", "_", "\x00", "_").Replace(name))
}

// bootStamps are in /run: what is done once for each boot.
const bootStamps = "/run/ros/done"

func (m *Machine) doneThisBoot(name string) bool { return m.exists(stampPath(bootStamps, name)) }

func (m *Machine) stampThisBoot(name string) error {
	if err := m.writeSecret(stampPath(bootStamps, name), []byte("begun\n")); err != nil {
		return fmt.Errorf("cannot run %s: %w", name, err)
	}
	return nil
}
