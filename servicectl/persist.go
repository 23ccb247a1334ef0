package servicectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/ros-os/ros/servicectl/plan"
)

// persistNote is what the status says of a service that stays stopped.
func persistNote(state string) string {
	if state == plan.StateStopped {
		return "stays stopped over reboots, until 'ros service start --persist'"
	}
	return "is stopped again at the next boot; 'ros service start --persist' changes that"
}

var errNotPersisted = errors.New("this controller keeps nothing over reboots")

// persistent is what is kept over reboots.
type persistent struct {
	Stopped []string `json:"stopped"` // services, sorted
}

// StopForGood is [Controller.Stop] that outlives reboots. When it returns, the
// disk has it.
func (c *Controller) StopForGood(name string) error { return c.persist(name, true, c.Stop) }

// StartForGood is [Controller.Start], and ends what StopForGood began.
func (c *Controller) StartForGood(name string) error { return c.persist(name, false, c.Start) }

// persist keeps whether a service stays stopped, and has it stopped or started.
// What cannot be kept is not done.
func (c *Controller) persist(name string, stopped bool, do func(string) error) error {
	if c.opts.IntentPath == "" {
		return errNotPersisted
	}
	c.mu.Lock()
	names, err := c.named(name)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := c.keepPersistent(func(all map[string]bool) {
		for _, name := range names {
			delete(all, name)
			if stopped {
				all[name] = true
			}
		}
	}); err != nil {
		return err
	}
	return do(name)
}

// keepPersistent changes what is kept over reboots, first on the disk.
func (c *Controller) keepPersistent(change func(all map[string]bool)) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	next := maps.Clone(c.persisted)
	c.mu.Unlock()
	change(next)
	data, err := json.Marshal(persistent{Stopped: slices.Sorted(maps.Keys(next))})
	if err == nil {
		err = writeDurably(c.opts.IntentPath, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot keep that over reboots: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.persisted = next
	return nil
}

// recallPersistent reads what is kept over reboots. In a boot that has just
// begun, those services are stopped; later on memory knows better.
func (c *Controller) recallPersistent(fresh bool) {
	if c.opts.IntentPath == "" {
		return
	}
	var kept persistent
	data, err := os.ReadFile(c.opts.IntentPath)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		c.log.WithField("err", err).Error("cannot read which services stay stopped")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range kept.Stopped {
		c.persisted[name] = true
		if fresh {
			m := c.memory[name]
			m.Intent = plan.Stopped
			c.memory[name] = m
		}
	}
}

// stopPersisted stops services that come into the configuration and are to stay
// stopped. The caller holds the mutex; desired is still the reading before.
func (c *Controller) stopPersisted(d Desired) {
	for name := range c.persisted {
		_, had := c.desired.Project.Services[name]
		if _, has := d.Project.Services[name]; c.loaded && has && !had {
			m := c.memory[name]
			m.Intent = plan.Stopped
			c.memory[name] = m
		}
	}
}

// writeDurably replaces a file in one instant; when it returns, no power cut
// undoes it.
func writeDurably(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot create the folder of %q: %w", path, err)
	}
	tmp := path + ".tmp"
	if err := writeSynced(tmp, data); err != nil {
		return errors.Join(fmt.Errorf("cannot write %q: %w", tmp, err), os.Remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("cannot replace %q: %w", path, err)
	}
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot sync %q: %w", dir, err)
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
