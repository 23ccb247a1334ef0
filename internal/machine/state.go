package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/supervise"
)

const (
	stateMount = "/state"
	stateLabel = "RANCHER_STATE"
	// stateWait is how long a disk is waited for that the configuration names.
	stateWait = 10 * time.Second
	// slowStorageWait is for disks that appear some time after their driver.
	slowStorageWait = 2 * time.Second
)

// mountState mounts the state disk at /state. Without one, or with one that
// cannot be mounted, the state is kept in memory and the machine is degraded,
// unless the configuration requires the disk.
func mountState(ctx context.Context, b *Boot) error {
	if err := os.MkdirAll(stateMount, 0o755); err != nil {
		return fmt.Errorf("cannot make a mount point: %w", err)
	}
	st := b.config.Rancher.State
	d, found, err := b.stateDisk(ctx, st)
	if err == nil && found {
		err = b.mountStateDisk(ctx, d, st)
	}
	switch {
	case err == nil && found:
		return b.chooseDirectory(st.Directory)
	case err == nil && st.Required:
		return fmt.Errorf("cannot find %s, which rancher.state.required asks for", stateSpec(st))
	case err != nil && st.Required:
		return err
	case err != nil:
		b.problem("%v: what this machine changes will be lost with the next boot", err)
	default:
		logrus.Infof("there is no %s: what this machine changes is kept in memory", stateSpec(st))
	}
	if err := unix.Mount("tmpfs", stateMount, "tmpfs", unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("cannot mount a tmpfs: %w", err)
	}
	return nil
}

func stateSpec(st cloudconfig.State) string {
	if st.Dev == "" {
		return "LABEL=" + stateLabel
	}
	return st.Dev
}

// chooseDirectory uses a folder of the state disk instead of the whole.
func (b *Boot) chooseDirectory(dir string) error {
	b.stateDir = filepath.Join(stateMount, filepath.Join("/", dir))
	if err := os.MkdirAll(b.stateDir, 0o755); err != nil {
		return fmt.Errorf("cannot make the state folder: %w", err)
	}
	return nil
}

// stateDisk finds the disk. A blank one is formatted when it is not there, and a
// late one is waited for when somebody named it.
func (b *Boot) stateDisk(ctx context.Context, st cloudconfig.State) (disk, bool, error) {
	appeared, stop, err := uevents(ctx, "block")
	if err != nil {
		return disk{}, false, err
	}
	defer stop()
	look := func() (disk, bool, error) {
		d, found, err := lookForDisk(stateSpec(st))
		if err != nil || found {
			return d, found, err
		}
		return b.autoformat(ctx, st.Autoformat)
	}
	b.storage.load(ctx, b, false)
	if d, found, err := look(); err != nil || found {
		return d, found, err
	}
	b.storage.load(ctx, b, true)
	limit := time.Duration(0)
	switch {
	case b.awaited(st):
		limit = stateWait
	case hasSlowStorage("/sys"):
		limit = slowStorageWait
	}
	return awaitDisk(ctx, look, limit, appeared)
}

// awaited says whether somebody named the disk, besides the image itself.
func (b *Boot) awaited(st cloudconfig.State) bool {
	origin := b.config.Pos("rancher", "state", "dev").File
	return st.Wait || st.Required || st.Dev != "" && origin != "" && origin != source.OSConfigFile
}

func lookForDisk(spec string) (disk, bool, error) {
	all, err := disks()
	if err != nil {
		return disk{}, false, err
	}
	d, found := findDisk(all, spec)
	return d, found, nil
}

// awaitDisk looks, and looks again whenever a block device appears.
func awaitDisk(ctx context.Context, look func() (disk, bool, error), limit time.Duration, appeared <-chan struct{}) (disk, bool, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for told := false; ; {
		d, found, err := look()
		if err != nil || found || limit == 0 {
			return d, found, err
		}
		if !told {
			told = true
			logrus.Infof("waiting for the state disk, for at most %v", limit)
		}
		select {
		case <-ctx.Done():
			return disk{}, false, ctx.Err()
		case <-deadline.C:
			return disk{}, false, nil
		case <-appeared:
		}
	}
}

// mountStateDisk checks the disk when it says that it needs it, or when it
// cannot be mounted as it is; a journal is replayed by the kernel.
func (b *Boot) mountStateDisk(ctx context.Context, d disk, st cloudconfig.State) error {
	fstype := d.FSType
	if st.FSType != "" && st.FSType != "auto" {
		fstype = st.FSType
	}
	if fstype == "" {
		return fmt.Errorf("cannot mount %s: it has no file system that is known", d.path)
	}
	if slices.Contains(st.Autoformat, d.path) {
		if err := unmarkFormatted(d.path); err != nil {
			logrus.WithField("err", err).Warnf("disk %s may still be marked as unformatted", d.path)
		}
	}
	if d.Dirty {
		b.repair(ctx, d)
	}
	err := mountDisk(d.path, stateMount, fstype)
	if err != nil && fstype == "ext4" {
		b.repair(ctx, d)
		err = mountDisk(d.path, stateMount, fstype)
	}
	if err == nil {
		logrus.Infof("the state is on %s", d.path)
	}
	return err
}

func mountDisk(device, target, fstype string) error {
	loadFilesystem(fstype)
	if err := unix.Mount(device, target, fstype, 0, ""); err != nil {
		return fmt.Errorf("cannot mount %s: %w", device, err)
	}
	return nil
}

// repair runs e2fsck; what it does not do by itself it is then told to do, since
// nobody is there to be asked.
func (b *Boot) repair(ctx context.Context, d disk) {
	if d.FSType != "ext4" {
		return
	}
	logrus.Infof("checking %s", d.path)
	if err := b.fsck(ctx, "-p", d.path); err == nil {
		return
	}
	err := b.fsck(ctx, "-y", d.path)
	b.problem("the state disk %s was damaged and has been repaired as far as possible; look into lost+found", d.path)
	if err != nil {
		b.problem("the state disk %s could not be repaired: %v", d.path, err)
	}
}

// fsck takes the exit status 1, "errors corrected", for success.
func (b *Boot) fsck(ctx context.Context, mode, device string) error {
	err := b.command(ctx, "e2fsck", mode, device)
	var exit *supervise.ExitError
	if errors.As(err, &exit) && exit.Exit.Code == 1 {
		return nil
	}
	return err
}

// bindState puts /var, /home and /opt on the state disk. New folders there are
// filled with what the image has.
func bindState(_ context.Context, b *Boot) error {
	for _, name := range []string{"var", "home", "opt"} {
		image, state := "/"+name, filepath.Join(b.stateDir, name)
		if err := fillOnce(image, state); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				return err
			}
			b.problem(diskFull+": %v", err)
			continue // the image's own folder, in memory, is used
		}
		if name == "var" {
			if err := addFolders(image, state); err != nil {
				b.problem("%s lacks folders: %v", image, err)
			}
		}
		if err := unix.Mount(state, image, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("cannot put %s on the state disk: %w", image, err)
		}
	}
	return b.makeVar()
}

// varFolders are those that the machine itself needs.
var varFolders = []struct {
	path string
	mode os.FileMode
}{
	{"/var/lib/rancher", 0o755},
	{"/var/lib/rancher/conf", 0o700},
	{"/var/lib/docker", 0o710},
	{"/var/lib/system-docker", 0o710},
	{"/var/log", 0o755},
	{"/var/tmp", 0o777 | os.ModeSticky},
	{"/var/spool", 0o755},
	{"/var/cache", 0o755},
	{"/var/empty", 0o755},
}

// makeVar makes what is missing in /var. A full disk is a problem to tell, and
// no reason not to boot.
func (b *Boot) makeVar() error {
	for _, f := range varFolders {
		if err := makeFolder(f.path, f.mode); err != nil {
			b.problem("a folder is missing: %v", err)
		}
	}
	for link, target := range map[string]string{"/var/run": "/run", "/var/lock": "/run/lock"} {
		if err := makeLink(link, target); err != nil {
			return err // the sockets of both daemons are found through it
		}
	}
	return nil
}

func makeFolder(path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	if err := os.Chmod(path, mode); err != nil { // Mkdir minds the umask
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	return nil
}

// makeLink replaces whatever else is there; a folder of an older system is kept
// beside the link.
func makeLink(link, target string) error {
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	if info, err := os.Lstat(link); err == nil {
		if info.IsDir() {
			err = os.Rename(link, link+".old")
		} else {
			err = os.Remove(link)
		}
		if err != nil {
			return fmt.Errorf("cannot make way for the link %s: %w", link, err)
		}
	}
	if err := os.Symlink(target, link); err != nil {
		return fmt.Errorf("cannot link %s: %w", link, err)
	}
	return nil
}
