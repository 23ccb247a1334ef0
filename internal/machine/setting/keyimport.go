package setting

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/ros-os/ros/cloudconfig"
)

// keyImport is an account elsewhere whose public keys a user is given.
type keyImport struct {
	id   string // "gh:ann"
	path []string
}

// imports are all that the configuration names.
func (p *pass) imports() []keyImport {
	all := importsAt(p.cfg.SSHImportID, "ssh_import_id")
	for i, u := range p.cfg.Users {
		all = append(all, importsAt(u.SSHImportID, "users", strconv.Itoa(i), "ssh_import_id")...)
	}
	if p.cfg.User != nil {
		all = append(all, importsAt(p.cfg.User.SSHImportID, "user", "ssh_import_id")...)
	}
	return all
}

func importsAt(ids cloudconfig.Texts, path ...string) []keyImport {
	var all []keyImport
	for i, id := range ids {
		all = append(all, keyImport{id: id, path: append(path[:len(path):len(path)], strconv.Itoa(i))})
	}
	return all
}

// keyAddress is where the keys of an account are. One without a kind is of
// Launchpad, as with ssh-import-id.
func keyAddress(id string) (string, error) {
	kind, account, found := strings.Cut(id, ":")
	if !found {
		kind, account = "lp", id
	}
	account = url.PathEscape(account)
	switch kind {
	case "gh", "github":
		return "https://github.com/" + account + ".keys", nil
	case "lp":
		return "https://launchpad.net/~" + account + "/+sshkeys", nil
	}
	return "", fmt.Errorf("cannot import the keys of %q: only gh: (GitHub) and lp: (Launchpad) are known", id)
}

// importedKeys are the keys of an account, each as one line that says where it
// came from. Options in front of a key are for the machine to give, and left out.
func importedKeys(data []byte, id string) ([]string, error) {
	var keys []string
	for line := range strings.Lines(string(data)) {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			continue // a remark, or a kind of key that is not known
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))+" "+id)
	}
	if len(keys) == 0 {
		return nil, errors.New(id + " has no public keys")
	}
	return keys, nil
}

// imported are the keys of accounts as they were fetched last. Those that never
// were come later.
func (p *pass) imported(ids cloudconfig.Texts) []string {
	var keys []string
	for _, id := range ids {
		address, err := keyAddress(id)
		if err != nil {
			continue // told by whoever fetches
		}
		data, ok := p.m.fetched(fetch{address: address})
		if !ok {
			continue
		}
		of, err := importedKeys(data, id)
		if err != nil {
			continue // it was checked before it was kept
		}
		keys = append(keys, of...)
	}
	return keys
}
