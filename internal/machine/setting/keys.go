package setting

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The lines around the keys of the configuration in authorized_keys. What is
// outside of them belongs to the user.
const (
	keysBegin = "# begin of the configuration's keys: ros writes them, changes are lost"
	keysEnd   = "# end of the configuration's keys"
)

// withKeys is an authorized_keys whose block holds exactly these keys, and all
// other lines as they were. Without keys there is no block.
func withKeys(old string, keys []string) string {
	var b strings.Builder
	if len(keys) > 0 {
		b.WriteString(keysBegin + "\n")
		for _, key := range keys {
			b.WriteString(key + "\n")
		}
		b.WriteString(keysEnd + "\n")
	}
	for _, line := range outsideLines(old) {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// outsideLines are the lines that the user wrote. A block whose end is lost goes
// to the end of the file: a key that was taken back must not stay.
func outsideLines(text string) []string {
	var out []string
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch strings.TrimSpace(line) {
		case keysBegin:
			inside = true
		case keysEnd:
			inside = false
		default:
			if !inside {
				out = append(out, line)
			}
		}
	}
	return out
}

// keyLines are the keys of the configuration, one a line, each once. A value may
// hold several lines; comments and blank ones are left out.
func keyLines(values []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, value := range values {
		for _, line := range strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' || seen[line] {
				continue
			}
			seen[line] = true
			out = append(out, line)
		}
	}
	return out
}

// checkKeys tells values in which sshd would find no key. They are written all
// the same: sshd may know kinds of keys that this program does not.
func (p *pass) checkKeys() {
	for i, value := range p.cfg.SSHAuthorizedKeys {
		for _, line := range keyLines([]string{value}) {
			if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
				p.warn(fmt.Sprintf("%.20q… does not look like a public key", line), "it must begin with its type, as in ssh-ed25519 AAAA…",
					"ssh_authorized_keys", strconv.Itoa(i))
			}
		}
	}
}
