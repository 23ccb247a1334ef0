package cloudconfig

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMountPoints(t *testing.T) {
	t.Parallel()
	layer, report := ParseLayer("cloud-config", "f", []byte(`
mount_default_fields: [null, null, ext4, "noatime,nofail", null, null]
mounts:
- [sdb1, /data/deep, null, ro]
- [/dev/sdc1, data]
- [/dev/sdd1, /data]
- [ephemeral0, null]
- [/dev/sde1, none, swap, sw]
- [/dev/sdf1, swap]
- [/dev/sdg1, /mnt/later, xfs, "noauto"]
- [/dev/sdh1, "/usr/", auto]
- [nfsd, /proc/fs/nfsd, nfsd]
- [debugfs, /sys/kernel/debug, debugfs]
- [tmpfs, "/sysroot", tmpfs]
- [tmpfs, "/a:b", tmpfs]
- [/mnt/disk/x, /srv, none, bind]
- [/dev/sdi1, /mnt/disk]
- [/mnt/disk/swap, none, swap]
`))
	require.Empty(t, report)
	cfg, report := Merge(layer).Config()
	require.Empty(t, report)
	var got []string
	for _, m := range cfg.MountPoints() {
		got = append(got, fmt.Sprintf("%d %s %s %s %s %t %t", m.Index, m.Source, m.Key(), m.Type, strings.Join(m.Options, ","), m.Reserved(), m.Sharable()))
	}
	require.Equal(t, []string{
		"4 /dev/sde1 /dev/sde1 swap sw false false",
		"5 /dev/sdf1 /dev/sdf1 swap noatime,nofail false false",
		"2 /dev/sdd1 /data ext4 noatime,nofail false true",
		"7 /dev/sdh1 /usr auto noatime,nofail true false",
		"10 tmpfs /sysroot tmpfs noatime,nofail false true",
		"11 tmpfs /a:b tmpfs noatime,nofail false false",
		"0 sdb1 /data/deep ext4 ro false true",
		"13 /dev/sdi1 /mnt/disk ext4 noatime,nofail false true",
		"14 /mnt/disk/swap /mnt/disk/swap swap noatime,nofail false false",
		"12 /mnt/disk/x /srv none bind false true",
		"8 nfsd /proc/fs/nfsd nfsd noatime,nofail false false",
		"9 debugfs /sys/kernel/debug debugfs noatime,nofail false false",
	}, got)
}

func TestSharedFolders(t *testing.T) {
	t.Parallel()
	layer, report := ParseLayer("cloud-config", "f", []byte(`
write_files:
- {path: /srv/www/index.html}
- {path: /srv/www/other}
- {path: /usr/local/bin/run}
- {path: /lib64/x}
- {path: /alone}
- {path: /proc/sys/x}
- {path: /of/ntp, container: ntp}
- {path: /of/host, container: host}
- {path: /opt/a, container: console}
users: [default, {name: ann, homedir: /local/ann}, {name: ben}]
user: {name: default, homedir: /people/rancher}
mounts:
- [/dev/vdb, /srv]
- [/dev/vdc, /data/deep]
`))
	require.Empty(t, report)
	cfg, report := Merge(layer).Config()
	require.Empty(t, report)
	require.Equal(t, []string{"/srv", "/opt", "/local", "/people", "/data/deep"}, cfg.SharedFolders())
}
