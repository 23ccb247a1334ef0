package setting

import (
	"context"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// slowly applies the modules of the background once, and returns their problems.
func (h *host) slowly(text string) string {
	h.t.Helper()
	h.m.late.hand(config(h.t, text))
	report, _ := h.m.slowPass(h.t.Context())
	return lines(report)
}

func lines(report cloudconfig.Report) string {
	var out []string
	for _, p := range report {
		out = append(out, p.String())
	}
	return strings.Join(out, "\n")
}

// since are the programs that ran after the first n.
func (h *host) since(n int) string { return strings.Join(h.ran[n:], "; ") }

// User Docker waits for what is mounted from this machine's disks, and for no server.
func TestMountsOfThisMachineComeBeforeThoseOfOthers(t *testing.T) {
	h := newHost(t)
	h.write("/dev/sdb1", "")
	h.m.kernel.has = func(string) bool { return true }
	var before bool
	run := h.m.kernel.run
	h.m.kernel.run = func(ctx context.Context, stdin string, argv ...string) error {
		before = before || argv[0] == "mount.nfs" && h.m.exists(source.MountedFile)
		return run(ctx, stdin, argv...)
	}
	h.write("/mnt/a/x", "")
	got := h.slowly("mounts: [[nas:/a, /mnt/a, nfs], [tmpfs, /mnt/a/b, tmpfs], [/mnt/a, /bound, none, bind], [/dev/sdb1, /data/deep, ext4]]")
	if got != "" {
		t.Fatalf("told %q", got)
	}
	at := func(text string) int { return strings.Index(h.since(0), text) }
	disk, server := at("/data/deep"), at("mount.nfs")
	if disk < 0 || server < disk || at("/mnt/a/b") < server || at("/bound") < server {
		t.Errorf("ran %q", h.ran)
	}
	if !before {
		t.Error("what the network has was mounted before it was told that the disks are")
	}
}

func TestMountsComeAndGo(t *testing.T) {
	h := newHost(t)
	h.write("/dev/sdb1", "")
	h.write("/dev/sdc1", "")
	h.write("/srv/data/x", "")
	const text = `
mounts:
- [/dev/sdb1, /mnt/data, ext4, "noatime,nofail,data=ordered"]
- [sdc1, mnt/more, xfs]
- [/srv/data, /mnt/bound, none, "bind,ro"]
- [tmpfs, /mnt/memory, tmpfs, "size=1m"]
- [ephemeral0, null]
- [/dev/sdc1, none, swap, sw]
`
	if got := h.slowly(text); got != "" {
		t.Fatalf("problems:\n%s", got)
	}
	want := []string{
		"mount /dev/sdb1 /mnt/data ext4 0x400 data=ordered", "mount /dev/sdc1 /mnt/more xfs 0x0",
		"mount /srv/data /mnt/bound  0x1001", "mount /srv/data /mnt/bound  0x1021", "mount tmpfs /mnt/memory tmpfs 0x0 size=1m",
	}
	for _, w := range want {
		if !strings.Contains(h.since(0), w) {
			t.Errorf("there is no %q in %q", w, h.ran)
		}
	}
	if !strings.Contains(h.since(0), "swapon "+h.m.path("/dev/sdc1")) {
		t.Errorf("ran %q", h.ran)
	}
	h.write("/proc/swaps", "Filename Type Size Used Priority\n/dev/sdc1 partition 1 0 -2\n")

	n := len(h.ran)
	if got := h.slowly(text); got != "" || len(h.ran) != n {
		t.Errorf("a second time: problems %q, ran %q", got, h.since(n))
	}
	if got := h.slowly(strings.Replace(text, "size=1m", "size=2m", 1)); got != "" {
		t.Errorf("problems %q", got)
	}
	if got := h.since(n); got != "unmount /mnt/memory; mount tmpfs /mnt/memory tmpfs 0x0 size=2m" {
		t.Errorf("other options ran %q", got)
	}
	n = len(h.ran)
	if got := h.slowly("mounts: [[/dev/sdb1, /mnt/data, ext4, 'noatime,nofail,data=ordered']]"); got != "" {
		t.Errorf("problems %q", got)
	}
	for _, w := range []string{"unmount /mnt/more", "unmount /mnt/bound", "unmount /mnt/memory", "swapoff " + h.m.path("/dev/sdc1")} {
		if !strings.Contains(h.since(n), w) {
			t.Errorf("there is no %q in %q", w, h.since(n))
		}
	}
	if strings.Contains(h.since(n), "/mnt/data") {
		t.Errorf("what stays was touched: %q", h.since(n))
	}
}

func TestMountsThatCannotBe(t *testing.T) {
	h := newHost(t)
	h.write("/dev/sdb1", "")
	h.m.kernel.has = func(string) bool { return false }
	h.mounted["/mnt/hers"] = "/dev/sdz"
	h.showMounts()
	got := h.slowly(`
mounts:
- [LABEL=missing, /mnt/a, ext4, defaults]
- [LABEL=late, /mnt/b]
- ["//nas/x", /mnt/c, cifs]
- [/dev/sdb1, /etc, ext4]
- [/dev/sdb1, /mnt/hers, ext4]
- [/dev/sdb1, /mnt/e, auto]
- [/dev/sdb1, /mnt/good, ext4]
`)
	for _, want := range []string{
		"cloud-config.yml:4:3: mounts.0: cannot mount LABEL=missing: it is not there",
		"warning: mounts.1: LABEL=late is not mounted",
		"mounts.2: cannot mount //nas/x: there is no mount.cifs on this system",
		"mounts.3: cannot mount /dev/sdb1 at /etc: the system itself is there",
		"mounts.4: cannot mount /dev/sdb1: /dev/sdz is mounted at /mnt/hers already",
		"mounts.5: cannot mount /dev/sdb1: it has no file system that is known",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if h.mounted["/mnt/good"] != "/dev/sdb1" || len(h.mounted) != 2 {
		t.Errorf("mounted are %v", h.mounted)
	}
}

func TestAMountInUseStaysAndIsTold(t *testing.T) {
	h := newHost(t)
	h.write("/dev/sdb1", "")
	if got := h.slowly("mounts: [[/dev/sdb1, /mnt/a, ext4]]"); got != "" {
		t.Fatal(got)
	}
	h.mounted["/mnt/a"] = "busy"
	h.showMounts()
	for range 2 {
		if got := h.slowly("rancher: {debug: false}"); !strings.Contains(got, "cannot unmount /mnt/a: device or resource busy") {
			t.Errorf("problems %q", got)
		}
	}
	h.mounted["/mnt/a"] = "/dev/sdb1"
	h.showMounts()
	if got := h.slowly("rancher: {debug: false}"); got != "" || len(h.mounted) != 0 {
		t.Errorf("problems %q, mounted %v", got, h.mounted)
	}
}

func TestParseOptions(t *testing.T) {
	tests := []struct {
		options, data string
		flags         uintptr
	}{
		{"defaults,nofail,x-systemd.automount,_netdev", "", 0},
		{"ro,noatime", "", 0x401},
		{"ro,rw", "", 0},
		{"rbind", "", 0x5000},
		{"compress=zstd,nodev", "compress=zstd", 4},
	}
	for _, tt := range tests {
		t.Run(tt.options, func(t *testing.T) {
			flags, data := parseOptions(strings.Split(tt.options, ","))
			if flags != tt.flags || data != tt.data {
				t.Errorf("got %#x %q", flags, data)
			}
		})
	}
}

func FuzzParseMountinfo(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2\\040x rw,noatime master:1 - ext3 /dev/root rw\n")
	f.Add("- - - - - - - -\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMountinfo(text) {
			if m.Number == "" || m.Target == "" {
				t.Errorf("%q gives %+v", text, m)
			}
		}
	})
}

func TestDeferredFilesComeAfterMounts(t *testing.T) {
	h := newHost(t)
	h.write("/dev/sdb1", "")
	const text = `
mounts: [[/dev/sdb1, /mnt/data, ext4]]
write_files: [{path: /mnt/data/late, content: x, defer: true}, {path: /etc/early, content: x}]
`
	h.clean(text)
	if h.m.exists("/mnt/data/late") || !h.m.exists("/etc/early") {
		t.Error("the file with defer is there, or the other one is not")
	}
	if got := h.slowly(text); got != "" || h.read("/mnt/data/late") != "x" {
		t.Errorf("problems %q, file %q", got, h.read("/mnt/data/late"))
	}
}

func TestSwapFile(t *testing.T) {
	h := newHost(t)
	const text = "swap: {filename: /var/swap, size: 1M}"
	if got := h.slowly(text); got != "" {
		t.Fatal(got)
	}
	if got := h.since(0); got != "mkswap "+h.m.path("/var/swap")+"; swapon "+h.m.path("/var/swap") {
		t.Errorf("ran %q", got)
	}
	if got := h.attributes("/var/swap"); got != "0600 0:0" || len(h.read("/var/swap")) != 1<<20 {
		t.Errorf("the file is %s, %d bytes", got, len(h.read("/var/swap")))
	}
	h.write("/proc/swaps", "/var/swap file 1 0 -2\n")
	n := len(h.ran)
	if got := h.slowly(text); got != "" || len(h.ran) != n {
		t.Errorf("a second time: %q, ran %q", got, h.since(n))
	}
	if got := h.slowly("rancher: {debug: false}"); got != "" || h.since(n) != "swapoff "+h.m.path("/var/swap") {
		t.Errorf("without it: %q, ran %q", got, h.since(n))
	}
	h.write("/proc/swaps", "")
	h.write("/var/swap", "something of hers")
	if got := h.slowly(text); !strings.Contains(got, "the file holds something else") || h.read("/var/swap") != "something of hers" {
		t.Errorf("problems %q", got)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"512M": 512 << 20, "1.5G": 3 << 29, "4096": 4096, "8K": 8192, "1T": 1 << 40} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1M", "9999999T"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d", text, got)
		}
	}
}

// A file that another one is bound over is seen again when that ends.
func TestABoundFileLeavesWhatItHides(t *testing.T) {
	h := newHost(t)
	h.write("/srv/new", "new")
	h.write("/opt/app.conf", "old")
	h.write("/opt/folder/x", "")
	if err := os.Remove(h.m.path("/opt/folder/x")); err != nil {
		t.Fatal(err)
	}
	if got := h.slowly("mounts: [[/srv/new, /opt/app.conf, none, bind], [/srv/new, /opt/folder, none, bind]]"); got != "" {
		t.Fatalf("told %q", got)
	}
	if got, err := h.m.read("/opt/app.conf"); err != nil || got != "old" {
		t.Errorf("it is %q, %v", got, err)
	}
	if st, err := os.Stat(h.m.path("/opt/folder")); err != nil || st.IsDir() {
		t.Errorf("a folder is still where the file goes: %v", err)
	}
}

// A container that has a folder of its own shared keeps what was mounted there when
// it started.
func TestAnotherMountAtTheSameFolderIsToldOf(t *testing.T) {
	h := newHost(t)
	for _, dev := range []string{"/dev/sdb1", "/dev/sdc1"} {
		h.write(dev, "")
	}
	if got := h.slowly("mounts: [[/dev/sdb1, /data, ext4], [/dev/sdb1, /mnt/data, ext4]]"); got != "" {
		t.Fatalf("told %q", got)
	}
	got := h.slowly("mounts: [[/dev/sdc1, /data, ext4], [/dev/sdc1, /mnt/data, ext4]]")
	if strings.Count(got, "restart console docker") != 1 || !strings.Contains(got, "mounts.0: ") {
		t.Errorf("told %q", got)
	}
}

// cloud-init's documentation has /swapfile, which is in memory here.
func TestASwapFileIsNotInMemory(t *testing.T) {
	const mounts = "1 0 0:1 / / rw - overlay overlay rw\n2 1 8:1 /var /var rw - ext4 /dev/sda1 rw\n3 1 0:2 / /run rw - tmpfs tmpfs rw\n"
	h := newHost(t)
	h.write("/proc/self/mountinfo", mounts)
	const text = "swap: {filename: /swapfile, size: 1M}"
	if got := h.slowly(text); !strings.Contains(got, "swap.filename: /swapfile would be in memory: the swap file is /var/swapfile") {
		t.Errorf("told %q", got)
	}
	if got := h.since(0); got != "mkswap "+h.m.path("/var/swapfile")+"; swapon "+h.m.path("/var/swapfile") {
		t.Errorf("ran %q", got)
	}
	h.write("/proc/swaps", "Filename Type Size Used Priority\n/var/swapfile file 1 0 -2\n")
	n := len(h.ran)
	h.slowly(text)
	if got := h.since(n); got != "" {
		t.Errorf("the second time %q was run", got)
	}
	h.slowly("")
	if got := h.since(n); got != "swapoff "+h.m.path("/var/swapfile") {
		t.Errorf("taken out it ran %q", got)
	}
	h.write("/proc/self/mountinfo", "1 0 0:1 / / rw - overlay overlay rw\n")
	h.write("/proc/swaps", "")
	if got := h.slowly("swap: {filename: /swap2, size: 1M}"); !strings.Contains(got, "cannot swap to /var/swap2: it would be in memory") || h.m.exists("/var/swap2") {
		t.Errorf("with all in memory is told %q", got)
	}
}

func TestWhatCannotBeMountedIsNamed(t *testing.T) {
	h := newHost(t)
	h.write("/proc/filesystems", "nodev\tsysfs\n\text4\nnodev\tbinfmt_misc\n")
	h.m.kernel.mount = func(string, string, string, uintptr, string) error { return unix.EINVAL }
	for entry, want := range map[string]string{
		"[tmpfs, /mnt/a, tmpfs, nonsense]":                           "cannot mount tmpfs at /mnt/a: invalid argument",
		"[binfmt_misc, /mnt/b, binfmt_misc]":                         "cannot mount binfmt_misc at /mnt/b: invalid argument",
		"[nothing, /mnt/c, unknownfs, defaults]":                     "cannot mount nothing: it is not there: there is no device /dev/nothing",
		"[tmpfs, /mnt/d, tmpfs, \"nobootwait,comment=cloudconfig\"]": "cannot mount tmpfs at /mnt/d",
	} {
		if got := h.slowly("mounts: [" + entry + "]"); !strings.Contains(got, want) {
			t.Errorf("of %s is told %q, want %q", entry, got, want)
		}
	}
	if flags, data := parseOptions([]string{"nobootwait", "optional", "ro"}); flags != unix.MS_RDONLY || data != "" {
		t.Errorf("words of older tables are given to the kernel: %#x %q", flags, data)
	}
}

func TestAnAliasWithAPartition(t *testing.T) {
	h := newHost(t)
	for _, dev := range []string{"sdb", "sdb1", "sdb2", "nvme0n1p3", "nvme0n1", "x.1"} {
		h.write("/dev/"+dev, "")
	}
	p := h.m.pass(config(t, "device_aliases: {data: /dev/sdb, fast: /dev/nvme0n1, x.1: /dev/x.1, /dev/one: /dev/two.1, /dev/two: /dev/one.1}"))
	for spec, want := range map[string]string{
		"data": "/dev/sdb", "data.1": "/dev/sdb1", "data.2": "/dev/sdb2", "fast.3": "/dev/nvme0n1p3", "x.1": "/dev/x.1",
		"data.0": "", "data.x": "", "other.1": "", "data.9": "", "/dev/one.1": "",
	} {
		if got, err := p.device(spec); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v, want %q", spec, got, err, want)
		}
	}
}
