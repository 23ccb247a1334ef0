package leftover

import (
	"os"
	"path/filepath"
	"testing"
)

func TestShimsAreKnownByTheirCommandLines(t *testing.T) {
	const address = "/run/docker/containerd/containerd.sock"
	shim := func(namespace, id, address string) []string {
		return []string{"/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", id, "-address", address}
	}
	for name, c := range map[string]struct {
		command []string
		mine    bool
	}{
		"of this daemon":           {shim("moby", "1a", address), true},
		"of the other daemon":      {shim("moby", "1a", "/run/system-docker/containerd/containerd.sock"), false},
		"of a plugin":              {shim("plugins.moby", "1a", address), false},
		"an ID that is a path":     {shim("moby", "../1a", address), false},
		"no ID":                    {shim("moby", "1a", address)[:3], false},
		"another program":          {append([]string{"sh"}, shim("moby", "1a", address)[1:]...), false},
		"a thread of the kernel":   {[]string{""}, false},
		"a flag without its value": {[]string{"/usr/bin/containerd-shim-runc-v2", "-id"}, false},
	} {
		if id, mine := shimOf(c.command, address); mine != c.mine || mine && id != "1a" {
			t.Errorf("%s: %q, %t", name, id, mine)
		}
	}
}

func TestWhatDockerHasWrittenDown(t *testing.T) {
	data := t.TempDir()
	for name, c := range map[string]struct {
		text string
		runs bool
	}{
		"running":    {`{"State": {"Running": true, "Pid": 7}}`, true},
		"paused":     {`{"State": {"Paused": true}}`, true},
		"restarting": {`{"State": {"Restarting": true}}`, true},
		"created":    {`{"State": {"Running": false}}`, false},
		"unreadable": {`{"State": `, true},
	} {
		dir := filepath.Join(data, "containers", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.v2.json"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runsByDocker(data, name); got != c.runs {
			t.Errorf("%s: %t", name, got)
		}
	}
	if runsByDocker(data, "removed") {
		t.Error("a container runs that Docker has forgotten")
	}
}

func TestWhatContainerdDidNotFinishIsRemoved(t *testing.T) {
	data, exec := t.TempDir(), t.TempDir()
	for _, dir := range []string{
		exec + tasks + "/1a/rootfs", exec + tasks + "/.1a/work", data + tasks + "/.2b/x", data + tasks + "/2b",
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	Clear(data, exec)
	for _, root := range []string{data, exec} {
		left, err := filepath.Glob(root + tasks + "/.*")
		if err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
	for _, dir := range []string{exec + tasks + "/1a/rootfs", data + tasks + "/2b"} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("what containerd looks after itself is gone: %v", err)
		}
	}
}
