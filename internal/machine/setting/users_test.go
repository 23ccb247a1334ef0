package setting

import (
	"os"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	keyA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKs0uJPNMEvUvTnPpGdX8GRNnV5W5pcMLEf8Bh3yR2Yz a"
	keyB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKs0uJPNMEvUvTnPpGdX8GRNnV5W5pcMLEf8Bh3yR2Yz b"
	keyU = "ssh-rsa AAAAB3NzaC1yc2E by-hand"
)

func TestKeysComeAndGoAndTheUsersStay(t *testing.T) {
	const path = "/home/rancher/.ssh/authorized_keys"
	h := newHost(t)
	h.write("/etc/skel/.bashrc", "alias ll='ls -l'\n")
	h.clean("ssh_authorized_keys: ['" + keyA + "', '" + keyB + "']")
	for p, want := range map[string]string{
		"/home/rancher": "0755 1100:1100", "/home/rancher/.ssh": "0700 1100:1100", path: "0600 1100:1100",
		"/home/docker/.ssh/authorized_keys": "0600 1101:1101", "/home/rancher/.bashrc": "0644 1100:1100",
	} {
		if got := h.attributes(p); got != want {
			t.Errorf("%s is %s, want %s", p, got, want)
		}
	}
	h.write(path, h.read(path)+keyU+"\n")

	h.clean("ssh_authorized_keys: ['" + keyB + "']")
	if got := h.read(path); strings.Contains(got, keyA) || !strings.Contains(got, keyB) || !strings.Contains(got, keyU) {
		t.Errorf("authorized_keys is\n%s", got)
	}
	h.clean("rancher: {debug: false}")
	if got := h.read(path); got != keyU+"\n" {
		t.Errorf("without keys authorized_keys is %q", got)
	}
	if got := h.read("/home/docker/.ssh/authorized_keys"); got != "" {
		t.Errorf("without keys docker has %q", got)
	}
}

func TestModesThatSshdRefusesAreMended(t *testing.T) {
	const path = "/home/rancher/.ssh/authorized_keys"
	h := newHost(t)
	h.clean("ssh_authorized_keys: ['" + keyA + "']")
	for p, mode := range map[string]os.FileMode{"/home/rancher/.ssh": 0o777, path: 0o666} {
		if err := os.Chmod(h.m.path(p), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(h.m.path(p), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	h.clean("ssh_authorized_keys: ['" + keyA + "']")
	if dir, keys := h.attributes("/home/rancher/.ssh"), h.attributes(path); dir != "0700 1100:1100" || keys != "0600 1100:1100" {
		t.Errorf(".ssh is %s and authorized_keys %s", dir, keys)
	}
}

func TestALinkInAHomeLeadsNowhere(t *testing.T) {
	h := newHost(t)
	outside := t.TempDir()
	if err := os.MkdirAll(h.m.path("/home/rancher"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, h.m.path("/home/rancher/.ssh")); err != nil {
		t.Fatal(err)
	}
	problems := h.apply("ssh_authorized_keys: ['" + keyA + "']")
	if !strings.Contains(problems, "cannot give rancher its keys") {
		t.Errorf("problems %q", problems)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside of the home are %v, %v", entries, err)
	}
	if got := h.read("/home/docker/.ssh/authorized_keys"); !strings.Contains(got, keyA) {
		t.Error("docker got no key because of rancher's link")
	}
}

func TestWhatIsNoKeyIsToldWithItsPlace(t *testing.T) {
	h := newHost(t)
	got := h.apply("ssh_authorized_keys:\n- " + keyA + "\n- not a key\n")
	if !strings.HasPrefix(got, "cloud-config.yml:4:3: warning: ssh_authorized_keys.1: ") {
		t.Errorf("problems %q", got)
	}
}

func TestAMissingUserIsTold(t *testing.T) {
	h := newHost(t)
	h.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	if got := h.apply("ssh_authorized_keys: ['" + keyA + "']"); strings.Count(got, "there is no user") != 2 {
		t.Errorf("problems %q", got)
	}
}

func TestWithKeys(t *testing.T) {
	block := func(keys ...string) string {
		return keysBegin + "\n" + strings.Join(keys, "\n") + "\n" + keysEnd + "\n"
	}
	tests := []struct {
		name, old string
		keys      []string
		want      string
	}{
		{"an empty file gets the block", "", []string{keyA}, block(keyA)},
		{"the block goes above what was there", keyU + "\n", []string{keyA}, block(keyA) + keyU + "\n"},
		{"a line without an end is kept", keyU, []string{keyA}, block(keyA) + keyU + "\n"},
		{"a block in the middle moves up", "# mine\n" + block(keyA) + keyU + "\n", []string{keyB}, block(keyB) + "# mine\n" + keyU + "\n"},
		{"several blocks become one", block(keyA) + block(keyB), []string{keyB}, block(keyB)},
		{"a block whose end is lost goes to the end", keysBegin + "\n" + keyA + "\n", nil, ""},
		{"an end without a beginning goes", keysEnd + "\n" + keyU + "\n", nil, keyU + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := withKeys(tt.old, tt.keys); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func FuzzWithKeys(f *testing.F) {
	f.Add(keyU+"\n", keyA)
	f.Add(keysBegin+"\n"+keyA+"\n"+keysEnd+"\n"+keyU, keysEnd)
	f.Add("a\r\n\x00", "x\ny\n# c")
	f.Fuzz(func(t *testing.T, old, value string) {
		keys := keyLines([]string{value})
		once := withKeys(old, keys)
		if again := withKeys(once, keys); again != once {
			t.Errorf("a second time gives\n%q\nafter\n%q", again, once)
		}
		if got, want := withKeys(once, nil), withKeys(old, nil); got != want {
			t.Errorf("taking the keys back leaves\n%q\nof\n%q", got, want)
		}
	})
}

func TestKeysOfTheDatasourceMayBeRefused(t *testing.T) {
	for text, want := range map[string]bool{"": true, "allow_public_ssh_keys: true\n": true, "allow_public_ssh_keys: false\n": false} {
		h := newHost(t)
		meta, report := cloudconfig.ParseMetaData("meta-data", "meta-data (ec2)", []byte("public-keys: ['"+keyA+"']\n"))
		user, found := cloudconfig.ParseLayer("user-data", "user-data (ec2)", []byte("ssh_authorized_keys: ['"+keyU+"']\n"+text))
		cfg, merged := cloudconfig.Merge(meta, user).Config()
		if all := append(append(report, found...), merged...); len(all) > 0 {
			t.Fatal(all)
		}
		h.m.Apply(t.Context(), cfg) // keyU does not look like a key, which is told
		got := h.read("/home/rancher/.ssh/authorized_keys")
		if strings.Contains(got, keyA) != want || !strings.Contains(got, keyU) {
			t.Errorf("with %q the keys are %q", text, got)
		}
	}
}
