package console

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/ssh"
)

// keyTypes are the kinds of host keys, the one that clients should take first.
func keyTypes() []string { return []string{"ed25519", "ecdsa", "rsa"} }

// hostKey is one host key on the disk.
type hostKey struct {
	Path   string
	Public ssh.PublicKey
}

// hostKeys makes the host keys: those of the configuration, those that are there,
// and in any case an ed25519 key, which is made in no time. Once made it stays: a
// client must find the same machine again. A key that cannot be used is told in
// the error, and the others are returned all the same.
func hostKeys(dir string, configured map[string]string) ([]hostKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the host keys: %w", err)
	}
	var keys []hostKey
	errs := []error{unknownKeys(configured)}
	for _, kind := range keyTypes() {
		path := filepath.Join(dir, "ssh_host_"+kind+"_key")
		if text := configured[kind]; text != "" {
			if err := installKey(path, []byte(text)); err != nil {
				errs = append(errs, fmt.Errorf("cannot use rancher.ssh.keys.%s: %w", kind, err))
			}
		}
		public, err := readKey(path)
		if err != nil && kind == "ed25519" {
			public, err = makeKey(path)
		}
		switch {
		case err == nil:
			keys = append(keys, hostKey{Path: path, Public: public})
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("cannot use host key %s: %w", path, err))
		}
	}
	return keys, errors.Join(errs...)
}

func unknownKeys(configured map[string]string) error {
	var errs []error
	for name := range configured {
		known := slices.ContainsFunc(keyTypes(), func(kind string) bool { return name == kind || name == kind+"-pub" })
		if !known {
			errs = append(errs, fmt.Errorf("cannot use rancher.ssh.keys.%s: sshd has no such kind of key", name))
		}
	}
	return errors.Join(errs...)
}

// installKey writes a key of the configuration, unless it is there.
func installKey(path string, text []byte) error {
	text = append(bytes.TrimSpace(text), '\n')
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return writeKey(path, text, signer.PublicKey())
}

func readKey(path string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil { // sshd refuses a key that others may read
		return nil, err
	}
	return signer.PublicKey(), nil
}

func makeKey(path string) (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), writeKey(path, pem.EncodeToMemory(block), signer.PublicKey())
}

// writeKey writes both halves durably, the private one last: when it is there,
// the key is whole.
func writeKey(path string, private []byte, public ssh.PublicKey) error {
	if err := writeDurably(path+".pub", ssh.MarshalAuthorizedKey(public), 0o644); err != nil {
		return err
	}
	return writeDurably(path, private, 0o600)
}

func writeDurably(path string, data []byte, mode fs.FileMode) error {
	err := renameio.WriteFile(path, data, mode, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() { _ = dir.Close() }() // nothing was written through it
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
