package host

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// writeKey makes a key pair: path (private) and path.pub.
func writeKey(path, comment string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return fmt.Errorf("cannot write an SSH key: %w", err)
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("cannot write an SSH key: %w", err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return fmt.Errorf("cannot write an SSH key: %w", err)
	}
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))) + " " + comment + "\n"
	if err := os.WriteFile(path+".pub", []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write an SSH key: %w", err)
	}
	return nil
}
