package setting

import (
	"fmt"
	"strconv"
	"strings"
)

// account is one line of /etc/passwd.
type account struct {
	Name     string
	UID, GID int
	Home     string
}

// parseAccounts reads /etc/passwd; lines that are none are left out.
func parseAccounts(text string) []account {
	var out []account
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) < 7 || f[0] == "" {
			continue
		}
		uid, uerr := strconv.ParseUint(f[2], 10, 31)
		gid, gerr := strconv.ParseUint(f[3], 10, 31)
		if uerr != nil || gerr != nil {
			continue
		}
		out = append(out, account{Name: f[0], UID: int(uid), GID: int(gid), Home: f[5]})
	}
	return out
}

// parseGroups reads /etc/group: the number of each name.
func parseGroups(text string) map[string]int {
	groups := map[string]int{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) < 3 || f[0] == "" {
			continue
		}
		if gid, err := strconv.ParseUint(f[2], 10, 31); err == nil {
			groups[f[0]] = int(gid)
		}
	}
	return groups
}

// parseOwner reads "user", "user:group" or ":group", each a name or a number.
// A user alone brings the group of his account.
func parseOwner(owner string, accounts []account, groups map[string]int) (uid, gid int, err error) {
	user, group, hasGroup := strings.Cut(owner, ":")
	if user != "" {
		if uid, gid, err = parseUser(user, accounts); err != nil {
			return 0, 0, err
		}
	}
	if !hasGroup || group == "" {
		return uid, gid, nil
	}
	if n, ok := groups[group]; ok {
		return uid, n, nil
	}
	n, err := strconv.ParseUint(group, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("there is no group %q", group)
	}
	return uid, int(n), nil
}

func parseUser(user string, accounts []account) (uid, gid int, err error) {
	for _, a := range accounts {
		if a.Name == user {
			return a.UID, a.GID, nil
		}
	}
	n, err := strconv.ParseUint(user, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("there is no user %q", user)
	}
	for _, a := range accounts {
		if a.UID == int(n) {
			return a.UID, a.GID, nil
		}
	}
	return int(n), 0, nil
}

// shadowField is the password field of a user in /etc/shadow.
func shadowField(shadow, user string) (string, bool) {
	for line := range strings.Lines(shadow) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) > 1 && f[0] == user {
			return f[1], true
		}
	}
	return "", false
}
