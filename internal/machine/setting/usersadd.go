package setting

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/account"
)

const (
	defaultShell = "/bin/bash"
	usersGroup   = 100 // of users without a group of their own
	// expired is the day since which nobody logs in to an account: the second of
	// all days.
	expired = "1"
)

// numbers are those that users and groups were given in earlier boots.
type numbers struct {
	Users  map[string]int `json:"users,omitempty"`
	Groups map[string]int `json:"groups,omitempty"`
	saved  string
}

func (p *pass) readNumbers() *numbers {
	n := &numbers{}
	text, err := p.m.read(numbersFile)
	if err == nil && text != "" {
		if err := json.Unmarshal([]byte(text), n); err != nil {
			n = &numbers{} // they are given anew
		}
	}
	if n.Users == nil {
		n.Users = map[string]int{}
	}
	if n.Groups == nil {
		n.Groups = map[string]int{}
	}
	n.saved = text
	return n
}

func (p *pass) saveNumbers(n *numbers) {
	if p.dry || len(n.Users)+len(n.Groups) == 0 {
		return
	}
	data, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		p.fail(fmt.Errorf("cannot keep the numbers of users: %w", err), "users")
		return
	}
	if text := string(data) + "\n"; text != n.saved {
		p.fail(p.m.writeSecret(numbersFile, []byte(text)), "users")
	}
}

// all are the numbers that nobody else is given: files on the state disk may belong
// to somebody whom the configuration names no more, or names further below.
func (n *numbers) all() []int {
	return slices.AppendSeq(slices.Collect(maps.Values(n.Users)), maps.Values(n.Groups))
}

// ledger puts the users and groups of the configuration into a database.
type ledger struct {
	*pass
	db      *account.Database
	before  *account.Database // as it was
	numbers *numbers
	members map[string][]string // that the configuration asks for, by group
}

// group makes a group, unless it is there.
func (l *ledger) group(name string, number int, program bool) (gid int, err error) {
	if g, ok := l.db.Group(name); ok {
		return g.GID, nil
	}
	if number == 0 {
		number = l.numbers.Groups[name]
	}
	gid = l.db.FreeNumber(number, program, l.numbers.all()...)
	l.note("add group " + name)
	if err := l.db.PutGroup(name, gid); err != nil {
		return 0, err
	}
	l.numbers.Groups[name] = gid
	return gid, nil
}

func (l *ledger) join(group, user string) {
	if !slices.Contains(l.members[group], user) {
		l.members[group] = append(l.members[group], user)
	}
}

// add makes a user, or changes one to what the configuration says of him.
func (l *ledger) add(u cloudconfig.User, at ...string) error {
	old, there := l.db.User(u.Name)
	want, others, err := l.unsaid(u, old, there, at...)
	if err != nil {
		return err
	}
	if err := l.primaryGroup(&want, u, others); err != nil {
		return err
	}
	say(&want.Gecos, u.Gecos)
	say(&want.Shell, u.Shell)
	say(&want.Home, u.Homedir)
	if want != old {
		l.note(map[bool]string{true: "change", false: "add"}[there] + " user " + u.Name)
	}
	if err := l.db.Put(want); err != nil {
		return err
	}
	if !slices.Contains(l.state.Users, u.Name) {
		l.state.Users = append(l.state.Users, u.Name)
		if there {
			l.state.Before[u.Name] = old
		}
	}
	if u.Shell != "" && !l.m.exists(u.Shell) {
		l.warn(fmt.Sprintf("there is no %s on this system: %s cannot log in", u.Shell, u.Name), "take "+defaultShell, append(at, "shell")...)
	}
	if err := l.expiry(u); err != nil {
		return err
	}
	return l.furtherGroups(u)
}

// unsaid is a user as he is when his entry says nothing but his name; others says
// that he was there before the configuration named him.
func (l *ledger) unsaid(u cloudconfig.User, old account.User, there bool, at ...string) (want account.User, others bool, err error) {
	was, others := l.state.Before[u.Name]
	if there && !slices.Contains(l.state.Users, u.Name) {
		was, others = old, true
	}
	if there && u.UID != nil && *u.UID != old.UID {
		l.warn(fmt.Sprintf("%s keeps the number %d: files belong to it", u.Name, old.UID), "", append(at, "uid")...)
	}
	if others {
		return was, true, nil
	}
	want = account.User{Name: u.Name, UID: old.UID, Shell: defaultShell, Home: path.Join("/home", u.Name)}
	if there {
		return want, false, nil
	}
	uid := l.numbers.Users[u.Name]
	if u.UID != nil {
		uid = *u.UID
	}
	if other, taken := l.db.UserOf(uid); u.UID != nil && taken {
		return want, false, fmt.Errorf("cannot add %s: %s has the number %d", u.Name, other.Name, uid)
	}
	if u.UID == nil {
		uid = l.db.FreeNumber(uid, u.System, l.numbers.all()...)
	}
	want.UID, l.numbers.Users[u.Name] = uid, uid
	return want, false, nil
}

func say(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func (l *ledger) primaryGroup(want *account.User, u cloudconfig.User, others bool) (err error) {
	switch {
	case u.PrimaryGroup != "":
		want.GID, err = l.group(u.PrimaryGroup, 0, u.System)
	case others:
	case u.NoUserGroup:
		want.GID = usersGroup
	default:
		want.GID, err = l.group(u.Name, want.UID, u.System)
	}
	return err
}

func (l *ledger) furtherGroups(u cloudconfig.User) error {
	for _, name := range u.Groups {
		if _, ok := l.db.Group(name); !ok {
			if u.CreateGroups != nil && !*u.CreateGroups {
				return fmt.Errorf("cannot put %s into %s: there is no such group", u.Name, name)
			}
			if _, err := l.group(name, 0, u.System); err != nil {
				return err
			}
		}
		l.join(name, u.Name)
	}
	return nil
}

// expiry sets the day on which an account ends; without one it does not, also
// when it was locked before.
func (l *ledger) expiry(u cloudconfig.User) error {
	day := ""
	if u.ExpireDate != "" {
		t, err := time.Parse(time.DateOnly, u.ExpireDate)
		if err != nil {
			return fmt.Errorf("cannot let %s end: %w", u.Name, err)
		}
		day = strconv.FormatInt(t.Unix()/(24*60*60), 10)
	}
	l.db.SetExpiry(u.Name, day, string(u.Inactive))
	if hash, _ := l.db.Password(u.Name); hash == account.Locked {
		return l.db.SetPassword(u.Name, account.NoPassword, today())
	}
	return nil
}

// settleMembers makes the memberships match: those that were made and are not
// asked for any more are taken back. What the image says is never taken back.
func (l *ledger) settleMembers() {
	for _, group := range slices.Sorted(maps.Keys(l.state.Members)) {
		for _, user := range l.state.Members[group] {
			if !slices.Contains(l.members[group], user) && l.db.SetMember(group, user, false) {
				l.note(fmt.Sprintf("take %s out of group %s", user, group))
			}
		}
	}
	made := map[string][]string{}
	for _, group := range slices.Sorted(maps.Keys(l.members)) {
		for _, user := range l.members[group] {
			if l.putInto(group, user) {
				made[group] = append(made[group], user)
			}
		}
	}
	l.state.Members = made
}

// putInto makes a user a member of a group; it says whether it is this package
// that made him one, now or before.
func (l *ledger) putInto(group, user string) bool {
	if _, known := l.db.User(user); !known {
		l.warn(fmt.Sprintf("there is no user %s: group %s does not get him", user, group), "", "groups")
		return false
	}
	if g, ok := l.db.Group(group); ok && !slices.Contains(g.Members, user) {
		l.note(fmt.Sprintf("put %s into group %s", user, group))
		l.db.SetMember(group, user, true)
	}
	return slices.Contains(l.state.Members[group], user) || !l.imageMember(group, user)
}

// imageMember says whether somebody was a member before this package put him in.
func (l *ledger) imageMember(group, user string) bool {
	g, ok := l.before.Group(group)
	return ok && slices.Contains(g.Members, user)
}

// lock shuts the accounts that the configuration made and has no more: their
// files stay, nobody logs in. Who was there before is again what he was.
func (l *ledger) lock(wanted []string) (gone []account.User) {
	for _, name := range slices.Clone(l.state.Users) {
		u, ok := l.db.User(name)
		if !ok || slices.Contains(wanted, name) {
			continue
		}
		if was, others := l.state.Before[name]; others {
			l.changeBack(u, was)
			continue
		}
		gone = append(gone, u)
		if day, _ := l.db.Expiry(name); day == expired {
			continue
		}
		l.note("lock user " + name)
		l.db.SetExpiry(name, expired, "")
		l.fail(l.db.SetPassword(name, account.Locked, today()), "users")
		delete(l.state.Passwords, name)
	}
	return gone
}

// changeBack makes somebody whom the configuration only changed what he was.
func (l *ledger) changeBack(u, was account.User) {
	if u != was {
		l.note("change user " + u.Name + " back")
		l.fail(l.db.Put(was), "users")
	}
	l.db.SetExpiry(u.Name, "", "")
	delete(l.state.Before, u.Name)
	l.state.Users = slices.DeleteFunc(l.state.Users, func(name string) bool { return name == u.Name })
}
