package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// EnterMachine is the first stage of PID 1 of a machine in namespaces: it
// waits until the supervisor has given it groups and interfaces, makes the
// root, and becomes /sbin/init. It returns only when it fails.
func EnterMachine(ctx context.Context, dir string) error {
	m := &Machine{dir: dir}
	if err := readJSON(m.path("machine.json"), &m.Spec); err != nil {
		return err
	}
	ready := os.NewFile(3, "ready")
	if word, err := io.ReadAll(io.LimitReader(ready, 2)); err != nil || string(word) != "go" {
		return fmt.Errorf("cannot start machine %q: its supervisor gave up", m.Spec.Name)
	}
	_ = ready.Close()
	// The cgroup namespace belongs to this thread, and exec keeps this thread's.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("cannot make a cgroup namespace: %w", err)
	}
	if err := unix.Sethostname([]byte(m.Spec.Name)); err != nil {
		return fmt.Errorf("cannot set the host name: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return err
	}
	if err := m.promoteAddresses(); err != nil {
		return err
	}
	root, err := m.buildRoot(ctx)
	if err != nil {
		return err
	}
	if err := pivot(root); err != nil {
		return err
	}
	if err := unix.Exec("/sbin/init", []string{"/sbin/init"}, machineEnv()); err != nil {
		return fmt.Errorf("cannot run /sbin/init of %s: %w", m.Spec.Image, err)
	}
	return nil
}

func raiseLoopback() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("cannot raise the loopback interface: %w", err)
	}
	return nil
}

// promoteAddresses has the interfaces keep their other addresses when the first
// one goes. A kernel gives that setting to interfaces that appear after the
// configuration set the default, as on real machines; here they are there
// before, and the DHCP client of a container may not set it itself.
func (m *Machine) promoteAddresses() error {
	for nic := range m.Spec.NICs {
		path := fmt.Sprintf("/proc/sys/net/ipv4/conf/eth%d/promote_secondaries", nic)
		if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
			return fmt.Errorf("cannot set up interface %d: %w", nic, err)
		}
	}
	return nil
}

// buildRoot mounts the machine's whole tree below its folder mnt. All of it is
// in this process's mount namespace, and ends with it.
func (m *Machine) buildRoot(ctx context.Context) (string, error) {
	hierarchies, err := hostHierarchies()
	if err != nil {
		return "", err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("cannot detach from the host's mounts: %w", err)
	}
	root, err := m.mountOverlay(ctx)
	if err != nil {
		return "", err
	}
	t := &tree{root: root}
	t.system()
	t.devices()
	t.cgroups(hierarchies)
	t.own(m)
	return root, t.err
}

// mountOverlay lays a tmpfs over the image's squashfs.
func (m *Machine) mountOverlay(ctx context.Context) (string, error) {
	base, squashfs := m.path("mnt"), filepath.Join(m.Spec.Image, "root.squashfs")
	t := &tree{root: base}
	t.mount("tmpfs", "", "tmpfs", 0, "mode=0755")
	for _, dir := range []string{"lower", "upper", "work", "root"} {
		t.dir(dir)
	}
	if t.err != nil {
		return "", t.err
	}
	lower := filepath.Join(base, "lower")
	if err := mountLoop(squashfs, lower, "squashfs", readOnly); err != nil {
		unpacked, second := m.unpackRoot(ctx, squashfs)
		if second != nil {
			return "", fmt.Errorf("%w; and %w", err, second)
		}
		lower = unpacked
	}
	t.mount("overlay", "root", "overlay", 0,
		fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, base, base))
	return filepath.Join(base, "root"), t.err
}

// unpackRoot is for hosts that cannot mount a squashfs: the image is unpacked
// into the machine's folder, once for each build of it.
func (m *Machine) unpackRoot(ctx context.Context, squashfs string) (string, error) {
	about, err := os.Stat(squashfs)
	if err != nil {
		return "", fmt.Errorf("cannot find the root file system: %w", err)
	}
	stamp := fmt.Sprintf("%d-%d", about.Size(), about.ModTime().UnixNano())
	dir := m.path("unpacked", stamp)
	if exists(dir) {
		return dir, nil
	}
	if err := os.RemoveAll(m.path("unpacked")); err != nil {
		return "", fmt.Errorf("cannot remove the root file system of an older image: %w", err)
	}
	if err := os.Mkdir(m.path("unpacked"), 0o700); err != nil {
		return "", fmt.Errorf("cannot unpack the root file system: %w", err)
	}
	cmd := exec.CommandContext(ctx, "unsquashfs", "-quiet", "-no-progress", "-dest", dir+".new", squashfs)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot unpack the root file system: %w: %s", err, out)
	}
	if err := os.Rename(dir+".new", dir); err != nil {
		return "", fmt.Errorf("cannot unpack the root file system: %w", err)
	}
	return dir, nil
}

// pivot makes root the root, and lets go of the host's.
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("cannot enter the new root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("cannot change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot leave the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("cannot enter the new root: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share the mounts: %w", err)
	}
	return nil
}
