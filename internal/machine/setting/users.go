package setting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// loginUsers are the users that the image has for people.
func loginUsers() []string { return []string{"rancher", "docker"} }

// users makes the homes, and gives the users the keys of the configuration.
func (p *pass) users(context.Context) {
	p.checkKeys()
	passwd, err := p.m.read("/etc/passwd")
	if err != nil {
		p.fail(err, "ssh_authorized_keys")
		return
	}
	accounts := map[string]account{}
	for _, a := range parseAccounts(passwd) {
		accounts[a.Name] = a
	}
	keys := keyLines(p.cfg.SSHAuthorizedKeys)
	for _, name := range loginUsers() {
		a, ok := accounts[name]
		if !ok {
			if len(keys) > 0 {
				p.warn(fmt.Sprintf("there is no user %s: it gets no keys", name), "", "ssh_authorized_keys")
			}
			continue
		}
		if err := p.m.makeHome(a); err != nil {
			p.fail(fmt.Errorf("cannot make the home of %s: %w", name, err), "ssh_authorized_keys")
			continue
		}
		if err := p.m.authorize(a, keys); err != nil {
			p.fail(fmt.Errorf("cannot give %s its keys: %w", name, err), "ssh_authorized_keys")
		}
	}
}

// makeHome makes a user's home with what /etc/skel has, unless it is there.
func (m *Machine) makeHome(a account) error {
	home := m.path(a.Home)
	if err := makeFolder(path.Dir(home)); err != nil {
		return err
	}
	err := os.Mkdir(home, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return ownFolder(home, a)
	}
	if err != nil {
		return err
	}
	if err := ownFolder(home, a); err != nil {
		return err
	}
	return m.copySkeleton(a)
}

// ownFolder gives a user his home, and not what others put below it.
func ownFolder(dir string, a account) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return err
	}
	if int(st.Uid) == a.UID && int(st.Gid) == a.GID {
		return nil
	}
	return os.Lchown(dir, a.UID, a.GID)
}

func (m *Machine) copySkeleton(a account) error {
	const skeleton = "/etc/skel"
	entries, err := os.ReadDir(m.path(skeleton))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(m.path(path.Join(skeleton, e.Name())))
		if err != nil {
			return err
		}
		err = m.writeFile(file{path: path.Join(a.Home, e.Name()), data: data, mode: 0o644, uid: a.UID, gid: a.GID})
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	sshFolder      = ".ssh"
	authorizedKeys = ".ssh/authorized_keys"
)

// authorize makes the block of keys in a user's authorized_keys hold exactly
// these. All goes through the home as a root of its own: whatever links the user
// made there, nothing outside of it is written.
func (m *Machine) authorize(a account, keys []string) error {
	home, err := os.OpenRoot(m.path(a.Home))
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }() // a folder
	old, err := home.ReadFile(authorizedKeys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(keys) == 0 && len(old) == 0 {
		return nil
	}
	if err := makeSSHFolder(home, a); err != nil {
		return err
	}
	text := withKeys(string(old), keys)
	if text == string(old) {
		return ownKeys(home, authorizedKeys, a, 0o600)
	}
	pending, err := renameio.NewPendingFile(authorizedKeys, renameio.WithRoot(home), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }() // does nothing after a success
	if _, err := pending.WriteString(text); err != nil {
		return err
	}
	if err := pending.Chown(a.UID, a.GID); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncFolder(path.Join(m.path(a.Home), sshFolder))
}

func makeSSHFolder(home *os.Root, a account) error {
	if err := home.Mkdir(sshFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return ownKeys(home, sshFolder, a, 0o700)
}

// ownKeys sets owner and mode where they differ: sshd refuses keys that others
// could have written.
func ownKeys(home *os.Root, name string, a account, mode fs.FileMode) error {
	st, err := home.Stat(name)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) == a.UID && int(sys.Gid) == a.GID && st.Mode().Perm() == mode {
		return nil
	}
	if err := home.Chown(name, a.UID, a.GID); err != nil {
		return err
	}
	return home.Chmod(name, mode)
}
