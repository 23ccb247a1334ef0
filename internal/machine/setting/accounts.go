package setting

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/machine/account"
)

// accountFile is one of the files of users and groups.
type accountFile struct {
	path string
	text *string
	mode uint32 // of a new one
}

func accountFiles(t *account.Texts) []accountFile {
	return []accountFile{
		{"/etc/passwd", &t.Passwd, 0o644},
		{"/etc/group", &t.Group, 0o644},
		{"/etc/shadow", &t.Shadow, 0o640},
		{"/etc/gshadow", &t.Gshadow, 0o640},
	}
}

func (p *pass) readAccounts() (account.Texts, error) {
	var t account.Texts
	var errs []error
	for _, f := range accountFiles(&t) {
		text, err := p.m.read(f.path)
		*f.text = text
		errs = append(errs, err)
	}
	return t, errors.Join(errs...)
}

// writeAccounts writes what changed, under the lock that passwd(1) takes, too;
// when somebody changed a file meanwhile, nothing is written: the next
// application goes on from there.
func (p *pass) writeAccounts(old, text account.Texts) {
	was := accountFiles(&old)
	for i, f := range accountFiles(&text) {
		if strings.TrimSuffix(*was[i].text, "\n") == strings.TrimSuffix(*f.text, "\n") || p.dry {
			continue
		}
		before, path := *was[i].text, f.path
		p.fail(p.m.locked(func() error {
			now, err := p.m.read(path)
			if err != nil {
				return err
			}
			if now != before {
				return fmt.Errorf("cannot write %s: somebody else is changing it", path)
			}
			return p.m.writeFile(p.m.likeBefore(file{path: path, data: []byte(*f.text), mode: f.mode, uid: os.Getuid(), gid: os.Getgid()}))
		}), "users")
	}
}

// likeBefore keeps owner and mode of a file that is there.
func (m *Machine) likeBefore(f file) file {
	var st unix.Stat_t
	if unix.Stat(m.path(f.path), &st) == nil {
		f.mode, f.uid, f.gid = st.Mode&0o7777, int(st.Uid), int(st.Gid)
	}
	return f
}

// locked calls f while no other program changes accounts.
func (m *Machine) locked(f func() error) (err error) {
	lock, err := os.OpenFile(m.path("/etc/.pwd.lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot lock the accounts: %w", err)
	}
	defer func() { _ = lock.Close() }() // nothing was written
	if err := unix.FcntlFlock(lock.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return fmt.Errorf("cannot lock the accounts: another program changes them: %w", err)
	}
	return f()
}

const (
	sudoersFile = "/etc/sudoers.d/ros-users"
	sudoersHead = "# made by ros from users; changes are lost\n"
)

// sudoRule is the form of a rule up to its first command: hosts, whom to become, options,
// tags. There is no visudo on this system, which would tell more.
var sudoRule = regexp.MustCompile(`^[^=]+=\s*(\([^()]*\)\s*)?([A-Z_]+=\S+\s+)*` +
	`((NO)?(PASSWD|SETENV|EXEC|FOLLOW|LOG_INPUT|LOG_OUTPUT|MAIL|INTERCEPT)\s*:\s*)*` +
	`(sha\d+\s*:.*|!*\s*([A-Z][A-Z0-9_]*\s*([,:].*)?|(list|sudoedit|/|\^).*))$`)

// sudoers gives users their rules for sudo.
func (p *pass) sudoers(db *account.Database) {
	var b strings.Builder
	for i, u := range p.entries() {
		for _, rule := range u.Sudo {
			rule = strings.TrimSpace(rule)
			if rule == "" || strings.EqualFold(rule, "false") || strings.EqualFold(rule, "null") {
				continue
			}
			if _, ok := db.User(u.Name); !ok {
				continue // that he could not be made is told already
			}
			if strings.ContainsAny(rule, "\n\r") || !strings.Contains(rule, "=") {
				p.fail(fmt.Errorf("cannot give %s the rule %q: it must be one line, such as ALL=(ALL) NOPASSWD:ALL", u.Name, rule),
					append(p.entryPath(i), "sudo")...)
				continue
			}
			if !sudoRule.MatchString(rule) {
				p.warn(fmt.Sprintf("sudo does not understand the rule %q", rule), "such as ALL=(ALL) NOPASSWD:ALL", append(p.entryPath(i), "sudo")...)
			}
			fmt.Fprintf(&b, "%s %s\n", u.Name, rule)
		}
	}
	if b.Len() == 0 {
		p.drop(sudoersFile, "users")
		return
	}
	p.put(file{path: sudoersFile, data: []byte(sudoersHead + b.String()), mode: 0o440, uid: os.Getuid(), gid: os.Getgid()}, "users")
}
