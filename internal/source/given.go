package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Password is what a cloud gave the user that default stands for to log in with. A
// cloud says it once, so that it is kept with the instance.
type Password struct {
	Hash string `json:"hash"` // as crypt(3) reads it: the text is kept nowhere
	SSH  bool   `json:"ssh"`  // also over SSH, unless the configuration says otherwise
}

// passwordFile is the part of a seed that has it.
const passwordFile = "password"

// Marshal writes it as [Seed] has it.
func (p Password) Marshal() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cannot write the password that the cloud gave: %w", err)
	}
	return append(data, '\n'), nil
}

// ParsePassword reads what [Password.Marshal] wrote.
func ParsePassword(data []byte) (p Password, err error) {
	if err = json.Unmarshal(data, &p); err == nil && p.Hash == "" {
		err = errors.New("it has no hash")
	}
	if err != nil {
		return Password{}, fmt.Errorf("cannot read the password that the cloud gave: %w", err)
	}
	return p, nil
}

// GivenPassword is the one that the machine's datasource gave; given is false when it
// gave none.
func GivenPassword(root string) (p Password, given bool, err error) {
	data, err := readBounded(filepath.Join(root, SeedDir, passwordFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, false, nil
	case err != nil:
		return p, false, fmt.Errorf("cannot read the password that the cloud gave: %w", withoutPath(err))
	}
	p, err = ParsePassword(data)
	return p, err == nil, err
}

// KeepPassword keeps, over reboots, a password that was given to the instance with
// that folder.
func KeepPassword(root, folder string, data []byte) error {
	dir := filepath.Join(root, folder, "source")
	err := mkdirs(osDisk{}, dir)
	if err == nil {
		err = WriteFile(filepath.Join(dir, passwordFile), data)
	}
	if err != nil {
		return fmt.Errorf("cannot keep the password that the cloud gave: %w", err)
	}
	return nil
}

// KeptPassword is what [KeepPassword] kept, nil when it is nothing.
func KeptPassword(root, folder string) ([]byte, error) {
	data, err := readBounded(filepath.Join(root, folder, "source", passwordFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the password that the cloud gave before: %w", withoutPath(err))
	}
	return data, nil
}
