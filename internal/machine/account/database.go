package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Texts are the contents of the files.
type Texts struct {
	Passwd, Shadow, Group, Gshadow string
}

// Database is the users and groups of a machine.
type Database struct {
	passwd, shadow, group, gshadow table
}

// User is a line of passwd.
type User struct {
	Name               string
	UID, GID           int
	Gecos, Home, Shell string
}

// Group is a line of group.
type Group struct {
	Name    string
	GID     int
	Members []string
}

// table is a text by lines and fields; joined again, it is the text.
type table [][]string

// Parse reads the texts. Every text can be read.
func Parse(t Texts) *Database {
	return &Database{parse(t.Passwd), parse(t.Shadow), parse(t.Group), parse(t.Gshadow)}
}

func parse(text string) table {
	var t table
	for line := range strings.Lines(text) {
		t = append(t, strings.Split(strings.TrimSuffix(line, "\n"), ":"))
	}
	return t
}

// Texts are the texts as they are now. Each of their lines ends.
func (d *Database) Texts() Texts {
	return Texts{d.passwd.text(), d.shadow.text(), d.group.text(), d.gshadow.text()}
}

func (t table) text() string {
	var b strings.Builder
	for _, line := range t {
		b.WriteString(strings.Join(line, ":") + "\n")
	}
	return b.String()
}

// find is the first line of a name that has so many fields.
func (t table) find(name string, fields int) []string {
	i := slices.IndexFunc(t, func(f []string) bool { return f[0] == name && len(f) >= fields })
	if i < 0 || name == "" {
		return nil
	}
	return t[i]
}

const (
	passwdFields  = 7
	shadowFields  = 9
	groupFields   = 4
	gshadowFields = 4
)

// Users are all users, in the order of their lines.
func (d *Database) Users() []User {
	var out []User
	for _, f := range d.passwd {
		if u, ok := user(f); ok {
			out = append(out, u)
		}
	}
	return out
}

// User finds a user by name.
func (d *Database) User(name string) (User, bool) { return user(d.passwd.find(name, passwdFields)) }

// UserOf finds a user by number.
func (d *Database) UserOf(uid int) (User, bool) {
	users := d.Users()
	i := slices.IndexFunc(users, func(u User) bool { return u.UID == uid })
	if i < 0 {
		return User{}, false
	}
	return users[i], true
}

func user(f []string) (User, bool) {
	if len(f) < passwdFields || f[0] == "" {
		return User{}, false
	}
	uid, uerr := strconv.ParseUint(f[2], 10, 31)
	gid, gerr := strconv.ParseUint(f[3], 10, 31)
	if uerr != nil || gerr != nil {
		return User{}, false
	}
	return User{Name: f[0], UID: int(uid), GID: int(gid), Gecos: f[4], Home: f[5], Shell: f[6]}, true
}

// Groups are all groups, in the order of their lines.
func (d *Database) Groups() []Group {
	var out []Group
	for _, f := range d.group {
		if g, ok := group(f); ok {
			out = append(out, g)
		}
	}
	return out
}

// Group finds a group by name.
func (d *Database) Group(name string) (Group, bool) { return group(d.group.find(name, 3)) }

func group(f []string) (Group, bool) {
	if len(f) < 3 || f[0] == "" {
		return Group{}, false
	}
	gid, err := strconv.ParseUint(f[2], 10, 31)
	if err != nil {
		return Group{}, false
	}
	g := Group{Name: f[0], GID: int(gid)}
	if len(f) > 3 {
		g.Members = members(f[3])
	}
	return g, true
}

func members(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// Password is the password field of a user: a hash, or what lets nobody in.
func (d *Database) Password(name string) (string, bool) {
	f := d.shadow.find(name, 2)
	if f == nil {
		return "", false
	}
	return f[1], true
}

// MustChange says whether a user has to choose another password at the next login.
func (d *Database) MustChange(name string) bool {
	f := d.shadow.find(name, 3)
	return f != nil && f[2] == "0"
}

// Owner reads "user", "user:group" or ":group", each a name or a number. A user
// alone brings the group of his account.
func (d *Database) Owner(owner string) (uid, gid int, err error) {
	name, groupName, hasGroup := strings.Cut(owner, ":")
	if name != "" {
		if uid, gid, err = d.ownerUser(name); err != nil {
			return 0, 0, err
		}
	}
	if !hasGroup || groupName == "" {
		return uid, gid, nil
	}
	if g, ok := d.Group(groupName); ok {
		return uid, g.GID, nil
	}
	n, err := strconv.ParseUint(groupName, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("there is no group %q", groupName)
	}
	return uid, int(n), nil
}

func (d *Database) ownerUser(name string) (uid, gid int, err error) {
	if u, ok := d.User(name); ok {
		return u.UID, u.GID, nil
	}
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("there is no user %q", name)
	}
	if u, ok := d.UserOf(int(n)); ok {
		return u.UID, u.GID, nil
	}
	return int(n), 0, nil
}
