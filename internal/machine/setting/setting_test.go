package setting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// host is a machine below a folder of the test.
type host struct {
	t        *testing.T
	m        *Machine
	hostname string
	mounted  map[string]string // targets with their sources
	ran      []string          // programs, with what they were told
}

const (
	testPasswd = "root:x:0:0:root:/root:/bin/sh\nrancher:x:1100:1100::/home/rancher:/bin/bash\ndocker:x:1101:1101::/home/docker:/bin/bash\n"
	testShadow = "root:*:19000:0:99999:7:::\nrancher:*:19000:0:99999:7:::\ndocker:*:19000:0:99999:7:::\n"
)

func newHost(t *testing.T) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes files of other users: it must be run as root")
	}
	h := &host{t: t, m: New(t.TempDir()), hostname: "old", mounted: map[string]string{}}
	h.m.late.quiet, h.m.late.graceful, h.m.late.network = time.Millisecond, 100*time.Millisecond, time.Millisecond
	h.m.kernel = kernel{
		has:         func(string) bool { return true },
		mount:       h.mount,
		unmount:     h.unmount,
		signal:      func(s unix.Signal) error { h.ran = append(h.ran, "signal "+s.String()); return nil },
		hostname:    func() (string, error) { return h.hostname, nil },
		setHostname: func(name string) error { h.hostname = name; h.ran = append(h.ran, "sethostname "+name); return nil },
		run:         h.run,
	}
	h.write("/etc/passwd", testPasswd)
	h.write("/etc/shadow", testShadow)
	h.write("/etc/group", "root:x:0:\ndocker:x:1101:\n")
	return h
}

// run stands for the programs of the machine.
func (h *host) run(_ context.Context, stdin string, argv ...string) error {
	h.ran = append(h.ran, strings.TrimSpace(strings.Join(argv, " ")+" "+stdin))
	switch argv[0] {
	case "modprobe":
		if argv[2] == "missing" {
			return errors.New("module missing not found")
		}
		return os.MkdirAll(h.m.path("/sys/module/"+strings.ReplaceAll(argv[2], "-", "_")), 0o755)
	}
	return nil
}

// mount stands for the kernel: what is mounted is in mountinfo.
func (h *host) mount(source, target, fstype string, flags uintptr, data string) error {
	if flags&unix.MS_REMOUNT == 0 {
		h.mounted[h.outside(target)] = h.outside(source)
		h.showMounts()
	}
	h.ran = append(h.ran, strings.TrimSpace(fmt.Sprintf("mount %s %s %s %#x %s", h.outside(source), h.outside(target), fstype, flags, data)))
	return nil
}

func (h *host) unmount(target string) error {
	target = h.outside(target)
	h.ran = append(h.ran, "unmount "+target)
	if h.mounted[target] == "busy" {
		return unix.EBUSY
	}
	delete(h.mounted, target)
	h.showMounts()
	return nil
}

func (h *host) showMounts() {
	var b strings.Builder
	for _, target := range slices.Sorted(maps.Keys(h.mounted)) {
		fmt.Fprintf(&b, "9 1 8:1 / %s rw - ext4 %s rw\n", target, h.mounted[target])
	}
	h.write("/proc/self/mountinfo", b.String())
}

// outside is a path as the machine sees it.
func (h *host) outside(path string) string { return strings.TrimPrefix(path, h.m.root) }

func (h *host) write(path, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.m.path(path)), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.m.path(path), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) read(path string) string {
	h.t.Helper()
	text, err := h.m.read(path)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// attributes are mode and owner of a file, as "0644 0:0".
func (h *host) attributes(path string) string {
	h.t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(h.m.path(path), &st); err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf("%04o %d:%d", st.Mode&0o7777, st.Uid, st.Gid)
}

func config(t *testing.T, text string) cloudconfig.Config {
	t.Helper()
	layer, report := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml", []byte("#cloud-config\n"+text))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	cfg, report := cloudconfig.Merge(layer).Config()
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// apply applies a configuration and returns its problems, one a line.
func (h *host) apply(text string) string {
	h.t.Helper()
	var lines []string
	for _, p := range h.m.Apply(h.t.Context(), config(h.t, text)) {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// clean applies a configuration that must not have a problem.
func (h *host) clean(text string) {
	h.t.Helper()
	if problems := h.apply(text); problems != "" {
		h.t.Fatalf("problems:\n%s", problems)
	}
}

// inodes tells a file from one that took its place.
func (h *host) inodes() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(h.m.root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		if path == h.m.path(RecordFile) || path == h.m.path("/run/ros") {
			return nil // when a module was applied is not what it made
		}
		out[path] = fmt.Sprintf("%d %d.%09d", st.Ino, st.Mtim.Sec, st.Mtim.Nsec)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

const everything = `
hostname: box.example.com
ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKs0uJPNMEvUvTnPpGdX8GRNnV5W5pcMLEf8Bh3yR2Yz me]
write_files:
- {path: /etc/app.conf, content: "a\n"}
- {path: /var/log/x, content: "line\n", append: true}
rancher:
  password: secret
  modules: [fine]
  sysctl: {net.ipv4.ip_forward: "1"}
  network: {http_proxy: "http://proxy:3128", interfaces: {eth0: {address: 10.0.0.2/24}}}
  ssh: {port: 2222}
`

func TestApplyingTheSameAgainChangesNothing(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n")
	h.clean(everything)
	before, ran := h.inodes(), len(h.ran)
	h.clean(everything)
	if got := h.ran[ran:]; len(got) != 0 {
		t.Errorf("programs ran again: %q", got)
	}
	for path, inode := range h.inodes() {
		if before[path] != inode {
			t.Errorf("%s was written again", path)
		}
	}
}

func TestHostname(t *testing.T) {
	tests := []struct {
		name, config, dhcp string
		hosts              string
		want, wantHosts    string
	}{
		{
			"the user's is cut at the first dot and kept whole in hosts", "hostname: box.example.com", "given",
			"127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.9 other\n", "box",
			"127.0.0.1 localhost\n127.0.1.1\tbox.example.com box\n10.0.0.9 other\n",
		},
		{
			"DHCP's comes next", "rancher: {defaults: {hostname: rancher}}", "given",
			"127.0.0.1 localhost\n", "given", "127.0.0.1 localhost\n127.0.1.1\tgiven\n",
		},
		{
			"the default comes last", "rancher: {defaults: {hostname: rancher}}", "",
			"", "rancher", "127.0.0.1\tlocalhost\n127.0.1.1\trancher\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		},
		{"no name leaves all as it is", "rancher: {debug: false}", "", "127.0.1.1 old\n", "old", "127.0.1.1 old\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.write("/etc/hosts", tt.hosts)
			h.write("/run/ros/network/status.json", fmt.Sprintf(`{"hostname": %q}`, tt.dhcp))
			before := h.inodes()[h.m.path("/etc/hosts")]
			h.clean(tt.config)
			if h.hostname != tt.want || h.read("/etc/hosts") != tt.wantHosts {
				t.Errorf("host name %q, hosts %q; want %q, %q", h.hostname, h.read("/etc/hosts"), tt.want, tt.wantHosts)
			}
			after, _, _ := strings.Cut(h.inodes()[h.m.path("/etc/hosts")], " ")
			if !strings.HasPrefix(before, after+" ") {
				t.Error("/etc/hosts was replaced by another file")
			}
		})
	}
}

func TestShortHostname(t *testing.T) {
	for full, want := range map[string]string{
		"box": "box", "box.example.com": "box", "box.": "box", strings.Repeat("a", 70): strings.Repeat("a", 63),
		strings.Repeat("a", 62) + "-b": strings.Repeat("a", 62),
		"":                             "", ".com": "", "-x": "", "a_b": "a_b", "a b": "", "bücher": "", "a.b\nc": "",
	} {
		if got, err := shortHostname(full); got != want || (err != nil) != (want == "") {
			t.Errorf("shortHostname(%q) = %q, %v; want %q", full, got, err, want)
		}
	}
}

func TestABadHostnameIsToldWithItsPlace(t *testing.T) {
	h := newHost(t)
	cfg := cloudconfig.Config{Hostname: "no good"}
	report := h.m.Apply(t.Context(), cfg)
	if len(report) != 1 || !strings.Contains(report[0].Msg, `cannot use "no good" as host name`) || report[0].Path != "hostname" {
		t.Errorf("report %v", report)
	}
	if h.hostname != "old" {
		t.Errorf("the host name became %q", h.hostname)
	}
}

func TestModulesAndSysctl(t *testing.T) {
	const text = `
rancher:
  modules: [br-netfilter, "loaded", missing, "dummy numdummies=2"]
  sysctl: {net.ipv4.ip_forward: 1, vm.swappiness: "0", net/ipv4/conf/eth0.5/rp_filter: 2, kernel.nothing: 1}
`
	h := newHost(t)
	h.write("/sys/module/loaded/x", "")
	for path, value := range map[string]string{
		"net/ipv4/ip_forward": "0", "vm/swappiness": "60", "net/ipv4/conf/eth0.5/rp_filter": "0",
	} {
		h.write("/proc/sys/"+path, value+"\n")
	}
	problems := strings.Split(h.apply(text), "\n")
	want := []string{
		"cloud-config.yml:4:37: rancher.modules.2: module missing not found",
		"rancher.sysctl.kernel.nothing: cannot set kernel.nothing: this kernel has no such setting",
	}
	for i, p := range problems {
		if i >= len(want) || !strings.HasSuffix(p, want[i]) || !strings.HasPrefix(p, "cloud-config.yml:") {
			t.Errorf("problem %d is %q, want %q", i, p, want)
		}
	}
	if got := strings.Join(h.ran, "; "); got != "modprobe -- br-netfilter; modprobe -- missing; modprobe -- dummy numdummies=2" {
		t.Errorf("ran %q", got)
	}
	for path, value := range map[string]string{"net/ipv4/ip_forward": "1", "vm/swappiness": "0", "net/ipv4/conf/eth0.5/rp_filter": "2"} {
		if got := h.read("/proc/sys/" + path); got != value+"\n" {
			t.Errorf("%s is %q, want %q", path, got, value)
		}
	}
}

func TestAKernelSettingThatIsTakenOutBecomesWhatItWas(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/vm/swappiness", "60\n")
	h.write("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
	h.write("/proc/sys/net/ipv4/ip_forward", "1\n")
	h.write("/proc/sys/net/ipv4/conf/eth9/rp_filter", "0\n")
	h.clean(`rancher: {sysctl: {vm.swappiness: "10", net.ipv4.tcp_rmem: "1 2 3", net.ipv4.ip_forward: "1", net.ipv4.conf.eth9.rp_filter: "2"}}`)
	h.clean(`rancher: {sysctl: {vm.swappiness: "20", net.ipv4.tcp_rmem: "1 2 3"}}`)
	if got := h.read("/proc/sys/vm/swappiness") + h.read("/proc/sys/net/ipv4/conf/eth9/rp_filter"); got != "20\n0\n" {
		t.Errorf("what is changed, and what is taken out: %q", got)
	}
	if err := os.RemoveAll(h.m.path("/proc/sys/net/ipv4/tcp_rmem")); err != nil { // as with an interface
		t.Fatal(err)
	}
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n") // somebody else's
	h.clean(`{}`)
	if got := h.read("/proc/sys/vm/swappiness") + h.read("/proc/sys/net/ipv4/ip_forward"); got != "60\n0\n" {
		t.Errorf("after all is taken out: %q", got)
	}
	h.write("/proc/sys/vm/swappiness", "30\n")
	h.clean(`{}`)
	if got := h.read("/proc/sys/vm/swappiness"); got != "30\n" {
		t.Errorf("what somebody else set later became %q", got)
	}
}

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":            "net/ipv4/ip_forward",
		"net/ipv4/conf/eth0.5/rp_filter": "net/ipv4/conf/eth0.5/rp_filter",
		"net.ipv4.conf.eth0/5.rp_filter": "net/ipv4/conf/eth0.5/rp_filter",
		"..":                             "", "../x": "", "": "", "net..x": "", "/etc/passwd": "", "net/../../x": "",
	} {
		if got, err := sysctlPath(key); got != want || (err != nil) != (want == "") {
			t.Errorf("sysctlPath(%q) = %q, %v; want %q", key, got, err, want)
		}
	}
}

func TestInNamespacesTheHostsKernelIsLeftAlone(t *testing.T) {
	h := newHost(t)
	h.write("/run/ros/public/namespaced", "")
	h.write("/proc/sys/vm/swappiness", "60\n")
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n")
	h.clean(`rancher: {modules: [missing], sysctl: {vm.swappiness: "0", net.ipv4.ip_forward: "1", net.core.rmem_max: "5"}}`)
	if got := h.read("/proc/sys/vm/swappiness"); got != "60\n" {
		t.Errorf("the host's swappiness became %q", got)
	}
	if got := h.read("/proc/sys/net/ipv4/ip_forward"); got != "1\n" {
		t.Errorf("ip_forward of this network is %q", got)
	}
	if len(h.ran) != 0 {
		t.Errorf("ran %q", h.ran)
	}
}

func TestProxiesComeAndGo(t *testing.T) {
	h := newHost(t)
	h.clean(`rancher: {network: {http_proxy: "http://it's:3128", no_proxy: localhost}}`)
	want := "# made by ros from rancher.network; changes are lost\n" +
		`export http_proxy='http://it'\''s:3128'` + "\n" + `export HTTP_PROXY='http://it'\''s:3128'` + "\n" +
		"export no_proxy='localhost'\nexport NO_PROXY='localhost'\n"
	if got := h.read(proxyFile); got != want {
		t.Errorf("profile is\n%s\nwant\n%s", got, want)
	}
	h.clean("rancher: {debug: false}")
	if h.m.exists(proxyFile) {
		t.Error("the profile stays without proxies")
	}
}

func TestHandedOverSettings(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n")
	h.clean(everything + "  autologin: ttyS0,tty1\n  defaults: {network: {dns: {nameservers: [9.9.9.9]}}}\n")
	golden.Equal(t, "testdata/network.json", h.read("/run/ros/network/settings.json"))
	golden.Equal(t, "testdata/console.json", h.read("/run/ros/console.json"))
	for _, path := range []string{"/run/ros/network/settings.json", "/run/ros/console.json"} {
		if got := h.attributes(path); got != "0600 0:0" {
			t.Errorf("%s is %s", path, got)
		}
	}
	h.clean("rancher: {autologin: ttyS0, disable: [autologin], ssh: {daemon: false}}")
	if got := h.read("/run/ros/console.json"); strings.Contains(got, "ttyS0") || !strings.Contains(got, `"disabled": true`) {
		t.Errorf("console.json is %s", got)
	}
	if got := h.read("/run/ros/network/settings.json"); !strings.Contains(got, "8.8.8.8") || !strings.Contains(got, `"dhcp_timeout": 10`) {
		t.Errorf("network.json is %s", got)
	}
}

func TestACancelledApplySaysSo(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if report := h.m.Apply(ctx, config(t, "hostname: box")); len(report) != 1 || h.hostname != "old" {
		t.Errorf("report %v, host name %q", report, h.hostname)
	}
}
