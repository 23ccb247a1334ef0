package setting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	passwordUser = "rancher"
	// passwordFile remembers the hash that was set, so that it can be taken
	// back, and only it: a password that the user set by himself stays.
	passwordFile = "/run/ros/password"
	// noPassword lets nobody in by password, but does not lock the account, so
	// that keys still do.
	noPassword = "*"
)

// password is what was set last: a hash cannot be compared with the text that
// it was made of without making it again.
type password struct {
	text, hash string
}

// setPassword sets the password of rancher, and takes it back when the
// configuration has none any more.
func (p *pass) setPassword(ctx context.Context) {
	text := p.cfg.Rancher.Password
	if slices.Contains(p.cfg.Rancher.Disable, "password") {
		text = ""
	}
	shadow, err := p.m.read("/etc/shadow")
	if err != nil {
		p.fail(err, "rancher", "password")
		return
	}
	hash, ok := shadowField(shadow, passwordUser)
	switch {
	case text == "":
		p.fail(p.m.takePasswordBack(ctx, hash), "rancher", "password")
	case !ok:
		p.fail(fmt.Errorf("cannot set the password: there is no user %s", passwordUser), "rancher", "password")
	case strings.ContainsAny(text, "\n\r\x00"):
		p.fail(errors.New("cannot set the password: it has more than one line"), "rancher", "password")
	case isHash(text) && text == hash, p.m.password == password{text: text, hash: hash}:
	default:
		p.fail(p.m.changePassword(ctx, text), "rancher", "password")
	}
}

// changePassword lets chpasswd do it: it knows the locks of /etc/shadow.
func (m *Machine) changePassword(ctx context.Context, text string) error {
	argv := []string{"chpasswd", "-c", "SHA512"}
	if isHash(text) || text == noPassword {
		argv = []string{"chpasswd", "-e"}
	}
	if err := m.kernel.run(ctx, passwordUser+":"+text+"\n", argv...); err != nil {
		return fmt.Errorf("cannot set the password: %w", err)
	}
	shadow, err := m.read("/etc/shadow")
	if err != nil {
		return err
	}
	hash, _ := shadowField(shadow, passwordUser)
	m.password = password{text: text, hash: hash}
	return m.writeSecret(passwordFile, []byte(hash))
}

func (m *Machine) takePasswordBack(ctx context.Context, hash string) error {
	ours, err := m.read(passwordFile)
	if err != nil || ours == "" {
		return err
	}
	if ours == hash {
		if err := m.changePassword(ctx, noPassword); err != nil {
			return err
		}
	}
	if err := os.Remove(m.path(passwordFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot forget the old password: %w", err)
	}
	return nil
}

// isHash says whether a password is written as crypt(3) makes it: $id$…$….
func isHash(text string) bool {
	return strings.HasPrefix(text, "$") && strings.Count(text, "$") >= 3 && !strings.ContainsAny(text, ": \t")
}
