package datasource

import (
	"os"
	"path/filepath"
	"strings"
)

// Platform is what the firmware says about the machine (DMI). It is how a cloud
// tells which one it is; only the hypervisor, or the maker of the board, can say it.
type Platform struct {
	Vendor     string
	Product    string
	Serial     string
	UUID       string
	BIOSVendor string
	AssetTag   string // of the chassis

	words map[string]string // all that may stand in an address, by dmidecode's names
}

// firmwareWords are what may stand in the address of a seed as __dmi.NAME__, by
// dmidecode's names, with the kernel's.
var firmwareWords = map[string]string{
	"baseboard-asset-tag": "board_asset_tag", "baseboard-manufacturer": "board_vendor", "baseboard-product-name": "board_name",
	"baseboard-serial-number": "board_serial", "baseboard-version": "board_version",
	"bios-release-date": "bios_date", "bios-vendor": "bios_vendor", "bios-version": "bios_version",
	"chassis-asset-tag": "chassis_asset_tag", "chassis-manufacturer": "chassis_vendor", "chassis-serial-number": "chassis_serial",
	"chassis-version":     "chassis_version",
	"system-manufacturer": "sys_vendor", "system-product-name": "product_name", "system-serial-number": "product_serial",
	"system-uuid": "product_uuid", "system-version": "product_version",
}

// namespaced exists on a machine in namespaces.
const namespaced = "/run/ros/public/namespaced"

// ReadPlatform reads the firmware's words below root; what is absent is empty. In
// namespaces the firmware is the host's, and says nothing about the machine.
func ReadPlatform(root string) Platform {
	if _, err := os.Stat(filepath.Join(root, namespaced)); err == nil {
		return Platform{}
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(root, "/sys/class/dmi/id", name))
		if err != nil {
			return "" // a board without DMI is in none of the clouds
		}
		return strings.TrimSpace(string(data))
	}
	words := map[string]string{}
	for name, file := range firmwareWords {
		words[name] = read(file)
	}
	return Platform{
		words:  words,
		Vendor: read("sys_vendor"), Product: read("product_name"), Serial: read("product_serial"), UUID: read("product_uuid"),
		BIOSVendor: read("bios_vendor"), AssetTag: read("chassis_asset_tag"),
	}
}

// String is what a person recognises the machine by.
func (p Platform) String() string {
	text := strings.TrimSpace(p.Vendor + " " + p.Product)
	if text == "" {
		return "a machine whose firmware says nothing"
	}
	return text
}

// azureTag is the chassis of every machine on Azure.
const azureTag = "7783-7084-3265-9085-8269-3286-77"

func (p Platform) isVMware() bool {
	return strings.HasPrefix(p.Vendor, "VMware") || strings.HasPrefix(p.Product, "VMware")
}

// isEC2 knows Nitro by its maker, and Xen by serial number and UUID, which begin
// alike; on some the UUID's first bytes are swapped.
func (p Platform) isEC2() bool {
	uuid, serial := strings.ToLower(p.UUID), strings.ToLower(p.Serial)
	xen := strings.HasPrefix(uuid, "ec2") && strings.HasPrefix(serial, "ec2")
	swapped := len(uuid) > 6 && uuid[4:6] == "2e" && strings.HasPrefix(serial, "ec2")
	return p.Vendor == "Amazon EC2" || p.BIOSVendor == "Amazon EC2" || xen || swapped
}

func (p Platform) isGCE() bool {
	return p.Product == "Google Compute Engine" || p.Product == "Google" || strings.HasPrefix(p.Serial, "GoogleCloud-")
}

func (p Platform) isAzure() bool { return p.AssetTag == azureTag }

func (p Platform) isOpenStack() bool {
	switch p.Product {
	case "OpenStack Nova", "OpenStack Compute":
		return true
	}
	switch p.AssetTag {
	case "OpenTelekomCloud", "SAP CCloud VM", "OpenStack Nova", "OpenStack Compute", "HUAWEICLOUD", "Samsung Cloud Platform":
		return true
	}
	return p.Vendor == "OpenStack Foundation"
}

func (p Platform) isDigitalOcean() bool { return p.Vendor == "DigitalOcean" }
func (p Platform) isHetzner() bool      { return p.Vendor == "Hetzner" }
func (p Platform) isVultr() bool        { return p.Vendor == "Vultr" }
func (p Platform) isExoscale() bool {
	return strings.HasPrefix(p.Product, "Exoscale") || p.Vendor == "Exoscale"
}
func (p Platform) isAliyun() bool { return p.Product == "Alibaba Cloud ECS" }

func (p Platform) isCloudStack() bool {
	return strings.HasPrefix(p.Product, "CloudStack") || p.Vendor == "Apache Software Foundation"
}
