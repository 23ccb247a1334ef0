package console

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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
	Path        string
	Public      ssh.PublicKey
	Certificate string // the path of one that vouches for it, "" without
}

// instanceFile, beside the host keys, says for which instance they were made.
const instanceFile = ".instance"

// hostKeys makes the host keys: those of the configuration, those that are there,
// and in any case one of each kind that is asked for. Once made it stays: a client
// must find the same machine again. A key that cannot be used is told in the error,
// and the others are returned all the same.
func hostKeys(dir string, s SSH) ([]hostKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the host keys: %w", err)
	}
	var keys []hostKey
	errs := []error{unknownKeys(s.HostKeys), ofInstance(dir, s.Instance)}
	for _, kind := range keyTypes() {
		if !s.offers(kind) {
			continue
		}
		path := filepath.Join(dir, "ssh_host_"+kind+"_key")
		if text := s.HostKeys[kind]; text != "" {
			if err := installKey(path, []byte(text)); err != nil {
				errs = append(errs, fmt.Errorf("cannot use rancher.ssh.keys.%s: %w", kind, err))
			}
		}
		public, err := readKey(path)
		if err != nil && s.makes(kind) {
			public, err = makeKey(path, kind)
		}
		switch {
		case err == nil:
			certificate, err := installCertificate(path, s.HostKeys[kind+"-cert"], public)
			if err != nil {
				errs = append(errs, fmt.Errorf("cannot use the certificate of host key %s: %w", path, err))
			}
			keys = append(keys, hostKey{Path: path, Public: public, Certificate: certificate})
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("cannot use host key %s: %w", path, err))
		}
	}
	return keys, errors.Join(errs...)
}

// makes says whether a key of a kind is made when there is none. One of ed25519
// is made in no time.
func (s SSH) makes(kind string) bool {
	if len(s.KeyTypes) == 0 {
		return kind == "ed25519"
	}
	return slices.Contains(s.KeyTypes, kind)
}

// offers says whether a key of a kind is used when there is one.
func (s SSH) offers(kind string) bool {
	return len(s.KeyTypes) == 0 || s.makes(kind) || s.HostKeys[kind] != ""
}

// ofInstance removes keys that were made for another instance. Keys of which that
// is not known, such as RancherOS's, are taken for this one's.
func ofInstance(dir, instance string) error {
	if instance == "" {
		return nil
	}
	path := filepath.Join(dir, instanceFile)
	was, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot tell whose the host keys are: %w", err)
	}
	if string(was) == instance+"\n" {
		return nil
	}
	if err == nil {
		for _, kind := range keyTypes() {
			key := filepath.Join(dir, "ssh_host_"+kind+"_key")
			if err := errors.Join(removeFile(key), removeFile(key+".pub"), removeFile(key+certificateEnd)); err != nil {
				return fmt.Errorf("cannot remove the host keys of instance %s: %w", bytes.TrimSpace(was), err)
			}
		}
	}
	return writeDurably(path, []byte(instance+"\n"), 0o600)
}

func unknownKeys(configured map[string]string) error {
	var errs []error
	for name := range configured {
		known := slices.ContainsFunc(keyTypes(), func(kind string) bool { return name == kind || name == kind+"-pub" || name == kind+"-cert" })
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

// certificateEnd is what OpenSSH puts behind the path of a key for its certificate.
const certificateEnd = "-cert.pub"

// installCertificate writes the configuration's certificate of a key, unless it is
// there, and returns its path; without one it is removed.
func installCertificate(key, text string, public ssh.PublicKey) (path string, err error) {
	path = key + certificateEnd
	if text == "" {
		return "", removeFile(path)
	}
	parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return "", err
	}
	certificate, ok := parsed.(*ssh.Certificate)
	switch {
	case !ok || certificate.CertType != ssh.HostCert:
		return "", errors.New("it is no certificate of a host")
	case !bytes.Equal(certificate.Key.Marshal(), public.Marshal()):
		return "", errors.New("it is of another key")
	}
	data := ssh.MarshalAuthorizedKey(certificate)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return path, nil
	}
	return path, writeDurably(path, data, 0o644)
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

// rsaBits are what NIST takes for strong enough until 2030 and after.
const rsaBits = 3072

func makeKey(path, kind string) (ssh.PublicKey, error) {
	var private crypto.Signer
	var err error
	switch kind {
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case "ecdsa":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
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
