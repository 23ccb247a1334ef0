//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fromADisk is user-data that needs a kernel of the machine's own. KEY is the
// public key of who starts it. Each command leaves a line for each time that it
// was run, on the disk of the state.
const fromADisk = `#cloud-config
ssh_authorized_keys: ["KEY"]
users:
  - default
  - name: ann
    groups: [docker]
    sudo: "ALL=(ALL) ALL"
    lock_passwd: false
    passwd: "$6$saltsalt$HfeviBNibc39P.j99EQ2ScMBuD/3lsQef.szDCNE50SLFpePPrAliNHHxwgg9UCreyTRnoyAst.T169yJ8GSy."
    ssh_authorized_keys: ["KEY"]
write_files:
  - {path: /etc/motto, content: "from a disk\n", permissions: "0640", owner: "root:docker"}
  - {path: /var/lib/appended, content: "appended\n", append: true}
  - {path: /mnt/data/deferred, content: "on the second disk\n", defer: true}
keyboard: {layout: de, variant: nodeadkeys}
disk_setup:
  /dev/vdb: {table_type: gpt, layout: [50, [50, 82]]}
fs_setup:
  - {device: /dev/vdb1, filesystem: ext4, label: data}
  - {device: /dev/vdb2, filesystem: swap, label: more}
mounts:
  - [LABEL=data, /mnt/data]
  - [LABEL=more, none, swap]
bootcmd:
  - echo boot >> /var/lib/boots
runcmd:
  - echo once >> /var/lib/once
  - head -c 4000000 /dev/urandom > /var/lib/blob && sha256sum /var/lib/blob > /var/lib/blob.sum
  - echo run >> /mnt/data/runs
rancher:
  cloud_init: {runcmd: per-instance}
`

const itsNetwork = `version: 2
ethernets:
  eth0: {dhcp4: true}
  eth1:
    addresses: [10.0.3.77/24, "fd00:3::77/64"]
    mtu: 1400
    routes: [{to: 192.0.2.0/24, via: 10.0.3.2}]
  eth2: {}
bonds:
  bond7:
    interfaces: [eth2]
    parameters: {mode: active-backup}
    addresses: [10.0.4.77/24]
vlans:
  eth1.30: {id: 30, link: eth1, addresses: [10.30.0.1/24]}
`

// TestCloudInitFromADisk gives a virtual machine a disk that Debian's
// cloud-image-utils made, and a blank one; and reboots it. It counts what each boot
// does, so that a machine that the emulator's one known fault ended begins anew.
func TestCloudInitFromADisk(t *testing.T) { undisturbed(t, fromADiskUndisturbed) }

// undisturbed repeats a test that counts what boots do, which is false when the
// emulator's one known fault ended its machine.
func undisturbed(t *testing.T, test func(*testing.T) bool) {
	t.Helper()
	for range 5 {
		if test(t) {
			return
		}
		t.Log("the emulator's fault ended the machine: begun anew")
	}
	t.Error("the emulator's fault ended five machines")
}

func fromADiskUndisturbed(t *testing.T) bool {
	t.Helper()
	m := NewMachine(t, VM, "a cidata disk makes the machine; what is done once is not done again")
	dir := t.TempDir()
	key, blank := filepath.Join(dir, "id"), filepath.Join(dir, "blank.img")
	public := m.keyPair(key)
	m.onHost("truncate", "-s", "256M", blank)
	seed := m.seedDisk(dir, map[string]string{
		"user-data":      strings.ReplaceAll(fromADisk, "KEY", public),
		"meta-data":      "instance-id: iid-disk-1\nlocal-hostname: disk1\n",
		"network-config": itsNetwork,
	})
	m.Flags("--seed", seed, "--key", key, "--nics", "3", "--disk", "2G", "--disk", blank).Start()

	if !m.isApplied("done", "nocloud", "iid-disk-1") {
		return false
	}
	m.wasMadeFromADisk()
	t.Logf("ros cloud-init status --long:\n%s", m.Exec("ros", "cloud-init", "status", "--long"))
	m.ranExactly(1)
	before := m.Exec("cat", "/proc/sys/kernel/random/boot_id")
	m.Must("reboot", m.name)
	if again := m.Exec("cat", "/proc/sys/kernel/random/boot_id"); again == before {
		t.Fatal("the machine was not rebooted")
	}
	if !m.isApplied("done", "nocloud", "iid-disk-1") {
		return false
	}
	m.wasMadeFromADisk()
	m.ranExactly(2)

	m.Must("stop", m.name)
	if start := firstBytes(t, blank, 1024); !bytes.HasPrefix(start[512:], []byte("EFI PART")) {
		t.Errorf("the image that was attached has no partitions: %q", start[512:528])
	}
	return true
}

// onHost runs a command of the host's.
func (m *Machine) onHost(argv ...string) {
	m.t.Helper()
	if r := m.host("", argv...); r.Code != 0 {
		m.t.Fatalf("%s: exit status %d\n%s%s", strings.Join(argv, " "), r.Code, r.Stdout, r.Stderr)
	}
}

// seedDisk makes a NoCloud disk of its documents, as people do.
func (m *Machine) seedDisk(dir string, files map[string]string) string {
	m.t.Helper()
	putFiles(m.t, dir, files)
	at := func(name string) string { return filepath.Join(dir, name) }
	m.onHost("cloud-localds", "--network-config", at("network-config"), at("seed.img"), at("user-data"), at("meta-data"))
	return at("seed.img")
}

// wasMadeFromADisk checks that the machine is what the disk says.
func (m *Machine) wasMadeFromADisk() {
	m.t.Helper()
	if got := m.Ros("cloud-init", "status", "--long"); !strings.HasPrefix(got, "status: done\ndatasource: nocloud\n") {
		m.t.Errorf("ros cloud-init status --long: %s", got)
	}
	m.isLike([]look{
		{"users", "hostname; id -nG ann; grep -c ssh-ed25519 ~ann/.ssh/authorized_keys", "disk1\nann docker\n1"},
		{"sudo wants the password", "sudo -n -u ann sudo -n true || echo refused; echo secret-Word1 | sudo -n -u ann sudo -S -p '' id -u", "refused\n0"},
		{"files", "stat -c '%a %U:%G' /etc/motto; cat /etc/motto /var/lib/appended /mnt/data/deferred", "640 root:docker\nfrom a disk\nappended\non the second disk"},
		{"the keyboard", "cat /run/ros/keyboard", "de-latin1-nodeadkeys"},
		{"addresses", "ip -br address show dev eth1 | grep -o '10.0.3.77/24\\|fd00:3::77/64'; cat /sys/class/net/eth1/mtu; ip route show 192.0.2.0/24", "10.0.3.77/24\nfd00:3::77/64\n1400\n192.0.2.0/24 via 10.0.3.2 dev eth1 proto static"},
		{"a bond", "cat /sys/class/net/bonding_masters /sys/class/net/bond7/bonding/slaves /sys/class/net/bond7/bonding/mode; ip -br address show dev bond7 | grep -o 10.0.4.77/24", "bond7\neth2\nactive-backup 1\n10.0.4.77/24"},
		{"a VLAN", "grep -o 'VID: 30' /proc/net/vlan/eth1.30; ip -br address show dev eth1.30 | grep -o 10.30.0.1/24", "VID: 30\n10.30.0.1/24"},
		{"disks", "stat -f -c %T /mnt/data; grep -c ' /mnt/data ext4 ' /proc/mounts; grep -c partition /proc/swaps; sha256sum -c /var/lib/blob.sum", "ext2/ext3\n1\n1\n/var/lib/blob: OK"},
	})
	if r := m.rosmachine("", "ssh", "--user", "ann", m.name, "docker", "ps", "-q"); r.Code != 0 {
		m.t.Errorf("ann uses Docker over SSH: %+v", r)
	}
}

// ranExactly checks how often commands were run in so many boots.
func (m *Machine) ranExactly(boots int) {
	m.t.Helper()
	for file, want := range map[string]string{
		"/var/lib/boots": strings.Repeat("boot\n", boots),
		"/var/lib/once":  "once\n",
		"/mnt/data/runs": "run\n",
	} {
		if r := m.Try("console", "cat", file); r.Stdout != want {
			m.t.Errorf("after %d boots %s holds %q, want %q%s", boots, file, r.Stdout, want, m.crashes())
		}
	}
}

// crashes shows the end of each kernel that did not say that it restarts the
// machine: what was on its way to the disk is lost then, and commands ran once more.
func (m *Machine) crashes() string {
	var out strings.Builder
	kernels := strings.Split(m.consoleLog(), "Linux version ")
	for _, console := range kernels[min(1, len(kernels)-1) : len(kernels)-1] {
		if !strings.Contains(console, "reboot: ") {
			lines := strings.Split(console, "\n")
			fmt.Fprintf(&out, "\n--- a kernel that ended in a crash:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	}
	return out.String()
}

func firstBytes(t *testing.T, file string, n int) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, n)
	if _, err := f.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}
