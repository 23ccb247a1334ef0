//go:build integration

package integration

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

const cloud = "http://169.254.169.254"

// called is user-data that gives the machine a name, and is longer than one packet.
func called(name string) string {
	return "#cloud-config\nhostname: " + name + "\n" + strings.Repeat("# at some length\n", 400)
}

// pinned is an address with the sum of what is there.
func pinned(address, text string) string {
	return fmt.Sprintf("%s#sha256=%x", address, sha256.Sum256([]byte(text)))
}

// TestEveryOtherWay has one machine ask, in turn, what is no cloud: a file, an
// address, a TFTP server, the hypervisor by its tool, and what PID 1 found on a
// disc of the hypervisor's.
func TestEveryOtherWay(t *testing.T) {
	m := NewMachine(t, NS, "a machine may be told what it is in every documented way").Flags("--seed", t.TempDir(),
		"--append", "rancher.cloud_init.timeout=3").Start()
	m.metadata(router).says(files{"/pinned": called("pinned"), "/changed": called("changed")})
	m.serveTFTP(map[string]string{"boot/tftp": called("tftp")})
	m.inInit("cat > /var/lib/by-file", called("by-file"))
	m.inInit("cat > /usr/bin/vmware-rpctool && chmod 755 /usr/bin/vmware-rpctool", m.rpcTool())
	before := m.containers()
	for _, way := range []struct {
		name, source string
		prepare      func()
		told         string // what is wrong with it, if anything
	}{
		{name: "by-file", source: "file:/var/lib/by-file"},
		{name: "pinned", source: "url:" + pinned("http://"+router+"/pinned", called("pinned"))},
		{name: "changed", source: "url:" + pinned("http://"+router+"/changed", called("as it was")), told: "as it is pinned"},
		{name: "tftp", source: "tftp:" + router + "/boot/tftp", told: "set rancher.cloud_init.allow_http to use it"},
		{name: "tftp", source: "tftp:" + router + "/boot/tftp", prepare: func() { m.Ros("config", "set", "rancher.cloud_init.allow_http", "true") }},
		{name: "tftp", source: "tftp:" + router + "/boot/nowhere", told: "there is no such document"},
		{name: "by-guestinfo", source: "vmware:guestinfo"},
		{name: "by-ovf", source: "vmware:ovf", prepare: func() {
			m.inInit("rm /usr/bin/vmware-rpctool; cat > /run/ros/source/ovf-env.xml", ovfEnvironment("by-ovf", "iid-ovf-1"))
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			m := m.In(t)
			if way.prepare != nil {
				way.prepare()
			}
			m.Ros("config", "set", "rancher.cloud_init.datasources", `["`+way.source+`"]`)
			if way.told != "" {
				m.Until("it is told why not", 20*time.Second, m.isTold(way.told))
				return
			}
			m.Until("it is used", 20*time.Second, m.isSaidBy(strings.SplitN(way.source, "#", 2)[0], ""))
			m.Until("what it says is applied", 20*time.Second, m.shell("hostname", way.name))
			m.Eventually("the services are ready", time.Minute, ready(defaults()...))
			m.Unchanged(before)
		})
	}
}

// isSaidBy says that cloud-init is done, and by whom: the beginning of his name, as
// an address is shown, and the instance, if any.
func (m *Machine) isSaidBy(source, instance string) func() error {
	return func() error {
		c, err := m.cloudInit()
		if err == nil && (c.Status != "done" || !strings.HasPrefix(c.Source, source) || instance != "" && c.Instance != instance) {
			err = fmt.Errorf("%+v", c)
		}
		return err
	}
}

func (m *Machine) isTold(what string) func() error {
	return func() error {
		c, err := m.cloudInit()
		if err == nil && !strings.Contains(c.told(), what) {
			err = fmt.Errorf("%+v", c)
		}
		return err
	}
}

// inInit runs a line of shell outside of every container.
func (m *Machine) inInit(script, input string) {
	m.t.Helper()
	if r := m.rosmachine(input, "exec", m.name, "--in", "init", "--", "sh", "-c", script); r.Code != 0 {
		m.t.Fatalf("%s: exit status %d\n%s%s", script, r.Code, r.Stdout, r.Stderr)
	}
}

// serveTFTP has Debian's dnsmasq serve files where the machine's router is, until
// the test ends.
func (m *Machine) serveTFTP(content map[string]string) {
	m.t.Helper()
	dir := m.t.TempDir()
	putFiles(m.t, dir, content)
	m.onHost("chmod", "-R", "a+rX", dir) // it gives up reading what only root may
	supervisor, err := parent(m.Listed().PID)
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command("nsenter", "--target", fmt.Sprint(supervisor), "--net", "--", "dnsmasq", "--keep-in-foreground",
		"--conf-file=/dev/null", "--port=0", "--listen-address="+router, "--bind-interfaces", "--user=root", "--pid-file=",
		"--log-facility=-", "--enable-tftp", "--tftp-root="+dir)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill() // and if it ended before
		_ = cmd.Wait()
		if m.t.Failed() {
			m.t.Logf("--- dnsmasq\n%s", log.String())
		}
	})
}

// rpcTool is a program that answers as VMware's documents, with what its
// hypervisor would say: a value and exit status 0, or "No value found" and 1.
func (m *Machine) rpcTool() string {
	m.t.Helper()
	c, err := cloudtest.New("vmware")
	if err != nil {
		m.t.Fatal(err)
	}
	c.Files["guestinfo.userdata"] = called("by-guestinfo")
	delete(c.Files, "guestinfo.userdata.encoding")
	var b strings.Builder
	b.WriteString("#!/bin/sh\ncase \"$1\" in\n")
	for key, value := range c.Files {
		fmt.Fprintf(&b, "'info-get %s') cat <<'END'\n%s\nEND\n;;\n", key, value)
	}
	b.WriteString("*) echo 'No value found' >&2; exit 1 ;;\nesac\n")
	return b.String()
}

// ovfEnvironment is what VMware puts onto the disc of a machine that was made of a
// cloud image.
func ovfEnvironment(name, id string) string {
	property := func(key, value string) string { return fmt.Sprintf("<Property oe:key=%q oe:value=%q/>\n", key, value) }
	return `<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1" oe:id="">
<PlatformSection><Kind>VMware ESXi</Kind><Version>7.0.3</Version><Vendor>VMware, Inc.</Vendor><Locale>en</Locale></PlatformSection>
<PropertySection>
` + property("instance-id", id) + property("hostname", name) + property("public-keys", annsKey) + `</PropertySection>
</Environment>
`
}

// proxmoxFiles are those of the disc that Proxmox makes of a machine's settings.
func proxmoxFiles(mac string) map[string]string {
	return map[string]string{
		"user-data": `#cloud-config
hostname: vm101
manage_etc_hosts: true
fqdn: vm101.example.com
user: ann
password: $6$saltsalt$HfeviBNibc39P.j99EQ2ScMBuD/3lsQef.szDCNE50SLFpePPrAliNHHxwgg9UCreyTRnoyAst.T169yJ8GSy.
ssh_authorized_keys:
  - ` + annsKey + `
chpasswd:
  expire: False
users:
  - default
package_upgrade: true
`,
		"meta-data": "instance-id: 0c2bd1e5bb2a1a9c8b9f6f1e4ad8d5e3b6f0a1c2\n",
		"network-config": `version: 1
config:
    - type: physical
      name: eth0
      mac_address: '` + mac + `'
      subnets:
      - type: dhcp4
    - type: nameserver
      address:
      - '10.99.0.1'
      search:
      - 'example.com'
`,
	}
}

// TestTheKernelCommandLineNamesTheSource boots one machine with an address on its
// kernel command line, with a NoCloud seed there, and with Proxmox's disc.
func TestTheKernelCommandLineNamesTheSource(t *testing.T) {
	seed := t.TempDir()
	m := NewMachine(t, NS, "a boot may name where the user-data is").Flags("--seed", seed)
	served := files{
		"/config": called("cmdline"), "/seed/user-data": called("seeded"),
		"/seed/meta-data": "instance-id: unused\nlocal-hostname: unused\npublic-keys: ['" + annsKey + "']\n",
	}
	m.bootsWith("cloud-config-url="+pinned(cloud+"/config", called("cmdline")), served)
	m.Until("cmdline is used", time.Minute, m.isSaidBy("cmdline", ""))
	m.Until("what it says is applied", 20*time.Second, m.shell("hostname", "cmdline"))

	m.Must("stop", m.name)
	m.bootsWith("ds=nocloud;s="+cloud+"/seed/;i=iid-cmdline-1;h=unused", served)
	m.Until("nocloud is used", time.Minute, m.isSaidBy("nocloud", "iid-cmdline-1"))
	m.Until("what it says is applied", 20*time.Second, m.shell("hostname; cat ~rancher/.ssh/authorized_keys", "seeded", annsKey))

	mac := m.Sh("cat /sys/class/net/eth0/address")
	m.Must("stop", m.name)
	putFiles(t, seed, proxmoxFiles(mac))
	m.bootsWith("quiet", nil)
	m.Until("Proxmox's disc is used", time.Minute, m.isSaidBy("nocloud", "0c2bd1e5bb2a1a9c8b9f6f1e4ad8d5e3b6f0a1c2"))
	m.Until("what it says is applied", 20*time.Second,
		m.shell("hostname -f; id ann; cat ~ann/.ssh/authorized_keys /etc/resolv.conf; ip -br address show dev eth0", "vm101.example.com", "docker", annsKey, "example.com", "10.99.0."))
}

// bootsWith boots the machine with words on its kernel command line, and has a
// server answer at a cloud's address.
func (m *Machine) bootsWith(words string, served files) {
	m.t.Helper()
	if r := m.boot("--append", words); r.Code != 0 {
		m.t.Fatalf("the machine is not ready: exit status %d\n%s", r.Code, r.Stderr)
	}
	if served != nil {
		m.metadata("169.254.169.254").says(served)
	}
}

// TestWhatTheFirmwareSays boots a virtual machine that is VMware's, by its firmware
// and by the disc in its drive, and whose serial number names a NoCloud seed; until
// that is there no more.
func TestWhatTheFirmwareSays(t *testing.T) {
	m := NewMachine(t, VM, "a machine is asked only what its firmware says, and the firmware may name the source")
	dir := t.TempDir()
	key, disc := filepath.Join(dir, "id"), filepath.Join(dir, "ovf.iso")
	public := m.keyPair(key)
	putFiles(t, dir, map[string]string{"ovf/ovf-env.xml": strings.ReplaceAll(ovfEnvironment("by-ovf", "iid-ovf-1"), annsKey, public)})
	m.onHost("genisoimage", "-quiet", "-o", disc, "-J", "-r", "-V", "OVF ENV", filepath.Join(dir, "ovf"))
	seed := &metadata{cloud: files{
		"/42/meta-data": "instance-id: iid-serial-1\npublic-keys: ['" + public + "']\n", "/42/user-data": called("by-serial"),
	}}
	server := httptest.NewServer(seed)
	defer server.Close()
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	m.Flags("--key", key, "--disk", "2G", "--append", "rancher.cloud_init.allow_http=true", "--seed", disc, "--smbios", "type=3,serial=42",
		"--smbios", "type=1,manufacturer=VMware,, Inc.,product=VMware7,,1,serial=ds=nocloud;s=http://10.0.2.2:"+port+"/__dmi.chassis-serial-number__/",
	).Start()
	m.Until("nocloud is used", time.Minute, m.isSaidBy("nocloud", "iid-serial-1"))
	m.Until("what it says is applied", time.Minute, m.shell("hostname; cat ~rancher/.ssh/authorized_keys", "by-serial", public))
	c, err := m.cloudInit()
	if err != nil || !strings.Contains(c.told(), "ec2: this is VMware, Inc. VMware7,1") || !strings.Contains(c.told(), "vmware: nocloud answered") {
		t.Errorf("why others were not used: %v %s", err, c.told())
	}

	seed.says(http.NotFoundHandler())
	m.Ros("config", "set", "rancher.cloud_init.datasources", "[vmware]")
	m.Until("vmware is used", time.Minute, m.isSaidBy("vmware", "iid-ovf-1"))
	m.Until("what it says is applied", time.Minute, m.shell("hostname; cat ~rancher/.ssh/authorized_keys", "by-ovf", public))
}
