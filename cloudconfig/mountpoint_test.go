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
`))
	require.Empty(t, report)
	cfg, report := Merge(layer).Config()
	require.Empty(t, report)
	var got []string
	for _, m := range cfg.MountPoints() {
		got = append(got, fmt.Sprintf("%d %s %s %s %s %t", m.Index, m.Source, m.Key(), m.Type, strings.Join(m.Options, ","), m.Reserved()))
	}
	require.Equal(t, []string{
		"4 /dev/sde1 /dev/sde1 swap sw false",
		"5 /dev/sdf1 /dev/sdf1 swap noatime,nofail false",
		"2 /dev/sdd1 /data ext4 noatime,nofail false",
		"7 /dev/sdh1 /usr auto noatime,nofail true",
		"0 sdb1 /data/deep ext4 ro false",
	}, got)
}
