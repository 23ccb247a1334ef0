//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func inputOutputAndExitStatusPassThrough(m *Machine) {
	r := m.rosmachine("in", "exec", m.name, "--", "sh", "-c", `cat; echo "it's $1" >&2; exit 7`, "sh", `a 'b' "$c" \d`)
	if r.Code != 7 || r.Stdout != "in" || r.Stderr != "it's a 'b' \"$c\" \\d\n" {
		m.t.Errorf("exec: %+v", r)
	}
	r = m.rosmachine("", "exec", m.name, "--user", "rancher", "--", "id", "-un")
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != "rancher" {
		m.t.Errorf("exec --user rancher: %+v", r)
	}
	if got := m.Exec("id", "-un"); got != "root" {
		m.t.Errorf("exec runs as %q", got)
	}
	r = m.rosmachine("", "ssh", m.name, "id -un; exit 3")
	if r.Code != 3 || strings.TrimSpace(r.Stdout) != "rancher" {
		m.t.Errorf("ssh: %+v", r)
	}
	if r := m.rosmachine("", "exec", "nosuch", "--", "true"); r.Code != 125 {
		m.t.Errorf("exec in a machine that is not there: %+v", r)
	}
}

func filesAreCopiedInAndOut(m *Machine) {
	from, to := m.t.TempDir(), m.t.TempDir()
	text := strings.Repeat("text\n", 100_000)
	if err := os.MkdirAll(filepath.Join(from, "folder/deep"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "folder/deep/file"), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.Must("cp", filepath.Join(from, "folder"), m.name+":/tmp/copied")
	m.Must("cp", m.name+":/tmp/copied", to)
	data, err := os.ReadFile(filepath.Join(to, "copied/deep/file"))
	if err != nil || string(data) != text {
		m.t.Errorf("came back: %d bytes, %v", len(data), err)
	}
	if r := m.rosmachine("", "cp", m.name+":/nosuch", to); r.Code == 0 {
		m.t.Error("a file that is not there was copied")
	}
}

// aKeyLetsInAPasswordDoesNot uses a key that only the configuration knows, and
// gives the user a password first.
func aKeyLetsInAPasswordDoesNot(m *Machine) {
	key := filepath.Join(m.t.TempDir(), "key")
	if r := m.host("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); r.Code != 0 {
		m.t.Fatal(r.Stderr)
	}
	mine := []string{"-i", key, "-o", "IdentitiesOnly=yes"}
	if r := m.SSH(mine, "true"); r.Code != 255 {
		m.t.Fatalf("a key that nobody knows: %+v", r)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		m.t.Fatal(err)
	}
	m.Ros("config", "set", "ssh_authorized_keys", "["+strings.TrimSpace(string(public))+"]")
	m.Until("the key lets in", time.Minute, func() error {
		return says(m.SSH(mine, "id", "-un"), 0, "rancher")
	})
	m.Ros("config", "set", "rancher.password", "secret")
	m.Until("the password is set", 30*time.Second, func() error {
		return says(m.Try("init", "sh", "-c", `grep -c '^rancher:\$' /etc/shadow`), 0, "1")
	})
	password := []string{"-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive"}
	r := m.SSH(password, "true")
	if r.Code != 255 || !strings.Contains(r.Stderr, "Permission denied (publickey)") {
		m.t.Errorf("a password: %+v", r)
	}
	m.Ros("config", "unset", "ssh_authorized_keys")
	m.Ros("config", "unset", "rancher.password")
}

// says is nil if a command ended so and printed that.
func says(r Result, code int, text string) error {
	if r.Code != code || strings.TrimSpace(r.Stdout) != text {
		return fmt.Errorf("exit status %d, %q %s", r.Code, r.Stdout, r.Stderr)
	}
	return nil
}
