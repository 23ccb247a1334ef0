package cloudconfig

// DiskConfig are cloud-init's keys for disks, file systems and swap. A device
// that holds anything is never touched unless overwrite says so.
type DiskConfig struct {
	// Grow partitions to the size of their disks. The state partition, which / stands
	// for here, grows unless mode says otherwise.
	//
	//	growpart: {mode: auto, devices: [/]}
	Growpart Growpart `yaml:"growpart" from:"cloud-init"`
	// Grow file systems to the size of the partitions that growpart names, which is
	// always done in the background.
	ResizeRootfs string `yaml:"resize_rootfs" enum:"true|false|noblock" default:"true" from:"cloud-init"`
	// Short names for disks. NAME.1 is the first partition of one.
	//
	//	device_aliases: {data: /dev/sdb}
	DeviceAliases map[string]string `yaml:"device_aliases" format:"path" from:"cloud-init"`
	// Partition tables to make, by disk or alias.
	//
	//	disk_setup:
	//	  /dev/sdb: {table_type: gpt, layout: [50, [50, 82]], overwrite: false}
	DiskSetup map[string]DiskSetup `yaml:"disk_setup" from:"cloud-init"`
	// File systems to make.
	//
	//	fs_setup:
	//	  - {label: data, filesystem: ext4, device: /dev/sdb1, overwrite: false}
	FSSetup []FSSetup `yaml:"fs_setup" from:"cloud-init"`
	// What fills up entries of mounts that have fewer than six fields.
	//
	//	mount_default_fields: [null, null, auto, "defaults,nofail", "0", "2"]
	MountDefaultFields MountDefaults `yaml:"mount_default_fields" from:"cloud-init"`
	// A swap file to make.
	//
	//	swap: {filename: /var/swap, size: 1G}
	Swap Swap `yaml:"swap" from:"cloud-init"`
}

// Growpart grows partitions.
type Growpart struct {
	// How to grow them; off does nothing.
	Mode string `yaml:"mode" enum:"auto|growpart|gpart|off|false" default:"auto"`
	// Partitions, by device or by folder.
	Devices []string `yaml:"devices" format:"path" default:"[/]"`
	// Grow them even when /etc/growroot-disabled exists.
	IgnoreGrowrootDisabled bool `yaml:"ignore_growroot_disabled" default:"false"`
}

// DiskSetup is the partition table of one disk.
type DiskSetup struct {
	// Kind of the table.
	TableType string `yaml:"table_type" enum:"mbr|gpt" default:"mbr"`
	// One partition for the whole disk (true), none (false), the table taken away
	// (remove), or a list of sizes in percent, each perhaps with a type.
	Layout Layout `yaml:"layout" default:"false"`
	// Replace a table or a file system that is there.
	Overwrite bool `yaml:"overwrite" default:"false"`
}

// FSSetup is a file system to make.
type FSSetup struct {
	// Its label.
	Label string `yaml:"label"`
	// Its type, such as ext4.
	Filesystem string `yaml:"filesystem"`
	// The disk, partition or alias.
	Device string `yaml:"device"`
	// Number of the partition, or auto, any or none.
	Partition string `yaml:"partition" format:"partition"`
	// Replace a file system that is there.
	Overwrite bool `yaml:"overwrite" default:"false"`
	// A type of file system that may be replaced.
	ReplaceFS string `yaml:"replace_fs"`
	// Further arguments of the program that makes it.
	ExtraOpts Texts `yaml:"extra_opts"`
	// The command to make it with, in place of the usual one.
	Cmd Texts `yaml:"cmd"`
}

// Swap is a swap file.
type Swap struct {
	// Path of the file. One that would be in memory, such as /swapfile, is made in /var.
	Filename string `yaml:"filename" format:"file"`
	// Its size: a number with B, K, M, G or T, or auto.
	Size string `yaml:"size" format:"size"`
	// The most that auto may take.
	MaxSize string `yaml:"maxsize" format:"size"`
}
