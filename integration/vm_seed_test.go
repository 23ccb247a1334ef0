//go:build integration

package integration

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// firstSeed is user-data that names a disk which holds something already.
const firstSeed = `#cloud-config
users:
  - default
  - {name: ann, groups: [docker], ssh_authorized_keys: ["KEY"]}
write_files:
  - {path: /etc/motto, content: "from vfat\n"}
disk_setup:
  /dev/vdb: {table_type: gpt, layout: true}
fs_setup:
  - {device: /dev/vdb, filesystem: xfs, label: other}
runcmd:
  - echo first >> /var/lib/runs
rancher:
  cloud_init: {runcmd: per-instance}
`

const firstNetwork = `version: 2
ethernets:
  eth0: {dhcp4: true}
  eth1: {}
vlans:
  eth1.40: {id: 40, link: eth1}
bridges:
  br40: {interfaces: [eth1.40], addresses: [10.40.0.1/24]}
`

// secondSeed is user-data of another machine with the same disk.
const secondSeed = `#cloud-config
users:
  - default
  - {name: bob, ssh_authorized_keys: ["KEY"]}
runcmd:
  - echo second >> /var/lib/runs
rancher:
  cloud_init: {runcmd: per-instance}
`

// TestSeedsInEveryFileSystem gives a virtual machine a cidata disk in vfat, then in
// its place a config drive, in iso9660 and in vfat, of another instance. A disk of
// it holds something that no seed may touch.
func TestSeedsInEveryFileSystem(t *testing.T) { undisturbed(t, seedsUndisturbed) }

func seedsUndisturbed(t *testing.T) bool {
	t.Helper()
	m := NewMachine(t, VM, "a machine is what its seed says, whatever that is on; and another when it is another's")
	dir := t.TempDir()
	public := m.keyPair(filepath.Join(dir, "id"))
	data := m.diskThatHoldsSomething(dir)
	before := sum(t, data)
	m.Flags("--key", filepath.Join(dir, "id"), "--nics", "2", "--disk", "2G", "--disk", data)

	m.bootsFrom(m.cidataInVFAT(filepath.Join(dir, "cidata"), public))
	if !m.isApplied("degraded", "nocloud", "iid-vfat-1") {
		return false
	}
	hostKey := m.isTheFirst()
	files := map[string]string{
		"openstack/latest/meta_data.json":    fmt.Sprintf(`{"uuid": "os-1", "hostname": "drive1.internal", "public_keys": {"mine": %q}}`, public),
		"openstack/latest/user_data":         strings.ReplaceAll(secondSeed, "KEY", public),
		"openstack/latest/vendor_data.json":  `{"cloud-init": "#cloud-config\nwrite_files: [{path: /etc/vendor, content: of the vendor}]\n"}`,
		"openstack/latest/network_data.json": m.driveNetwork(),
	}
	putFiles(t, filepath.Join(dir, "drive"), files)
	for _, drive := range []func(dir string) string{m.driveInISO9660, m.driveInVFAT} {
		m.Must("stop", m.name)
		m.bootsFrom(drive(filepath.Join(dir, "drive")))
		if !m.isApplied("done", "configdrive", "os-1") {
			return false
		}
		m.isTheSecond(hostKey)
	}
	m.Must("stop", m.name)
	if sum(t, data) != before {
		t.Error("the disk that holds something was touched")
	}
	return true
}

// keyPair makes a pair of keys, and returns the public one.
func (m *Machine) keyPair(file string) string {
	m.t.Helper()
	m.onHost("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "who starts it", "-f", file)
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(public))
}

// diskThatHoldsSomething makes an image with a file system, and a file in that.
func (m *Machine) diskThatHoldsSomething(dir string) string {
	m.t.Helper()
	putFiles(m.t, dir, map[string]string{"data/kept": "what must be kept\n"})
	image := filepath.Join(dir, "data.img")
	m.onHost("mke2fs", "-q", "-t", "ext4", "-L", "kept", "-d", filepath.Join(dir, "data"), image, "64M")
	return image
}

// cidataInVFAT makes the first seed.
func (m *Machine) cidataInVFAT(dir, public string) string {
	m.t.Helper()
	putFiles(m.t, dir, map[string]string{
		"user-data":      strings.ReplaceAll(firstSeed, "KEY", public),
		"meta-data":      fmt.Sprintf("instance-id: iid-vfat-1\nlocal-hostname: vfat1\npublic-keys: [%q]\n", public),
		"network-config": firstNetwork,
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	m.onHost("cloud-localds", "--filesystem", "vfat", "--network-config", at("network-config"), at("seed.img"), at("user-data"), at("meta-data"))
	return at("seed.img")
}

// driveNetwork is the network of the second seed: of the cards it knows the
// addresses, as with OpenStack.
func (m *Machine) driveNetwork() string {
	m.t.Helper()
	mac := strings.Fields(m.Sh("cat /sys/class/net/eth0/address /sys/class/net/eth1/address"))
	return fmt.Sprintf(`{
  "links": [
    {"id": "a", "type": "phy", "ethernet_mac_address": %q},
    {"id": "b", "type": "phy", "ethernet_mac_address": %q, "mtu": 1400},
    {"id": "c", "type": "vlan", "vlan_id": 50, "vlan_link": "b", "vlan_mac_address": "52:54:00:00:50:50"}
  ],
  "networks": [
    {"id": "n0", "type": "ipv4_dhcp", "link": "a"},
    {"id": "n1", "type": "ipv4", "link": "b", "ip_address": "10.0.3.78", "netmask": "255.255.255.0",
     "routes": [{"network": "192.0.2.0", "netmask": "255.255.255.0", "gateway": "10.0.3.2"}]},
    {"id": "n2", "type": "ipv4", "link": "c", "ip_address": "10.50.0.1", "netmask": "255.255.255.0"}
  ],
  "services": [{"type": "dns", "address": "10.0.2.3"}]
}`, mac[0], mac[1])
}

// driveInISO9660 makes a config drive of a folder, as Nova does unless it is told
// otherwise.
func (m *Machine) driveInISO9660(dir string) string {
	m.t.Helper()
	image := dir + ".iso"
	m.onHost("genisoimage", "-quiet", "-o", image, "-ldots", "-allow-lowercase", "-allow-multidot", "-l",
		"-publisher", "OpenStack Compute", "-J", "-r", "-V", "config-2", dir)
	return image
}

// driveInVFAT makes the other kind that Nova knows.
func (m *Machine) driveInVFAT(dir string) string {
	m.t.Helper()
	image := dir + ".vfat"
	m.onHost("truncate", "-s", "64M", image)
	m.onHost("mkfs.vfat", "-n", "config-2", image)
	m.onHost("mcopy", "-s", "-i", image, filepath.Join(dir, "openstack"), "::/")
	return image
}

// bootsFrom starts the machine with a seed, well or degraded.
func (m *Machine) bootsFrom(seed string) {
	m.t.Helper()
	if r := m.boot("--seed", seed); r.Code != 0 && r.Code != 2 {
		m.t.Fatalf("the machine is not ready: exit status %d\n%s", r.Code, r.Stderr)
	}
}

// isTheFirst checks that the machine is what the first seed says, and returns its
// host key.
func (m *Machine) isTheFirst() string {
	m.t.Helper()
	m.isLike([]look{
		{"users", "hostname; id -nG ann; grep -c ssh-ed25519 ~ann/.ssh/authorized_keys; cat /etc/motto", "vfat1\nann docker\n1\nfrom vfat"},
		{"a bridge over a VLAN", "ls /sys/class/net/br40/brif; grep -o 'VID: 40' /proc/net/vlan/eth1.40; grep -o 'Device: eth1' /proc/net/vlan/eth1.40; ip -br address show dev br40 | grep -o 10.40.0.1/24; cat /sys/class/net/br40/carrier", "eth1.40\nVID: 40\nDevice: eth1\n10.40.0.1/24\n1"},
		{"commands", "cat /var/lib/runs", "first"},
		{"the disk that holds something", "blkid /dev/vdb | grep -o 'LABEL=\"kept\"\\|TYPE=\"ext4\"'; ls /dev/vdb*", "LABEL=\"kept\"\nTYPE=\"ext4\"\n/dev/vdb"},
	})
	m.Placed("/dev/vdb is left alone: it holds ")
	for _, path := range []string{"disk_setup./dev/vdb", "fs_setup.0"} {
		m.Placed(path)
	}
	return m.Sh("cat /var/lib/rancher/ssh/ssh_host_ed25519_key.pub")
}

// isTheSecond checks that the machine is another one, on the same disk.
func (m *Machine) isTheSecond(hostKeyBefore string) {
	m.t.Helper()
	m.isLike([]look{
		{"users", "hostname; id -u bob >/dev/null && echo bob; grep -c ssh-ed25519 ~bob/.ssh/authorized_keys; cat /etc/vendor", "drive1\nbob\n1\nof the vendor"},
		{"who is not in the seed any more", "id ann; stat -c %u /home/ann /home/bob", "2000\n2001"},
		{"the cards", "ip -br address show dev eth1 | grep -o 10.0.3.78/24; cat /sys/class/net/eth1/mtu; ip route show 192.0.2.0/24", "10.0.3.78/24\n1400\n192.0.2.0/24 via 10.0.3.2 dev eth1 proto static"},
		{"a VLAN, and no other", "ls /proc/net/vlan; ls -d /sys/class/net/br40; ip -br address show dev vlan50 | grep -o '10.50.0.1/24'; cat /sys/class/net/vlan50/address", "config\nvlan50\n10.50.0.1/24\n52:54:00:00:50:50"},
		{"commands", "cat /var/lib/runs", "first\nsecond"},
	})
	if r := m.rosmachine("", "ssh", "--user", "ann", m.name, "true"); r.Code == 0 {
		m.t.Error("who is not in the seed any more comes in")
	}
	if r := m.rosmachine("", "ssh", "--user", "bob", m.name, "true"); r.Code != 0 {
		m.t.Errorf("bob comes in: %+v", r)
	}
	if got := m.Sh("cat /var/lib/rancher/ssh/ssh_host_ed25519_key.pub"); got == hostKeyBefore {
		m.t.Error("another instance has the first one's host key")
	}
}

// isApplied waits until the seed of an instance is applied. It is false, and the
// machine gone, when the emulator's fault was in the way.
func (m *Machine) isApplied(status, source, instance string) bool {
	m.t.Helper()
	m.Until("all of it is "+status, 5*time.Minute, func() error {
		c, err := m.cloudInit()
		if err == nil && (c.Status != status || c.Source != source || !strings.HasSuffix(c.Instance, instance)) {
			err = fmt.Errorf("%+v", c)
		}
		return err
	})
	settled := converged
	if status == "degraded" {
		settled = ready(defaults()...)
	}
	m.Eventually("it has settled", 2*time.Minute, settled)
	if !m.hadTheFault() {
		return true
	}
	m.Remove()
	return false
}

// hadTheFault says whether the emulator's one known fault ended a boot.
func (m *Machine) hadTheFault() bool { return strings.Contains(m.consoleLog(), "Oops: int3") }

// look is a script with what it has to print.
type look struct{ what, script, want string }

// isLike looks at the machine in several ways.
func (m *Machine) isLike(looks []look) {
	m.t.Helper()
	for _, l := range looks {
		if r := m.Try("console", "sh", "-c", l.script); strings.TrimSpace(r.Stdout) != l.want {
			m.t.Errorf("%s: exit status %d, %q %s, want %q%s", l.what, r.Code, r.Stdout, r.Stderr, l.want, m.crashes())
		}
	}
}

// sum is what a file is known by.
func sum(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}
