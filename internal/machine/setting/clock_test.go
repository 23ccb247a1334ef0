package setting

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func TestTimezone(t *testing.T) {
	h := newHost(t)
	h.write("/usr/share/zoneinfo/Europe/Berlin", "TZif2")
	h.clean("timezone: Europe/Berlin")
	before := h.inodes()[h.m.path("/etc/localtime")]
	h.clean("timezone: Europe/Berlin")
	if got, err := os.Readlink(h.m.path("/etc/localtime")); err != nil || got != "/usr/share/zoneinfo/Europe/Berlin" || h.read("/etc/timezone") != "Europe/Berlin\n" {
		t.Errorf("localtime is %q, %v, timezone %q", got, err, h.read("/etc/timezone"))
	}
	if h.inodes()[h.m.path("/etc/localtime")] != before {
		t.Error("a second time the link was made again")
	}
	if got := h.apply("timezone: Mars/Base"); !strings.HasPrefix(got, "cloud-config.yml:2:11: timezone: cannot set the time zone: there is no /usr/share/zoneinfo/Mars/Base") {
		t.Errorf("problems %q", got)
	}
	h.clean("timezone: UTC")
	if _, err := os.Lstat(h.m.path("/etc/localtime")); !os.IsNotExist(err) {
		t.Errorf("with UTC localtime is there: %v", err)
	}
}

func TestLocale(t *testing.T) {
	h := newHost(t)
	h.clean("locale: C.UTF-8")
	if got := h.read(localeProfile); !strings.Contains(got, "export LANG='C.UTF-8'\n") || h.read("/etc/default/locale") != "LANG='C.UTF-8'\n" {
		t.Errorf("the profile is %q", got)
	}
	if got := h.apply("locale: de_DE.UTF-8"); !strings.Contains(got, "warning: locale: this system has no locale de_DE.UTF-8") {
		t.Errorf("problems %q", got)
	}
	h.clean("rancher: {debug: false}")
	if h.m.exists(localeProfile) {
		t.Error("the profile stays")
	}
}

func TestKeyboard(t *testing.T) {
	h := newHost(t)
	const text = "keyboard: {layout: de, variant: nodeadkeys}"
	for _, name := range []string{"qwertz/de-latin1-nodeadkeys", "qwertz/de", "qwerty/uk"} {
		h.write("/usr/share/keymaps/i386/"+name+".kmap", "")
	}
	for range 2 {
		if got := h.slowly(text); got != "" {
			t.Errorf("problems %q", got)
		}
	}
	if got := h.since(0); got != "loadkeys -- de-latin1-nodeadkeys" {
		t.Errorf("ran %q", got)
	}
	n := len(h.ran)
	if got := h.slowly("keyboard: {layout: gb}"); got != "" || h.since(n) != "loadkeys -- uk" {
		t.Errorf("problems %q, ran %q", got, h.since(n))
	}
	for _, bad := range []string{"{layout: xx}", "{layout: de, variant: x}", "{layout: \"[\"}"} {
		if got := h.slowly("keyboard: " + bad); !strings.Contains(got, "there is no keyboard layout") {
			t.Errorf("%s: problems %q", bad, got)
		}
	}
	h.m.kernel.has = func(string) bool { return false }
	if got := h.slowly(text); !strings.Contains(got, "there is no loadkeys on this system") {
		t.Errorf("problems %q", got)
	}
}

func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCertificatesComeAndGo(t *testing.T) {
	h := newHost(t)
	h.write(imageBundle, "image\n")
	h.write("/etc/ssl/certs/x", "")
	if err := os.Symlink("../../../usr/share/ca-certificates/ca-certificates.crt", h.m.path(bundle)); err != nil {
		t.Fatal(err)
	}
	mine := certificate(t)
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(mine), "\n", "\n    ")
	trusted := "  trusted:\n  - |\n" + indented + "\n"
	h.clean("ca_certs:\n" + trusted)
	if got := h.read(bundle); got != "image\n"+mine || h.read(imageBundle) != "image\n" {
		t.Errorf("the bundle is %q", got)
	}
	h.clean("ca_certs:\n  remove_defaults: true\n" + trusted)
	if got := h.read(bundle); got != mine {
		t.Errorf("without the image's the bundle is %q", got)
	}
	got := h.apply("ca_certs:\n  trusted: [nonsense]\n")
	if !strings.HasPrefix(got, "cloud-config.yml:3:13: ca_certs.trusted.0: cannot trust this certificate") || h.read(bundle) != "image\n" {
		t.Errorf("problems %q, bundle %q", got, h.read(bundle))
	}
	h.clean("ca_certs:\n" + trusted)
	h.clean("rancher: {debug: false}")
	if got := h.read(bundle); got != "image\n" {
		t.Errorf("at the end the bundle is %q", got)
	}
}

func TestRandomSeedOnceForEachInstance(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	h.write("/dev/urandom", "")
	const text = "random_seed: {data: aGVsbG8=, encoding: b64, command: [more, entropy]}"
	for range 2 {
		if got := h.slowly(text); got != "" {
			t.Errorf("problems %q", got)
		}
	}
	if h.read("/dev/urandom") != "hello" || h.since(0) != "env RANDOM_SEED_FILE="+h.m.path("/dev/urandom")+" more entropy" {
		t.Errorf("the kernel got %q, ran %q", h.read("/dev/urandom"), h.ran)
	}
}

func TestFQDNAndHostsFile(t *testing.T) {
	tests := []struct {
		name, config     string
		host, hosts, etc string
	}{
		{"the whole name gives the host name", "fqdn: box.example.com", "box", "127.0.1.1\tbox.example.com box", "box\n"},
		{"a host name of its own", "hostname: web\nfqdn: box.example.com", "web", "127.0.1.1\tbox.example.com web", "web\n"},
		{"the whole name is preferred", "hostname: web\nfqdn: box.example.com\nprefer_fqdn_over_hostname: true", "box.example.com", "127.0.1.1\tbox.example.com", "box.example.com\n"},
		{"the name is left alone", "hostname: web\npreserve_hostname: true", "old", "127.0.1.1\tweb", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.write("/etc/hosts", "10.0.0.1 mine\n")
			h.clean(tt.config)
			if h.hostname != tt.host || !strings.Contains(h.read("/etc/hosts"), tt.hosts+"\n") || h.read("/etc/hostname") != tt.etc {
				t.Errorf("host name %q, hosts %q, /etc/hostname %q", h.hostname, h.read("/etc/hosts"), h.read("/etc/hostname"))
			}
			h.clean(tt.config + "\nmanage_etc_hosts: true")
			if got := h.read("/etc/hosts"); strings.Contains(got, "mine") || !strings.Contains(got, tt.hosts+"\n") {
				t.Errorf("the whole new hosts file is %q", got)
			}
		})
	}
}

// A cloud always has a name for the machine; who writes a whole name in the
// user-data means that one.
func TestTheWholeNameOfTheUserBeatsTheNameOfTheDatasource(t *testing.T) {
	for _, tt := range []struct{ name, vendor, user, want string }{
		{"nobody says another", "", "", "i-123"},
		{"the user's whole name", "", "fqdn: box.example.com", "box"},
		{"the user's own host name", "", "fqdn: box.example.com\nhostname: web", "web"},
		{"the vendor's ranks below the datasource", "fqdn: box.example.com", "", "i-123"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			vendor, report := cloudconfig.ParseLayer("vendor-data", "vendor-data (ec2)", []byte(tt.vendor))
			meta, found := cloudconfig.ParseMetaData("meta-data", "meta-data (ec2)", []byte("local-hostname: i-123\n"))
			user, more := cloudconfig.ParseLayer("user-data", "user-data (ec2)", []byte(tt.user))
			cfg, merged := cloudconfig.Merge(vendor, meta, user).Config()
			if all := slices.Concat(report, found, more, merged, h.m.Apply(t.Context(), cfg)); len(all) > 0 {
				t.Fatal(all)
			}
			if h.hostname != tt.want || h.networkOf().Hostname != tt.want {
				t.Errorf("host name %q, DHCP is told %q, want %q", h.hostname, h.networkOf().Hostname, tt.want)
			}
		})
	}
}

func TestResolvConfGoesToTheNetwork(t *testing.T) {
	h := newHost(t)
	h.clean("manage_resolv_conf: true\nresolv_conf: {nameservers: [9.9.9.9], searchdomains: [a.example], domain: b.example, sortlist: [10.0.0.0], options: {rotate: true, debug: false, timeout: 1}}")
	got := strings.Join(strings.Fields(h.read("/run/ros/network/settings.json")), "")
	if !strings.Contains(got, `"9.9.9.9"`) || !strings.Contains(got, `["b.example","a.example"]`) ||
		!strings.Contains(got, `"resolver":{"options":["rotate","timeout:1"],"sortlist":["10.0.0.0"]}`) {
		t.Errorf("the settings are %s", got)
	}
	h.clean("resolv_conf: {options: {rotate: true}}")
	if got := h.read("/run/ros/network/settings.json"); strings.Contains(got, "rotate") {
		t.Errorf("without manage_resolv_conf the settings are %s", got)
	}
}

func TestPreviewSaysWhatApplyDoesAndChangesNothing(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n")
	text := everything + "users: [{name: ann}]\ntimezone: UTC\nruncmd: [x]\n"
	before := h.inodes()
	p := h.m.pass(config(t, text))
	p.dry = true
	p.applyAll(t.Context(), quick)
	p.applyAll(t.Context(), slow)
	p.previewCommands()
	for path, inode := range h.inodes() {
		if before[path] != inode {
			t.Errorf("%s changed", path)
		}
	}
	if len(h.ran) != 0 {
		t.Errorf("ran %q", h.ran)
	}
	var got []string
	for _, c := range p.changes {
		got = append(got, c.Module+": "+c.What)
	}
	for _, want := range []string{
		"hostname: set the host name to box", "hostname: write /etc/hosts", "network: change the settings of service network",
		"modules: load kernel module fine", "sysctl: set net.ipv4.ip_forward to 1", "users: add user ann", "users: set the password of rancher",
		"write_files: write /etc/app.conf", "runcmd: run runcmd (1)",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("there is no %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	h.clean(text)
	p = h.m.pass(config(t, text))
	p.dry = true
	p.applyAll(t.Context(), quick)
	if len(p.changes) != 0 {
		t.Errorf("afterwards it says %v", p.changes)
	}
	h.write(RecordFile, `{"finished": true}`)
	if p.previewCommands(); len(p.changes) != 0 {
		t.Errorf("once the commands of this boot have been run it says %v", p.changes)
	}
}
