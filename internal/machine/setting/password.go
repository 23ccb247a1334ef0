package setting

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/machine/account"
	"github.com/ros-os/ros/internal/source"
)

// password is the password that a user should have.
type password struct {
	text   string // the hash when it is one
	hash   bool
	random bool // one is made by chance
	expire bool // another must be chosen at the next login
	given  bool // by the cloud, which says it once
	path   []string
}

// plainOrHash is a password of a key that takes both.
func plainOrHash(text string, path ...string) password {
	return password{text: text, hash: crypt.IsHash(text) || text == account.NoPassword, path: path}
}

// wantedPasswords are the passwords of the configuration, by user; what stands
// further down ranks higher. The one that the cloud gave is below all of them.
func (p *pass) wantedPasswords() map[string]password {
	want := map[string]password{}
	if given, ok := p.givenPassword(); ok {
		want[defaultName(p.cfg)] = password{text: given.Hash, hash: true, given: true, path: []string{"password"}}
	}
	for i, u := range p.cfg.Users {
		if pw, ok := userPassword(u, "users", strconv.Itoa(i)); ok {
			want[realName(p.cfg, u.Name)] = pw
		}
	}
	if p.cfg.User != nil {
		if pw, ok := userPassword(*p.cfg.User, "user"); ok {
			want[defaultName(p.cfg)] = pw
		}
	}
	if text := p.cfg.Password; text != "" {
		want[defaultName(p.cfg)] = plainOrHash(text, "password")
	}
	expire := p.cfg.Chpasswd.Expire == nil || *p.cfg.Chpasswd.Expire
	for name, pw := range chpasswdPasswords(p.cfg.Chpasswd, expire) {
		want[realName(p.cfg, name)] = pw
	}
	if text := p.cfg.Rancher.Password; text != "" && !slices.Contains(p.cfg.Rancher.Disable, "password") {
		want[defaultUser] = plainOrHash(text, "rancher", "password")
	}
	return want
}

// givenPassword is the one that the cloud gave to the user that default stands for.
func (p *pass) givenPassword() (source.Password, bool) {
	given, ok, err := source.GivenPassword(p.m.root)
	p.fail(err, "password")
	return given, ok
}

// userPassword is the password of one entry of users; lock_passwd, which holds
// unless it is said not to, takes it away.
func userPassword(u cloudconfig.User, path ...string) (password, bool) {
	if u.LockPasswd == nil || *u.LockPasswd {
		return password{}, false
	}
	switch {
	case u.HashedPasswd != "":
		return password{text: u.HashedPasswd, hash: true, path: append(path, "hashed_passwd")}, true
	case u.PlainTextPasswd != "":
		return password{text: u.PlainTextPasswd, path: append(path, "plain_text_passwd")}, true
	case u.Passwd != "":
		return password{text: u.Passwd, hash: true, path: append(path, "passwd")}, true
	}
	return password{}, false
}

func chpasswdPasswords(c cloudconfig.Chpasswd, expire bool) map[string]password {
	want := map[string]password{}
	for i, item := range c.List {
		for line := range strings.Lines(item) {
			name, text, ok := strings.Cut(strings.TrimSpace(line), ":")
			if !ok {
				continue
			}
			pw := plainOrHash(text, "chpasswd", "list", strconv.Itoa(i))
			if text == "R" || text == "RANDOM" {
				pw.random = true
			}
			pw.expire = expire
			want[name] = pw
		}
	}
	for i, u := range c.Users {
		want[u.Name] = password{
			text: u.Password, hash: u.Type == "" || u.Type == "hash", random: u.Type == "RANDOM", expire: expire,
			path: []string{"chpasswd", "users", strconv.Itoa(i)},
		}
	}
	return want
}

// setPasswords sets the passwords of the configuration, and takes back those that
// it has no more. A password that somebody changed by hand meanwhile stays.
func (p *pass) setPasswords(db *account.Database) {
	want := p.wantedPasswords()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		p.fail(p.setPassword(db, name, want[name]), want[name].path...)
	}
	for _, name := range slices.Sorted(maps.Keys(p.state.Passwords)) {
		if _, ok := want[name]; ok {
			continue
		}
		if now, _ := db.Password(name); now == p.state.Passwords[name] {
			p.note("take the password of " + name + " back")
			p.fail(db.SetPassword(name, account.NoPassword, today()))
		}
		delete(p.state.Passwords, name)
		p.state.Once = slices.DeleteFunc(p.state.Once, func(n string) bool { return n == name })
	}
}

func (p *pass) setPassword(db *account.Database, name string, want password) error {
	last, set := p.state.Passwords[name]
	if _, ok := db.Password(name); !ok {
		return fmt.Errorf("cannot set the password: there is no user %s", name)
	}
	switch {
	case strings.ContainsAny(want.text, "\n\r\x00"):
		return errors.New("cannot set the password: it has more than one line")
	case want.hash && strings.ContainsAny(want.text, ":"):
		return errors.New("cannot set the password: it is no hash, it has a colon")
	case want.once():
		return p.setOnce(db, name, want)
	case set && want.hash && last == want.text, set && !want.hash && crypt.Matches(last, want.text):
		return nil
	}
	if now, _ := db.Password(name); want.hash && now == want.text {
		p.state.Passwords[name] = want.text
		return nil
	}
	return p.changePassword(db, name, want)
}

func (p *pass) changePassword(db *account.Database, name string, want password) error {
	p.note("set the password of " + name)
	if p.dry {
		return nil
	}
	hash, text := want.text, want.text
	if want.random {
		text = rand.Text()[:20]
	}
	if want.random || !want.hash {
		var err error
		if hash, err = crypt.Hash(text); err != nil {
			return err
		}
	}
	if want.once() {
		if err := p.m.keepPassword(name, keptPassword{Asked: hash, Random: want.random, Hash: hash, Expired: want.expire}); err != nil {
			return err
		}
	}
	if err := p.putPassword(db, name, hash, want.expire); err != nil {
		return err
	}
	p.state.Once = slices.DeleteFunc(p.state.Once, func(n string) bool { return n == name })
	if want.once() {
		p.state.Once = append(p.state.Once, name)
	}
	if want.random {
		return p.m.logOutput(fmt.Sprintf("the password of %s is %s\n", name, text))
	}
	return nil
}

// putPassword puts a hash into shadow, and remembers that it did.
func (p *pass) putPassword(db *account.Database, name, hash string, expired bool) error {
	day := today()
	if expired {
		day = 0
	}
	if err := db.SetPassword(name, hash, day); err != nil {
		return err
	}
	p.state.Passwords[name] = hash
	return nil
}

// today is the day as shadow counts it.
func today() int { return int(time.Now().Unix() / (24 * 60 * 60)) }
