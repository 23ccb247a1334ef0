//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// mounted has mounts outside of the folders that console and User Docker share
// with the machine.
const mounted = `#cloud-config
write_files:
  - path: /opt/disk/mark
    content: hello
  - path: /local/www/index.html
    content: a page
mounts:
  - [/opt/disk, /data, none, bind]
  - [tmpfs, /srv/memory, tmpfs, "size=1m"]
`

// TestMountsAreSeenWhereverTheyAre mounts folders that no service has by default,
// and has a container depend on one of them over a boot.
func TestMountsAreSeenWhereverTheyAre(t *testing.T) {
	m := NewMachine(t, NS, "what is mounted for the configuration is seen in the console and by containers, from their first start").
		CloudConfig(mounted).Start().Load()
	m.Until("the console sees the mounts", time.Minute, m.shell("cat /data/mark; cat /proc/mounts", "hello", " /srv/memory tmpfs "))
	if got := m.Exec("docker", "run", "--rm", "-v", "/data:/seen", "-v", "/local/www:/www", "probe:1", "exists", "/seen/mark", "/www/index.html"); !strings.Contains(got, "/seen/mark") || !strings.Contains(got, "/www/index.html") {
		t.Errorf("a container sees %q", got)
	}
	if got := m.Exec("cat", "/local/www/index.html"); got != "a page" {
		t.Errorf("the console sees %q in a file that was written", got)
	}
	// Docker starts it again at a boot only if its source is there by then.
	m.Exec("docker", "run", "-d", "--restart", "always", "--name", "keeper", "--mount", "type=bind,source=/data/mark,target=/mark", "probe:1", "sleep")
	m.Must("reboot", m.name)
	if got := m.Sh("docker inspect -f '{{.State.Running}} {{.State.Error}}' keeper"); strings.TrimSpace(got) != "true" {
		t.Errorf("after a boot the container is: %s", got)
	}
	m.Exec("docker", "rm", "-f", "keeper")

	m.Ros("config", "set", "--yes", "mounts", "[[tmpfs, /srv/memory, tmpfs, 'size=1m']]")
	m.Until("what is no longer wanted is unmounted", time.Minute, func() error {
		if r := m.Try("console", "cat", "/proc/mounts"); r.Code != 0 || strings.Contains(r.Stdout, " /data ") {
			return fmt.Errorf("%s%s", r.Stderr, r.Stdout)
		}
		return nil
	})
	m.Eventually("converged", time.Minute, converged)
	m.Until("the other mount is still seen", time.Minute, m.shell("cat /proc/mounts", " /srv/memory tmpfs "))
}
