//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

// TestAPasswordOfTheCloud has CloudStack's virtual router give a machine its password,
// and another one after a reset; in between somebody chooses one of his own.
func TestAPasswordOfTheCloud(t *testing.T) {
	const first, own, second = "fir5t-Password", "my-0wn-Password", "s3cond-Password"
	m := NewMachine(t, NS, "a password that the cloud gives is set once, and kept by nobody").Flags("--seed", t.TempDir(),
		"--append", "rancher.cloud_init.allow_http=true rancher.cloud_init.datasources=[cloudstack:http://"+router+"]").Start()
	cloud, err := cloudtest.New("cloudstack")
	if err != nil {
		t.Fatal(err)
	}
	passwords := &cloudtest.PasswordServer{}
	passwords.Reset(first)
	m.metadata(router, router+":8080").says(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Host, ":8080") {
			passwords.ServeHTTP(w, r)
			return
		}
		cloud.ServeHTTP(w, r)
	}))
	m.Until("the first password is that of the machine", time.Minute, m.hasPassword(first))
	m.Until("it may be used over SSH", time.Minute, m.shell("cat /run/ros/sshd_config", "PasswordAuthentication yes"))
	m.Until("the cloud is told", 20*time.Second, func() error {
		if told := passwords.Told(); told != 1 {
			return fmt.Errorf("it was told %d times", told)
		}
		return nil
	})
	m.Eventually("converged", time.Minute, converged)
	if got := m.filesWith(first); got != "" {
		t.Errorf("the password is in %s", got)
	}

	m.Sh("echo rancher:" + own + " | chpasswd")
	m.Until("what is chosen is kept", 20*time.Second, func() error {
		hash := m.Sh("sed -n 's/^rancher:\\([^:]*\\):.*/\\1/p' /etc/shadow")
		if !strings.Contains(m.filesWith(hash), "/cloud-init/i-2-34-VM/done/chpasswd") {
			return fmt.Errorf("%s is not kept", hash)
		}
		return nil
	})
	m.Must("reboot", m.name)
	m.Until("it is that of the next boot, too", time.Minute, m.hasPassword(own))

	passwords.Reset(second)
	m.Must("reboot", m.name)
	m.Until("after a reset it is another", time.Minute, m.hasPassword(second))
	if c, err := m.cloudInit(); err != nil || c.Status == "failed" {
		t.Errorf("%+v, %v", c, err)
	}
}

// hasPassword says whether the password of rancher is that one.
func (m *Machine) hasPassword(text string) func() error {
	return func() error {
		hash := m.Sh("sed -n 's/^rancher:\\([^:]*\\):.*/\\1/p' /etc/shadow")
		if !crypt.Matches(hash, text) {
			return fmt.Errorf("shadow has %q", hash)
		}
		return nil
	}
}

// filesWith are the files that the machine has written and that have a text in them.
func (m *Machine) filesWith(text string) string {
	m.t.Helper()
	r := m.rosmachine(text, "exec", m.name, "--in", "init", "--", "sh", "-c",
		"read -r text; find /run/ros /var/lib/rancher /var/log /etc -xdev -type f -exec grep -lF -e \"$text\" {} + || true")
	if r.Code != 0 {
		m.t.Fatalf("cannot look for a text: %+v", r)
	}
	return strings.TrimSpace(r.Stdout)
}
