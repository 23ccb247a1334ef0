package osimage

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Modules knows a kernel's modules and what each of them needs, as depmod
// wrote it into modules.dep.
type Modules struct {
	needs  map[string][]string // path → all paths it needs, depmod's order
	byName map[string]string   // name with underscores → path
}

// ParseModules reads the content of modules.dep.
func ParseModules(dep []byte) (Modules, error) {
	m := Modules{needs: map[string][]string{}, byName: map[string]string{}}
	lines := bufio.NewScanner(bytes.NewReader(dep))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		file, deps, ok := strings.Cut(lines.Text(), ":")
		if !ok || file == "" {
			return Modules{}, fmt.Errorf("cannot read modules.dep: line %d has no module", n)
		}
		m.needs[file] = strings.Fields(deps)
		m.byName[moduleName(file)] = file
	}
	if err := lines.Err(); err != nil {
		return Modules{}, fmt.Errorf("cannot read modules.dep: %w", err)
	}
	return m, nil
}

// Order returns the files to load for the named modules, each once and after
// everything it needs, and the names that this kernel has no file for: those
// are built in or do not exist.
func (m Modules) Order(names []string) (files, absent []string) {
	for _, name := range names {
		file, ok := m.byName[moduleName(name)]
		if !ok {
			absent = append(absent, name)
			continue
		}
		// depmod lists what to load first last.
		for _, dep := range slices.Backward(m.needs[file]) {
			files = appendOnce(files, dep)
		}
		files = appendOnce(files, file)
	}
	return files, absent
}

// Closure returns, sorted, the files that pick chooses and all they need.
func (m Modules) Closure(pick func(file string) bool) []string {
	var files []string
	for file, needs := range m.needs {
		if pick(file) {
			files = append(append(files, file), needs...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// moduleName turns a file or a name into the kernel's spelling of the name.
func moduleName(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// earlyModules are loaded by PID 1 from the initrd, in this order: what mounts
// the root, which lies in the initrd itself. Drivers of disks are in the root
// and loaded from there, for the hardware that is present.
var earlyModules = []string{"loop", "squashfs", "overlay"}

// keptModules are the folders and files, below the kernel's module folder,
// that a machine for containers has a use for. What they need comes with them.
var keptModules = []string{
	"kernel/arch/x86/crypto/", "kernel/crypto/", "kernel/lib/",
	"kernel/block/", "kernel/virt/",
	"kernel/drivers/acpi/button.ko", "kernel/drivers/acpi/thermal.ko",
	"kernel/drivers/ata/ahci.ko", "kernel/drivers/ata/ata_piix.ko", "kernel/drivers/ata/ata_generic.ko",
	"kernel/drivers/block/", "kernel/drivers/cdrom/", "kernel/drivers/char/",
	"kernel/drivers/firmware/", "kernel/drivers/hv/", "kernel/drivers/input/",
	"kernel/drivers/md/", "kernel/drivers/misc/vmw_", "kernel/drivers/net/",
	"kernel/drivers/nvme/host/", "kernel/drivers/ptp/", "kernel/drivers/rtc/",
	"kernel/drivers/scsi/hv_storvsc.ko", "kernel/drivers/scsi/sd_mod.ko", "kernel/drivers/scsi/sr_mod.ko",
	"kernel/drivers/scsi/sg.ko", "kernel/drivers/scsi/virtio_scsi.ko", "kernel/drivers/scsi/vmw_pvscsi.ko",
	"kernel/drivers/scsi/iscsi_tcp.ko", "kernel/drivers/scsi/scsi_transport_iscsi.ko",
	"kernel/drivers/scsi/xen-scsifront.ko", "kernel/drivers/virtio/", "kernel/drivers/vhost/",
	"kernel/drivers/watchdog/", "kernel/drivers/xen/",
	"kernel/fs/btrfs/", "kernel/fs/ext4/", "kernel/fs/fat/", "kernel/fs/fuse/", "kernel/fs/isofs/",
	"kernel/fs/nfs/", "kernel/fs/nfs_common/", "kernel/fs/lockd/", "kernel/fs/nls/", "kernel/fs/overlayfs/",
	"kernel/fs/squashfs/", "kernel/fs/udf/", "kernel/fs/xfs/",
	"kernel/fs/efivarfs/", "kernel/fs/binfmt_misc.ko", "kernel/fs/9p/",
	"kernel/net/802/", "kernel/net/8021q/", "kernel/net/9p/", "kernel/net/bridge/", "kernel/net/core/",
	"kernel/net/ipv4/", "kernel/net/ipv6/", "kernel/net/key/", "kernel/net/llc/", "kernel/net/netfilter/",
	"kernel/net/netlink/", "kernel/net/packet/", "kernel/net/sched/", "kernel/net/sunrpc/",
	"kernel/net/tls/", "kernel/net/unix/", "kernel/net/vmw_vsock/", "kernel/net/xfrm/",
}

// droppedModules are exceptions from [keptModules]: hardware that virtual
// machines do not have, and protocols that containers do not speak.
var droppedModules = []string{
	"kernel/drivers/block/drbd/", "kernel/drivers/block/aoe/", "kernel/drivers/block/rbd.ko",
	"kernel/drivers/block/rnbd/", "kernel/drivers/block/xen-blkback/", "kernel/drivers/block/null_blk/",
	"kernel/drivers/char/tpm/st33zp24/", "kernel/drivers/md/bcache/", "kernel/drivers/md/dm-vdo/",
	"kernel/drivers/md/dm-cache", "kernel/drivers/md/dm-clone.ko", "kernel/drivers/md/dm-era.ko",
	"kernel/drivers/md/dm-pcache/", "kernel/drivers/md/dm-raid.ko", "kernel/drivers/md/dm-writecache.ko",
	"kernel/drivers/md/dm-zoned.ko", "kernel/drivers/md/raid456.ko", "kernel/drivers/md/md-cluster.ko",
	"kernel/drivers/misc/vmw_vmci/", "kernel/drivers/net/bonding/bond_", "kernel/drivers/net/can/",
	"kernel/drivers/net/ethernet/chelsio/", "kernel/drivers/net/ethernet/mellanox/",
	"kernel/drivers/net/ethernet/pensando/", "kernel/drivers/net/ethernet/microsoft/", "kernel/drivers/net/ppp/",
	"kernel/drivers/net/slip/", "kernel/drivers/net/team/", "kernel/drivers/net/wireless/",
	"kernel/drivers/net/wwan/", "kernel/drivers/net/xen-netback/", "kernel/drivers/nvme/host/nvme-rdma.ko",
	"kernel/drivers/nvme/host/nvme-fc.ko", "kernel/drivers/vhost/vhost_scsi.ko", "kernel/drivers/xen/xen-scsiback.ko",
	"kernel/lib/842/", "kernel/lib/lzo/", "kernel/lib/reed_solomon/",
	"kernel/net/sunrpc/xprtrdma/", "kernel/net/vmw_vsock/vmw_vsock_vmci",
}

// keptNames are the modules of large folders that stay, by the start of their
// names; the rest of these folders goes.
var keptNames = map[string][]string{
	"kernel/fs/nls/": {"nls_cp437", "nls_ascii", "nls_iso8859-1.", "nls_utf8"},
	"kernel/net/sched/": {
		"cls_bpf", "cls_cgroup", "cls_flower", "cls_fw", "cls_matchall", "cls_u32", "act_mirred", "act_police",
		"sch_cake", "sch_fq", "sch_htb", "sch_ingress", "sch_netem", "sch_prio", "sch_sfq", "sch_tbf",
	},
}

// keepModule tells whether a module stays for its own sake.
func keepModule(file string) bool {
	has := func(prefixes []string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(file, p) })
	}
	for folder, names := range keptNames {
		if name, ok := strings.CutPrefix(file, folder); ok {
			return slices.ContainsFunc(names, func(start string) bool { return strings.HasPrefix(name, start) })
		}
	}
	return has(keptModules) && !has(droppedModules)
}
