package setting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/machine/account"
)

// onceName is what passwords are kept as for the instance.
const onceName = "chpasswd"

// keptPassword is a password that is set once for an instance, as it is now:
// /etc/shadow does not last.
type keptPassword struct {
	Asked   string `json:"asked"` // the hash of what the configuration says
	Random  bool   `json:"random,omitempty"`
	Hash    string `json:"hash"` // another than Asked when the user has chosen one
	Expired bool   `json:"expired,omitempty"`
}

// once says that a password is set once for an instance: one that is made by chance,
// one in whose place the user has to choose another, and one that the cloud gave.
func (w password) once() bool { return w.random || w.expire || w.given }

// isOf says whether it was made of what the configuration says now.
func (k keptPassword) isOf(want password) bool {
	switch {
	case k.Random || want.random:
		return k.Random && want.random
	case want.hash:
		return k.Asked == want.text
	}
	return crypt.Matches(k.Asked, want.text)
}

// keptPasswords are those of this instance, by user.
func (m *Machine) keptPasswords() (map[string]keptPassword, error) {
	all := map[string]keptPassword{}
	text, err := m.readOnce(onceName)
	if err != nil || text == "" {
		return all, err
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("cannot read the passwords of this instance: %w", err)
	}
	return all, nil
}

func (m *Machine) keepPassword(name string, k keptPassword) error {
	all, err := m.keptPasswords()
	if err != nil {
		all = map[string]keptPassword{} // as if there were none: this one is known
	}
	all[name] = k
	data, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = m.writeOnce(onceName, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot keep the password of %s: %w", name, err)
	}
	return nil
}

// setOnce sets a password once for an instance. At later boots it is what it was at
// the last one: the same, or what the user has chosen. It waits until it is known
// which instance this is, and is applied again then.
func (p *pass) setOnce(db *account.Database, name string, want password) error {
	all, err := p.m.keptPasswords()
	if errors.Is(err, errUnsettled) {
		return nil
	}
	kept, known := all[name]
	if err != nil || !known || !kept.isOf(want) {
		return errors.Join(err, p.changePassword(db, name, want))
	}
	now, _ := db.Password(name)
	chosen := keptPassword{Asked: kept.Asked, Random: kept.Random, Hash: now, Expired: db.MustChange(name)}
	switch {
	case now == account.NoPassword || !slices.Contains(p.state.Once, name):
		p.note("set the password of " + name)
		if p.dry {
			return nil
		}
		p.state.Once = append(slices.DeleteFunc(p.state.Once, func(n string) bool { return n == name }), name)
		return p.putPassword(db, name, kept.Hash, kept.Expired)
	case crypt.IsHash(now) && chosen != kept && !p.dry:
		return p.m.keepPassword(name, chosen)
	}
	return nil
}

// watchPasswords calls changed when a user has chosen another password in the place
// of one that is set once: [Machine.Apply] keeps it, and the next boot would be too late.
func (m *Machine) watchPasswords(ctx context.Context, changed func()) {
	seen, end := m.watch(ctx, "/etc/shadow", "who chooses a password")
	defer end()
	for {
		select {
		case <-ctx.Done():
			return
		case <-seen:
			if m.hasChosen() {
				changed()
			}
		}
	}
}

func (m *Machine) hasChosen() bool {
	all, err := m.keptPasswords()
	if err != nil || len(all) == 0 {
		return false
	}
	text, err := m.read("/etc/shadow")
	if err != nil {
		return false
	}
	db := account.Parse(account.Texts{Shadow: text})
	return slices.ContainsFunc(m.readState().Once, func(name string) bool {
		now, _ := db.Password(name)
		return crypt.IsHash(now) && (now != all[name].Hash || db.MustChange(name) != all[name].Expired)
	})
}
