//go:build integration && bench

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/osimage"
)

// peer is another system that a machine's boot is compared with: with the same
// engine, in the same emulator, and with ten containers.
type peer struct {
	name string
	args []string // of QEMU: what to boot
}

// tenContainers begins ten containers of an image that is a tar archive, and tells
// the seconds since the start of the kernel when all of them run.
const tenContainers = `
docker import -c 'CMD ["/probe"]' /srv/probe.tar probe >/dev/null
%s
while [ "$(docker ps -q | wc -l)" -lt 10 ]; do sleep 0.1; done
echo "ten containers at $(cut -d' ' -f1 /proc/uptime)" >/dev/ttyS0
`

// prototypeInit is all that there is of the prototype: what no container can do
// without, Docker with what it does by default, and the containers.
var prototypeInit = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup /sys/fs/cgroup
for d in /run /tmp /var/lib/docker; do mkdir -p $d; mount -t tmpfs tmpfs $d; done
mkdir -p /var/run
modprobe -a overlay bridge veth
ip link set lo up
DOCKER_RAMDISK=true dockerd --userland-proxy=false >/run/dockerd.log 2>&1 &
until [ -S /var/run/docker.sock ]; do sleep 0.1; done
` + fmt.Sprintf(tenContainers, `for i in 1 2 3 4 5 6 7 8 9 10; do docker run -d --network host --name c$i probe >/dev/null & done`) + `
exec sleep infinity
`

// newPrototype puts the machine's own programs into an initramfs, with nothing of
// ours but the shell script above.
func newPrototype(t *testing.T) peer {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	command(t, "unsquashfs", "-q", "-n", "-d", root, filepath.Join(shop.image, "root.squashfs"))
	tree := osimage.NewTree()
	archive := command(t, "tar", "-C", root, "--exclude=./usr/bin/ros", "--exclude=./usr/sbin/init", "-c", ".")
	err := tree.ReadTar(bytes.NewReader(archive), func(string) bool { return true })
	probe, errProbe := os.ReadFile(shop.probe)
	if err := errors.Join(err, errProbe); err != nil {
		t.Fatal(err)
	}
	tree.File("init", 0o755, []byte(prototypeInit))
	tree.File("srv/probe.tar", 0o644, probe)
	initrd, err := os.Create(filepath.Join(dir, "initrd"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tree.WriteCPIO(initrd, time.Unix(0, 0)), initrd.Close()); err != nil {
		t.Fatal(err)
	}
	return peer{name: "the bare prototype", args: []string{
		"-kernel", filepath.Join(shop.image, "vmlinuz"), "-initrd", initrd.Name(),
		"-append", "console=ttyS0 no_timer_check quiet",
	}}
}

// debianFiles make a Debian what a user of Docker makes of it, without waiting for
// the network, which Docker's own unit would do.
var debianFiles = map[string]string{
	"etc/fstab":                       "/dev/vda / ext4 defaults 0 1\n",
	"etc/hostname":                    "debian\n",
	"etc/systemd/network/all.network": "[Match]\nName=en*\n[Network]\nDHCP=yes\n",
	"etc/systemd/system/docker.service": `[Unit]
After=network.target
[Service]
Type=notify
ExecStart=/usr/local/bin/dockerd --userland-proxy=false
Delegate=yes
KillMode=process
LimitNOFILE=infinity
[Install]
WantedBy=multi-user.target
`,
	"etc/systemd/system/ten.service": `[Unit]
Requires=docker.service
After=docker.service
[Service]
Type=oneshot
ExecStart=/bin/sh /srv/ten
[Install]
WantedBy=multi-user.target
`,
	"srv/ten": fmt.Sprintf(tenContainers, "docker compose -f /srv/compose.yml up -d --quiet-pull"),
	"srv/compose.yml": "services:\n" + func() (text string) {
		for i := range 10 {
			text += fmt.Sprintf("  c%d: {image: probe, network_mode: host}\n", i)
		}
		return text
	}(),
}

// newDebian makes a disk with Debian 12, systemd, SSH and a clock, and with our
// engine and Docker Compose on it. Its kernel and initrd are Debian's own, and boot
// without a boot loader.
func newDebian(t *testing.T) peer {
	t.Helper()
	dir := t.TempDir()
	root, disk := filepath.Join(dir, "root"), filepath.Join(dir, "disk")
	command(t, "mmdebstrap", "--variant=important", "--include=linux-image-cloud-amd64,openssh-server,chrony,iptables,ca-certificates", "bookworm", root)
	for _, name := range []string{"dockerd", "docker", "containerd-shim-runc-v2", "runc"} {
		command(t, "install", "-D", filepath.Join(shop.image, "engine", name), filepath.Join(root, "usr/local/bin", name))
	}
	command(t, "install", "-D", filepath.Join(shop.image, "ros"), filepath.Join(root, "usr/local/lib/docker/cli-plugins/docker-compose"))
	command(t, "install", "-D", shop.probe, filepath.Join(root, "srv/probe.tar"))
	putFiles(t, root, debianFiles)
	command(t, "systemctl", "--root", root, "enable", "systemd-networkd", "docker", "ten")
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", root, disk, "4G")
	kernel, initrd := only(t, root, "boot/vmlinuz-*"), only(t, root, "boot/initrd.img-*")
	return peer{name: "Debian", args: []string{
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 no_timer_check quiet root=/dev/vda rw",
		"-drive", "if=virtio,format=raw,snapshot=on,file=" + disk,
	}}
}

// boot returns the seconds from the start of the kernel until ten containers ran.
func (p peer) boot(t *testing.T) float64 {
	t.Helper()
	log := filepath.Join(t.TempDir(), "console")
	accel := strings.Fields(string(command(t, shop.program, "accel", filepath.Join(shop.image, "vmlinuz"))))
	args := append(accel, "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-smp", "2", "-m", "2048",
		"-serial", "file:"+log, "-device", "virtio-rng-pci", "-netdev", "user,id=n", "-device", "virtio-net-pci,romfile=,netdev=n")
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64", append(args, p.args...)...)
	if err := qemu.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = qemu.Wait() }() // it is killed
	defer cancel()
	told := regexp.MustCompile(`ten containers at ([0-9.]+)\s`)
	for ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		console, _ := os.ReadFile(log) // not there yet
		if found := told.FindSubmatch(console); found != nil {
			seconds, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				t.Fatal(err)
			}
			return seconds
		}
		if bytes.Contains(console, []byte("Kernel panic")) {
			break
		}
	}
	console, _ := os.ReadFile(log)
	t.Fatalf("%s never had ten containers:\n%s", p.name, console)
	return 0
}

// command runs a command of the host and returns what it prints.
func command(t *testing.T, argv ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, stderr.Bytes())
	}
	return out
}

// only is the one file that fits a pattern below a folder.
func only(t *testing.T, folder, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %q for %s: %v", folder, found, pattern, err)
	}
	return found[0]
}
