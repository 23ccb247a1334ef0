package setting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/account"
)

const (
	rootUser    = "root"
	defaultUser = "rancher"
)

// loginUsers are the users that the image has for people.
func loginUsers() []string { return []string{defaultUser, "docker"} }

// defaultName is the user that default stands for: the image's, unless user names
// another.
func defaultName(cfg cloudconfig.Config) string {
	if cfg.User == nil || cfg.User.Name == "" || cfg.User.Name == "default" {
		return defaultUser
	}
	return cfg.User.Name
}

// defaultGroups let that user do what the image's may: use Docker, and become root.
func defaultGroups() []string { return []string{"docker", "sudo"} }

// realName is the user that a name of the configuration stands for.
func realName(cfg cloudconfig.Config, name string) string {
	if name == "default" {
		return defaultName(cfg)
	}
	return name
}

// users makes the users, groups and passwords of the configuration, and gives
// the users their homes and keys. Whom the configuration made once and has no
// more is locked; his files stay.
func (p *pass) users(context.Context) {
	p.checkKeys()
	old, err := p.readAccounts()
	if err != nil {
		p.fail(err, "users")
		return
	}
	l := &ledger{
		pass: p, db: account.Parse(old), before: account.Parse(old),
		numbers: p.readNumbers(), members: map[string][]string{},
	}
	wanted := l.addAll()
	gone := l.lock(wanted)
	l.settleMembers()
	p.setPasswords(l.db)
	p.writeAccounts(old, l.db.Texts())
	p.saveNumbers(l.numbers)
	p.sudoers(l.db)
	p.giveKeys(l.db)
	for _, u := range gone {
		p.authorizeUser(u, nil, "users")
	}
}

// addAll adds the groups and users of the configuration and returns whom it
// names.
func (l *ledger) addAll() (wanted []string) {
	for _, g := range l.cfg.Groups {
		if _, err := l.group(g.Name, 0, false); err != nil {
			l.fail(err, "groups")
			continue
		}
		for _, user := range g.Members {
			l.join(g.Name, realName(l.cfg, user))
		}
	}
	for i, u := range l.entries() {
		at := l.entryPath(i)
		if plainEntry(u) && slices.Contains(loginUsers(), u.Name) {
			continue
		}
		wanted = append(wanted, u.Name)
		if err := l.add(u, at...); err != nil {
			l.fail(err, at...)
		}
	}
	return wanted
}

// plainEntry says that an entry asks for nothing but that there is such a user.
func plainEntry(u cloudconfig.User) bool {
	return u.Gecos == "" && u.Shell == "" && u.Homedir == "" && u.PrimaryGroup == "" && len(u.Groups) == 0 && u.ExpireDate == ""
}

// entries are the user that default stands for, as user says, and users, with
// default under its real name.
func (p *pass) entries() []cloudconfig.User {
	var out []cloudconfig.User
	if p.cfg.User != nil {
		u := *p.cfg.User
		if u.Name = defaultName(p.cfg); u.Name != rootUser && u.Name != defaultUser && len(u.Groups) == 0 {
			u.Groups = defaultGroups()
		}
		out = append(out, u)
	}
	for _, u := range p.cfg.Users {
		u.Name = realName(p.cfg, u.Name)
		out = append(out, u)
	}
	return out
}

// entryPath is where one of the entries is in the configuration.
func (p *pass) entryPath(i int) []string {
	if p.cfg.User != nil {
		if i == 0 {
			return []string{"user"}
		}
		i--
	}
	return []string{"users", strconv.Itoa(i)}
}

// giveKeys gives each user of the configuration, and those of the image, his
// home and exactly his keys.
func (p *pass) giveKeys(db *account.Database) {
	top := append(p.topKeys(), p.imported(p.cfg.SSHImportID)...)
	for _, name := range loginUsers() {
		u, ok := db.User(name)
		if !ok {
			if len(keyLines(top)) > 0 {
				p.warn(fmt.Sprintf("there is no user %s: it gets no keys", name), "", sshKeys)
			}
			continue
		}
		p.home(u, sshKeys)
		p.authorizeUser(u, append(slices.Clone(top), p.keysOf(name)...), sshKeys)
	}
	if root, ok := db.User(rootUser); ok {
		keys := p.keysOf(rootUser)
		if rootMayLogIn(p.cfg) {
			keys = append(slices.Clone(top), keys...)
		}
		p.authorizeUser(root, keys, sshKeys)
	}
	p.giveOthersKeys(db, top)
}

// giveOthersKeys is the same for whom the image does not have; top are the keys of
// the user that default stands for.
func (p *pass) giveOthersKeys(db *account.Database, top []string) {
	for i, u := range p.entries() {
		a, ok := db.User(u.Name)
		if !ok || u.Name == rootUser || slices.Contains(loginUsers(), u.Name) {
			continue
		}
		at := p.entryPath(i)
		if u.System || u.NoCreateHome {
			if len(u.SSHAuthorizedKeys)+len(u.SSHImportID) > 0 && !p.m.exists(a.Home) {
				p.warn(fmt.Sprintf("%s has no home: he gets no keys", u.Name), "", append(at, sshKeys)...)
			}
			continue
		}
		p.home(a, at...)
		keys := p.keysOf(u.Name)
		if u.Name == defaultName(p.cfg) {
			keys = append(slices.Clone(top), keys...)
		}
		p.authorizeUser(a, keys, append(at, sshKeys)...)
	}
}

const sshKeys = "ssh_authorized_keys"

// topKeys are ssh_authorized_keys, without the datasource's own where they are not
// wanted.
func (p *pass) topKeys() []string {
	var keys []string
	for i, key := range p.cfg.SSHAuthorizedKeys {
		if !ofMetaData(p.cfg.Pos(sshKeys, strconv.Itoa(i))) || !isFalse(p.cfg.AllowPublicSSHKeys) {
			keys = append(keys, key)
		}
	}
	return keys
}

// keysOf are the keys that all entries of a user give him.
func (p *pass) keysOf(name string) []string {
	var keys []string
	for _, u := range p.entries() {
		if u.Name == name && !u.SSHRedirectUser {
			keys = append(append(keys, u.SSHAuthorizedKeys...), p.imported(u.SSHImportID)...)
		}
	}
	return keys
}

// home makes a user's home, unless it is there. One in /home becomes his; any other
// folder stays whose it is: it may be /etc.
func (p *pass) home(u account.User, at ...string) {
	var st unix.Stat_t
	err := unix.Lstat(p.m.path(u.Home), &st)
	switch {
	case err == nil && int(st.Uid) == u.UID && int(st.Gid) == u.GID:
		return
	case err == nil && !strings.HasPrefix(path.Clean(u.Home), "/home/"):
		if int(st.Uid) != u.UID {
			p.warn(fmt.Sprintf("%s, the home of %s, is another's, and stays so", u.Home, u.Name), "", append(at, "homedir")...)
		}
		return
	}
	p.do("make the home of "+u.Name, at, func() error {
		if err := p.m.makeHome(u); err != nil {
			return fmt.Errorf("cannot make the home of %s: %w", u.Name, err)
		}
		return nil
	})
}

// authorizeUser gives a user exactly these keys of the configuration.
func (p *pass) authorizeUser(u account.User, values []string, path ...string) {
	keys := keyLines(values)
	if same, err := p.m.authorized(u, keys); err == nil && same {
		return
	}
	if !p.m.exists(u.Home) && (len(keys) == 0 || p.dry) {
		return
	}
	p.do(fmt.Sprintf("set the keys of %s (%d)", u.Name, len(keys)), path, func() error {
		if err := p.m.authorize(u, keys); err != nil {
			return fmt.Errorf("cannot give %s its keys: %w", u.Name, err)
		}
		return nil
	})
}

// makeHome makes a user's home with what /etc/skel has, unless it is there.
func (m *Machine) makeHome(a account.User) error {
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
func ownFolder(dir string, a account.User) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return err
	}
	if int(st.Uid) == a.UID && int(st.Gid) == a.GID {
		return nil
	}
	return os.Lchown(dir, a.UID, a.GID)
}

func (m *Machine) copySkeleton(a account.User) error {
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

// authorized says whether a user's keys are as they should be already.
func (m *Machine) authorized(a account.User, keys []string) (bool, error) {
	home, err := os.OpenRoot(m.path(a.Home))
	if err != nil {
		return false, err
	}
	defer func() { _ = home.Close() }() // a folder
	old, err := home.ReadFile(authorizedKeys)
	if errors.Is(err, fs.ErrNotExist) || len(old) == 0 && len(keys) == 0 {
		return len(keys) == 0, nil
	}
	if err != nil || withKeys(string(old), keys) != string(old) {
		return false, err
	}
	dir, derr := owned(home, sshFolder, a, 0o700)
	file, ferr := owned(home, authorizedKeys, a, 0o600)
	return dir && file, errors.Join(derr, ferr)
}

// owned says whether a file has the owner and mode that sshd takes.
func owned(home *os.Root, name string, a account.User, mode fs.FileMode) (bool, error) {
	st, err := home.Stat(name)
	if err != nil {
		return false, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == a.UID && int(sys.Gid) == a.GID && st.Mode().Perm() == mode, nil
}

// authorize makes the block of keys in a user's authorized_keys hold exactly
// these. All goes through the home as a root of its own: whatever links the user
// made there, nothing outside of it is written.
func (m *Machine) authorize(a account.User, keys []string) error {
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

func makeSSHFolder(home *os.Root, a account.User) error {
	if err := home.Mkdir(sshFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return ownKeys(home, sshFolder, a, 0o700)
}

// ownKeys sets owner and mode where they differ: sshd refuses keys that others
// could have written.
func ownKeys(home *os.Root, name string, a account.User, mode fs.FileMode) error {
	if same, err := owned(home, name, a, mode); err != nil || same {
		return err
	}
	if err := home.Chown(name, a.UID, a.GID); err != nil {
		return err
	}
	return home.Chmod(name, mode)
}
