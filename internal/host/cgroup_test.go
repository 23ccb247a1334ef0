package host

import (
	"reflect"
	"strings"
	"testing"
)

func TestHierarchiesOfAHost(t *testing.T) {
	line := func(mount, kind, options string) string {
		return "30 25 0:26 / " + mount + " rw,nosuid shared:9 - " + kind + " cgroup " + options + "\n"
	}
	unified := hierarchy{mount: "/sys/fs/cgroup", unified: true}
	for _, row := range []struct {
		name, mounts string
		want         []hierarchy
	}{
		{"v2 only", line("/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"), []hierarchy{unified}},
		{
			"hybrid",
			line("/sys/fs/cgroup", "tmpfs", "rw,mode=755") +
				line("/sys/fs/cgroup/unified", "cgroup2", "rw") +
				line("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct") +
				line("/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,release_agent=/x,name=systemd") +
				line("/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset,clone_children"),
			[]hierarchy{
				{mount: "/sys/fs/cgroup/unified", name: "unified", unified: true},
				{mount: "/sys/fs/cgroup/cpu,cpuacct", name: "cpu,cpuacct", options: []string{"cpu", "cpuacct"}},
				{mount: "/sys/fs/cgroup/systemd", name: "systemd", options: []string{"none", "name=systemd"}},
				{mount: "/sys/fs/cgroup/cpuset", name: "cpuset", options: []string{"cpuset"}},
			},
		},
		{"mounted twice", line("/sys/fs/cgroup", "cgroup2", "rw") + line("/sys/fs/cgroup", "cgroup2", "rw"), []hierarchy{unified}},
		{"mounted elsewhere", line("/mnt/cgroup", "cgroup2", "rw"), nil},
		{"damaged lines", "x\n1 2 - cgroup2\n\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parseHierarchies(strings.NewReader(row.mounts))
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, row.want)
			}
		})
	}
}

func FuzzHierarchies(f *testing.F) {
	f.Add("30 25 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseHierarchies(strings.NewReader(text))
		for _, h := range all {
			if err == nil && (!strings.HasPrefix(h.mount, cgroupRoot) || strings.HasPrefix(h.name, "/")) {
				t.Errorf("%q gives %+v", text, h)
			}
		}
	})
}
