package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// NoPassword lets nobody in by password; keys still do.
	NoPassword = "*"
	// Locked before a hash shuts the account for keys, too: sshd looks for it.
	Locked = "!"
)

// Put adds a user, or changes what is said of one.
func (d *Database) Put(u User) error {
	for _, field := range []string{u.Name, u.Gecos, u.Home, u.Shell} {
		if strings.ContainsAny(field, ":\n\r\x00") {
			return fmt.Errorf("cannot write %q to passwd: it has a colon or more than one line", field)
		}
	}
	if !plainName(u.Name) {
		return fmt.Errorf("%q is no name of a user", u.Name)
	}
	line := d.passwd.find(u.Name, passwdFields)
	if line == nil {
		line = []string{u.Name, "x", "", "", "", "", ""}
		d.passwd = append(d.passwd, line)
	}
	line[2], line[3] = strconv.Itoa(u.UID), strconv.Itoa(u.GID)
	line[4], line[5], line[6] = u.Gecos, u.Home, u.Shell
	if d.shadow.find(u.Name, 2) == nil {
		d.shadow = append(d.shadow, []string{u.Name, NoPassword, "", "0", "99999", "7", "", "", ""})
	}
	return nil
}

// plainName keeps what would end a line, a field or a list out of names.
func plainName(name string) bool {
	return name != "" && len(name) <= 32 && !strings.ContainsAny(name, ":, \t\n\r\x00/") && name[0] != '-' && name[0] != '#'
}

// PutGroup adds a group, or gives one another number.
func (d *Database) PutGroup(name string, gid int) error {
	if !plainName(name) {
		return fmt.Errorf("%q is no name of a group", name)
	}
	line := d.group.find(name, 3)
	if line == nil {
		line = []string{name, "x", "", ""}
		d.group = append(d.group, line)
	}
	line[2] = strconv.Itoa(gid)
	if d.gshadow != nil && d.gshadow.find(name, 1) == nil {
		d.gshadow = append(d.gshadow, []string{name, "!", "", ""})
	}
	return nil
}

// SetMember puts a user into a group, or takes him out of it; false means that
// there is no such group.
func (d *Database) SetMember(groupName, name string, in bool) bool {
	line := d.group.find(groupName, groupFields)
	if line == nil {
		return false
	}
	line[3] = withMember(line[3], name, in)
	if line := d.gshadow.find(groupName, gshadowFields); line != nil {
		line[3] = withMember(line[3], name, in)
	}
	return true
}

func withMember(list, name string, in bool) string {
	all := members(list)
	if slices.Contains(all, name) == in {
		return list
	}
	if in {
		all = append(all, name)
	} else {
		all = slices.DeleteFunc(all, func(m string) bool { return m == name })
	}
	return strings.Join(all, ",")
}

// SetPassword sets the password field of a user, and the day on which that was.
func (d *Database) SetPassword(name, hash string, day int) error {
	line := d.shadow.find(name, 2)
	if line == nil {
		return fmt.Errorf("there is no user %s", name)
	}
	if strings.ContainsAny(hash, ":\n\r\x00") {
		return fmt.Errorf("the hash of %s's password has a colon or more than one line", name)
	}
	line[1] = hash
	if len(line) > 2 {
		line[2] = strconv.Itoa(day)
	}
	return nil
}

// SetExpiry sets the day on which an account ends, and the days after the
// password's end until it does; "" is never.
func (d *Database) SetExpiry(name, day, inactive string) {
	if line := d.shadow.find(name, shadowFields); line != nil {
		line[6], line[7] = inactive, day
	}
}

// Expiry is what [Database.SetExpiry] set.
func (d *Database) Expiry(name string) (day, inactive string) {
	if line := d.shadow.find(name, shadowFields); line != nil {
		return line[7], line[6]
	}
	return "", ""
}

// Numbers of people's accounts, and of those of programs. The image's own are
// below and beside them.
const (
	firstPerson, lastPerson   = 2000, 59999
	firstProgram, lastProgram = 200, 999
)

// FreeNumber is one that no user and no group has: wanted when it is free, else
// the first of its kind that is not kept for somebody who is not there.
func (d *Database) FreeNumber(wanted int, program bool, kept ...int) int {
	taken := map[int]bool{}
	for _, u := range d.Users() {
		taken[u.UID], taken[u.GID] = true, true
	}
	for _, g := range d.Groups() {
		taken[g.GID] = true
	}
	if wanted > 0 && !taken[wanted] {
		return wanted
	}
	for _, n := range kept {
		taken[n] = true
	}
	first, last := firstPerson, lastPerson
	if program {
		first, last = firstProgram, lastProgram
	}
	for n := first; n <= last; n++ {
		if !taken[n] {
			return n
		}
	}
	return last + 1 + len(taken)
}
