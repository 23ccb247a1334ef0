package console

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// What getty shows before, and a login after. The escapes are agetty's: kernel,
// host name, line and address.
const (
	issueTitle = "ros \\r on \\n, \\l\n"
	motd       = "`ros status` shows how this machine is, `ros --help` what can be done with it.\n"
)

// issue greets on a terminal, with what is needed to log in over the network and
// to know that it is this machine that answers.
func issue(s SSH, keys []hostKey) string {
	var b strings.Builder
	b.WriteString(issueTitle)
	if !s.Disabled {
		fmt.Fprintf(&b, "ssh -p %d %s@\\4\n", s.port(), loginUser)
		for _, key := range keys {
			fmt.Fprintf(&b, "%s %s\n", key.Public.Type(), ssh.FingerprintSHA256(key.Public))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// greet writes a text that the user may have replaced by his own: only one that
// came with the system, or that this program wrote, is changed.
func greet(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	first, _, _ := strings.Cut(text, "\n")
	ours := len(old) == 0 || strings.Contains(string(old), "Debian GNU/Linux") || strings.HasPrefix(string(old), first)
	if !ours || string(old) == text {
		return nil
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
