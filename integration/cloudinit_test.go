//go:build integration

package integration

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

const annsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann"

// The same machine, as one user-data and as several parts of one.
const (
	whoAndWhat = `#cloud-config
hostname: web1
users:
  - name: ann
    groups: [docker]
    ssh_authorized_keys: ["` + annsKey + `"]
write_files:
  - path: /etc/motto
    permissions: "0640"
    content: |
      all the same
`
	andThen = `runcmd:
  - [sh, -c, "echo once >> /var/lib/once"]
rancher:
  services:
    web:
      image: ros/base:1
      command: sleep infinity
      init: true
      volumes: ["/usr:/usr:ro"]
      labels: {io.rancher.os.scope: system}
`
	asOne   = whoAndWhat + andThen
	asParts = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==part=="

--==part==
Content-Type: text/cloud-config; charset="us-ascii"

` + whoAndWhat + `
--==part==
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
` + andThen + `
--==part==--
`
)

// inEC2 is a cloud of EC2's kind that has this machine.
func inEC2(id, userData string) *cloudtest.Cloud {
	c := cloudtest.Empty("ec2")
	c.Files = map[string]string{
		"latest/meta-data/instance-id":               id,
		"latest/meta-data/local-hostname":            "web1.internal",
		"latest/meta-data/public-keys/":              "0=key",
		"latest/meta-data/public-keys/0/openssh-key": annsKey,
		"latest/user-data":                           userData,
	}
	return c
}

// openStackFiles are the documents of OpenStack for this machine.
func openStackFiles(id, userData string) map[string]string {
	return map[string]string{
		"openstack/latest/meta_data.json": fmt.Sprintf(`{"uuid": %q, "hostname": "web1.internal", "public_keys": {"key": %q}}`, id, annsKey),
		"openstack/latest/user_data":      userData,
	}
}

// TestOneUserDataThroughEveryWay gives a machine the same user-data through a
// cloud, a cloud of another kind, a disk, and as several parts.
func TestOneUserDataThroughEveryWay(t *testing.T) {
	seed := t.TempDir()
	m := NewMachine(t, NS, "what a machine becomes depends on what it is told, not on the way").Flags("--seed", seed,
		"--append", `rancher.cloud_init.datasources=["ec2:http://169.254.169.254","openstack:http://169.254.169.254"]`).Start()
	m.Eventually("nobody waits for a datasource", time.Minute, ready(defaults()...))
	if c, err := m.cloudInit(); err != nil || c.Status != "running" {
		t.Errorf("while nobody answers: %+v, %v", c, err)
	}
	service := m.metadata("169.254.169.254")
	service.says(inEC2("i-1", asOne))
	m.became("ec2:http://169.254.169.254", "i-1", 1) // late, and without a reboot
	want := m.Ros("config", "export")
	t.Logf("through ec2: ros config export has %d bytes, SHA-256 %x", len(want), sha256.Sum256([]byte(want)))

	openStack := cloudtest.Empty("openstack")
	openStack.Files = openStackFiles("os-1", asOne)
	for i, way := range []struct {
		name, source, instance string
		prepare                func()
	}{
		{"OpenStack", "openstack:http://169.254.169.254", "os-1", func() { service.says(openStack) }},
		{"parts", "ec2:http://169.254.169.254", "i-2", func() { service.says(inEC2("i-2", asParts)) }},
		{"a config drive", "configdrive", "os-2", func() { putFiles(t, seed, openStackFiles("os-2", asOne)) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			m := m.In(t)
			way.prepare()
			m.Must("reboot", m.name)
			m.became(way.source, way.instance, i+2)
			got := m.Ros("config", "export")
			t.Logf("through %s: %d bytes, SHA-256 %x", way.name, len(got), sha256.Sum256([]byte(got)))
			if got != want {
				t.Errorf("the configuration is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// became waits until the machine is what its user-data says, by a datasource. What
// is done once was done that often, once for each instance.
func (m *Machine) became(source, instance string, times int) {
	m.t.Helper()
	m.Until("the datasource is "+source, time.Minute, func() error {
		c, err := m.cloudInit()
		if err == nil && (c.Status != "done" || c.Source != source || c.Instance != instance) {
			err = fmt.Errorf("%+v", c)
		}
		return err
	})
	m.Eventually("it is applied", time.Minute, converged)
	if got := m.Sh("hostname; stat -c %a /etc/motto; cat /etc/motto; id -nG ann; grep ssh- ~ann/.ssh/authorized_keys"); got != "web1\n640\nall the same\nann docker\n"+annsKey {
		m.t.Errorf("the machine is %q", got)
	}
	if got := strings.Fields(m.Sh("cat /var/lib/once")); len(got) != times {
		m.t.Errorf("what is done once was done %d times, want %d", len(got), times)
	}
	if err := ready("web")(m.Status()); err != nil {
		m.t.Error(err)
	}
}

func putFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestEveryCloudAtItsAddress asks the metadata service of each cloud as its vendor
// documents it, on one machine that becomes a machine of each cloud in turn.
func TestEveryCloudAtItsAddress(t *testing.T) {
	const linkLocal, aliyun, azuresHost = "169.254.169.254", "100.100.100.200", "168.63.129.16"
	m := NewMachine(t, NS, "a machine understands every cloud").Flags("--seed", t.TempDir(),
		"--append", "rancher.cloud_init.allow_http=true rancher.cloud_init.timeout=10").Start()
	service, wire := m.metadata(linkLocal, aliyun, azuresHost, router), &cloudtest.WireServer{}
	before := m.containers()
	for _, at := range []struct {
		cloud, address, hostname, key, also string
		words                               []string
	}{
		{cloud: "aliyun", address: aliyun, hostname: "iZbp1iznz5ubb8", key: "skp-bp1test"},
		{cloud: "azure", address: linkLocal, hostname: "examplevmname", key: "AAAAB3imds"},
		{cloud: "cloudstack", address: router, hostname: "vm34", key: "AAAAB3NzaC1yc2E cloud"},
		{cloud: "digitalocean", address: linkLocal, hostname: "sample-droplet", key: "sammy@digitalocean.com"},
		{cloud: "ec2", address: linkLocal, hostname: "web1", key: "my-public-key", also: "cat /etc/address", words: []string{"10.251.50.12"}},
		{cloud: "exoscale", address: linkLocal, hostname: "VM-36fa9c70", key: "AAAAB3NzaC1yc2E exo"},
		{cloud: "gce", address: linkLocal, hostname: "gce1", key: "ann@example.com"},
		{cloud: "hetzner", address: linkLocal, hostname: "hetzner", key: "test@workstation"},
		{cloud: "openstack", address: linkLocal, hostname: "test", key: "AAAAos me", also: "date -d @0 +%Z", words: []string{"CET"}},
		{cloud: "vultr", address: linkLocal, hostname: "CLOUDINIT-1", key: "test@example"},
	} {
		t.Run(at.cloud, func(t *testing.T) {
			m := m.In(t)
			cloud, err := cloudtest.New(at.cloud)
			if err != nil {
				t.Fatal(err)
			}
			service.says(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host == azuresHost {
					wire.ServeHTTP(w, r)
					return
				}
				cloud.ServeHTTP(w, r)
			}))
			asked := at.cloud + ":http://" + at.address
			m.Ros("config", "set", "rancher.cloud_init.datasources", "["+asked+"]")
			m.Until("it is asked", 20*time.Second, func() error {
				c, err := m.cloudInit()
				if err == nil && (c.Source != asked || c.Status == "running") {
					err = fmt.Errorf("%+v", c)
				}
				return err
			})
			m.Until("what it says is applied", 20*time.Second,
				m.shell("hostname; cat ~rancher/.ssh/authorized_keys; "+at.also, append(at.words, at.hostname, at.key)...))
			m.Eventually("the services are ready", time.Minute, ready(defaults()...))
			m.Unchanged(before)
		})
	}
	if !wire.Ready() {
		t.Error("Azure was not told that the machine is ready")
	}
}

// TestADiskThatNamesAnAddress gives a machine a NoCloud disk whose meta-data names
// where the rest is, at first without anybody there; then the same disk's content as
// another instance.
func TestADiskThatNamesAnAddress(t *testing.T) {
	const address = "http://169.254.169.254"
	seed := t.TempDir()
	putFiles(t, seed, map[string]string{
		"meta-data": "instance-id: i-1\nseedfrom: " + address + "/seed/\n",
		"user-data": "#cloud-config\nhostname: ofthedisk\n",
	})
	m := NewMachine(t, NS, "a disk may name an address, and files may be fetched").Flags("--seed", seed).Start()
	if got := m.Sh("hostname"); got != "ofthedisk" {
		t.Errorf("while nobody answers the host is %q", got)
	}
	m.metadata("169.254.169.254").says(files{
		"/seed/user-data": "#cloud-config\nhostname: far\nwrite_files:\n- {path: /etc/fetched, permissions: '0640', source: {uri: '" + address + "/file'}}\n",
		"/seed/meta-data": "local-hostname: unused\n",
		"/file":           "it was fetched\n",
	})
	isFar := func(m *Machine) {
		m.t.Helper()
		m.Until("what the address says is applied", 2*time.Minute,
			m.shell("hostname; stat -c %a /etc/fetched; cat /etc/fetched", "far\n640\nit was fetched"))
		m.Eventually("converged", time.Minute, converged)
	}
	isFar(m)

	hostKey := func(m *Machine) string { return m.Sh("cat /var/lib/rancher/ssh/ssh_host_ed25519_key.pub") }
	before := hostKey(m)
	m.Must("reboot", m.name)
	isFar(m)
	if got := hostKey(m); got != before {
		t.Error("the same instance has another host key after a reboot")
	}
	putFiles(t, seed, map[string]string{"meta-data": "instance-id: i-2\nseedfrom: " + address + "/seed/\n"})
	m.Must("reboot", m.name)
	isFar(m)
	m.Until("another instance has another host key", time.Minute, func() error {
		if hostKey(m) == before {
			return errors.New("it has the first one's")
		}
		return nil
	})
	m.Until("sshd has it", time.Minute, func() error {
		key := strings.Fields(hostKey(m))[1]
		r := m.host("", "nsenter", "--target", m.Listed().pid(), "--net", "--", "ssh-keyscan", "-t", "ed25519", "127.0.0.1")
		if !strings.Contains(r.Stdout, key) {
			return fmt.Errorf("sshd offers %q %s, not %s", r.Stdout, r.Stderr, key)
		}
		return nil
	})
}

// files are documents at paths.
type files map[string]string

// ServeHTTP answers with them.
func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, there := f[r.URL.Path]
	if !there {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, text) // whoever has gone asks no more
}
