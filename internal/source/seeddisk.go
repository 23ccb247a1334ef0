package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ros-os/ros/cloudconfig"
)

// diskDir keeps what a NoCloud disk said that names an address for the rest.
const diskDir = SeedDir + "/disk"

const noCloud = "nocloud"

// SaveDisk keeps what the disk of the datasource called name gave, as [SaveSeed]
// does, and returns how it stands then: the machine's datasource has spoken, unless
// a NoCloud disk names an address for the rest (seedfrom), which is still to be
// asked.
func SaveDisk(root, name string, s Seed) (Record, error) {
	record := Record{State: Settled, Source: name, Disk: true}
	if name == noCloud && cloudconfig.SeedFrom(s.MetaData) != "" {
		record = Record{State: Asking}
		dir := filepath.Join(root, diskDir)
		err := mkdirs(osDisk{}, dir)
		if err == nil {
			err = writeSeed(dir, s)
		}
		if err != nil {
			return record, fmt.Errorf("cannot keep what the disk of datasource %s gave: %w", name, err)
		}
	}
	return record, SaveSeed(root, name, s)
}

// ReadDisk is what a NoCloud disk gave that names an address for the rest; found
// is false when there is none.
func ReadDisk(root string) (s Seed, found bool, err error) {
	dir := filepath.Join(root, diskDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if s, err = readSaved(dir); err != nil {
		return s, false, fmt.Errorf("cannot read what the disk said: %w", err)
	}
	return s, len(s.MetaData) > 0, nil
}
