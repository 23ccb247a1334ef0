package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ros-os/ros/internal/source"
)

const (
	ovfLabel = "OVF ENV"
	ovfName  = "ovf-env.xml"
	// azureTag is the chassis of every machine on Azure, whose disc has another
	// label each time, and UDF.
	azureTag = "7783-7084-3265-9085-8269-3286-77"
	maxOVF   = 1 << 20
)

// keepOVF keeps the OVF environment that VMware and Azure put into the drive of a
// machine. It is only copied: the controller, which asks the cloud for the rest,
// reads it.
func keepOVF(all []disk) error {
	device, fstype := "", ""
	if d, found := findDisk(all, "LABEL="+ovfLabel); found {
		device, fstype = d.path, d.FSType
	} else if readTrimmed("/sys/class/dmi/id/chassis_asset_tag") == azureTag && hasMedium("/dev/sr0") {
		device, fstype = "/dev/sr0", "udf"
	}
	if device == "" {
		return nil
	}
	return withSeedMounted(device, fstype, "", copyOVF)
}

func copyOVF(dir string) error {
	f, err := os.Open(filepath.Join(dir, ovfName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the OVF environment: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxOVF))
	if err == nil {
		err = os.MkdirAll(source.SeedDir, 0o700)
	}
	if err == nil {
		err = source.WriteFile(source.OVFFile, data)
	}
	if err != nil {
		return fmt.Errorf("cannot keep the OVF environment: %w", err)
	}
	return nil
}
