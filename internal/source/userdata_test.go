package source

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// renderReading is what a machine with a seed reads, as a golden file has it.
func renderReading(t *testing.T, s Seed) string {
	t.Helper()
	root := t.TempDir()
	if err := SaveSeed(root, "ec2", s); err != nil {
		t.Fatal(err)
	}
	r := Read(root)
	var b strings.Builder
	for _, l := range r.Layers {
		if l.Doc.Root == nil {
			continue
		}
		text, err := yaml.Marshal(l.Doc.Root)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "-- %s --\n%s", l.File, text)
	}
	for _, s := range r.Scripts() {
		fmt.Fprintf(&b, "-- script %s, %s --\n%s", s.Name, s.From, s.Data)
	}
	_, report := r.Load()
	if len(report) > 0 {
		b.WriteString("-- problems --\n")
	}
	for _, p := range report {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

func TestUserDataOfRealLife(t *testing.T) {
	files, err := filepath.Glob("testdata/userdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no user-data", err)
	}
	meta := []byte("instance-id: i-1\nlocal-hostname: node-1\nlocal-ipv4: 10.0.0.5\n")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, strings.TrimSuffix(file, ".txt")+".golden", renderReading(t, Seed{UserData: data, MetaData: meta}))
		})
	}
}

func TestHostileUserDataIsBounded(t *testing.T) {
	nested := "#cloud-config\nhostname: deep\n"
	for i := range 10 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n\n%s\n--b%d--\n", i, i, nested, i)
	}
	many := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n#!/bin/sh\n", 1000) + "--b--\n"
	bomb := pack(t, strings.Repeat("#", maxLayer))
	bombs := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n"+string(bomb)+"\n", 60) + "--b--\n"
	for name, tt := range map[string]struct{ data, problem string }{
		"a message in a message in a message":  {nested, "packed more than"},
		"a thousand parts":                     {many, "MIME parts"},
		"many bombs":                           {bombs, "when it is unpacked"},
		"no boundary":                          {"Content-Type: multipart/mixed\n\n--b\n", "without a boundary"},
		"an unknown transfer encoding":         {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: uuencode\n\nx\n--b--\n", "Content-Transfer-Encoding"},
		"bad base64":                           {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n!!!\n--b--\n", "cannot be read to its end (base64)"},
		"a message that breaks off":            {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n#!/bin/sh\n", "cannot be read"},
		"bad gzip":                             {"\x1f\x8bnonsense", "cannot unpack gzip"},
		"an HTML page":                         {"<!DOCTYPE html>\n<html>", "unknown format"},
		"an archive that is none":              {"#cloud-config-archive\na: 1\n", "not a list of parts"},
		"a header that never ends":             {"Content-Type: " + strings.Repeat("x", 1<<19), "MIME"},
		"an archive that contains itself":      {"#cloud-config-archive\n- &a {type: text/cloud-config, content: *a}\n", "no part"},
		"a thousand addresses in one #include": {"#include\n" + strings.Repeat("https://example.com/\n", 1000), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := splitter{part: "user-data", values: exampleValues}
			s.split([]byte(tt.data))
			if text := fmt.Sprint(s.report); !strings.Contains(text, tt.problem) {
				t.Errorf("problems %.300s, want %q", text, tt.problem)
			}
			if len(s.parts) > mostParts {
				t.Errorf("%d parts", len(s.parts))
			}
		})
	}
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheOwnerMayRefuseTheVendor(t *testing.T) {
	vendor := []byte("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n#cloud-config\ntimezone: Vendor/Time\nhostname: vendor\n--b\n\n#!/bin/sh\nvendor\n--b--\n")
	second := []byte(`{"cloud-init": "#cloud-config\nfqdn: second.example\nno_such_key: 1\n", "other": {"a": 1}}`)
	for _, tt := range []struct{ owner, hostname, fqdn, scripts string }{
		{"#cloud-config\nrancher: {debug: true}\n", "vendor", "second.example", "001 vendor-data part 2 (ec2)"},
		{"#cloud-config\nvendor_data: {enabled: false}\n", "", "second.example", ""},
		{"#cloud-config\nvendor_data2: {enabled: false}\n", "vendor", "", "001 vendor-data part 2 (ec2)"},
		{"#cloud-config\nvendor_data: {enabled: false}\nvendor_data2: {enabled: false}\n", "", "", ""},
		{"#!/bin/sh\nown\n", "vendor", "second.example", "001 vendor-data part 2 (ec2),002 user-data (ec2)"},
	} {
		root := t.TempDir()
		if err := SaveSeed(root, "ec2", Seed{UserData: []byte(tt.owner), VendorData: vendor, VendorData2: second}); err != nil {
			t.Fatal(err)
		}
		r := Read(root)
		cfg, report := r.Load()
		if told := strings.Contains(fmt.Sprint(report), "vendor-data2 (ec2):3:1: no_such_key"); told != (tt.fqdn != "") {
			t.Errorf("%q: problems %v", tt.owner, report)
		}
		var scripts []string
		for _, s := range r.Scripts() {
			scripts = append(scripts, s.Name+" "+s.From)
		}
		if got := strings.Join(scripts, ","); cfg.Hostname != tt.hostname || cfg.FQDN != tt.fqdn || got != tt.scripts {
			t.Errorf("%q: host name %q, whole name %q, scripts %q", tt.owner, cfg.Hostname, cfg.FQDN, got)
		}
	}
}

func TestScriptsAreAsTheUserDataSays(t *testing.T) {
	root := t.TempDir()
	for _, want := range [][]string{{"a"}, {"b", "c"}, {"b"}, nil, {"d"}} {
		data := "#cloud-config-archive\n- '#cloud-config'\n"
		for _, s := range want {
			data += "- \"#!/bin/sh\\n" + s + "\"\n"
		}
		if err := SaveSeed(root, "nocloud", Seed{UserData: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		if err := Read(root).SaveScripts(); err != nil {
			t.Fatal(err)
		}
		var got []string
		entries, _ := os.ReadDir(filepath.Join(root, ScriptDir)) // none when there never was one
		for i, e := range entries {
			text, err := os.ReadFile(filepath.Join(root, ScriptDir, e.Name()))
			info, statErr := e.Info()
			if err != nil || statErr != nil || info.Mode().Perm() != 0o700 || e.Name() != fmt.Sprintf("%03d", i+1) {
				t.Errorf("script %s: %v, %v", e.Name(), err, info.Mode())
			}
			got = append(got, strings.TrimPrefix(string(text), "#!/bin/sh\n"))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("scripts %v, want %v", got, want)
		}
	}
}

// When user-data goes bad as a whole, the good copies of its parts are used, in
// their order.
func TestGoodCopiesOfPartsAreUsed(t *testing.T) {
	root := t.TempDir()
	good := "#cloud-config-archive\n"
	for i := range 11 {
		good += fmt.Sprintf("- \"#cloud-config\\nhostname: h%d\\n\"\n", i)
	}
	for _, text := range []string{good, "\x1f\x8bnonsense"} {
		if err := SaveSeed(root, "ec2", Seed{UserData: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		r := Read(root)
		cfg, report := r.Load()
		if cfg.Hostname != "h10" || (report.Err() == nil) != (text == good) {
			t.Errorf("host name %q, problems %v", cfg.Hostname, report)
		}
		if err := r.Keep(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnInstanceHasAFolderOfItsOwn(t *testing.T) {
	for id, want := range map[string]string{
		"":                        "default",
		"i-0123456789abcdef0":     "i-0123456789abcdef0",
		"../../etc":               "%2E.%2F..%2Fetc",
		"..":                      "%2E.",
		strings.Repeat("x", 1000): strings.Repeat("x", maxInstance),
	} {
		if got := InstanceFolder(id); got != InstancesDir+"/"+want {
			t.Errorf("%q: %s", id, got)
		}
		if got := InstanceID(InstanceFolder(id)); got != cmp.Or(id, "default") && len(id) < maxInstance {
			t.Errorf("the folder of %q is shown as that of %q", id, got)
		}
	}
	if got := InstanceID(""); got != "" {
		t.Errorf("no folder is that of %q", got)
	}
}

func TestWithMask(t *testing.T) {
	for _, tt := range []struct{ address, mask, want string }{
		{"10.0.0.1", "255.255.240.0", "10.0.0.1/20"},
		{"10.0.0.1", "24", "10.0.0.1/24"},
		{"10.0.0.1/8", "ignored", "10.0.0.1/8"},
		{"10.0.0.1", "", "10.0.0.1/32"},
		{"2001:db8::1", "ffff:ffff::", "2001:db8::1/32"},
		{"10.0.0.1", "255.0.255.0", ""},
		{"10.0.0.1", "33", ""},
		{"10.0.0.1", "ffff::", ""},
		{"nonsense", "24", ""},
	} {
		got, err := WithMask(tt.address, tt.mask)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s %s: %q, %v", tt.address, tt.mask, got, err)
		}
	}
}

// Two links may have a VLAN of the same number each, and some clouds write numbers
// as texts.
func TestVLANsOfOpenStack(t *testing.T) {
	out, err := NetworkFromOpenStack([]byte(`{"links":[
		{"id":"a","type":"phy","ethernet_mac_address":"fa:16:3e:00:00:01","mtu":"1450"},
		{"id":"b","type":"phy","ethernet_mac_address":"fa:16:3e:00:00:02","mtu":null},
		{"id":"v","type":"vlan","vlan_link":"a","vlan_id":101,"vlan_mac_address":"fa:16:3e:00:00:03"},
		{"id":"w","type":"vlan","vlan_link":"b","vlan_id":"101","vlan_mac_address":"fa:16:3e:00:00:04"}],
		"networks":[{"link":"v","type":"ipv4_dhcp"},{"link":"w","type":"ipv4","ip_address":"10.0.0.1","netmask":"255.0.0.0"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	n, report := cloudconfig.ParseNetworkConfig("network-config", out)
	v, w := n.Vlans["vlan101"], n.Vlans["vlan101-1"]
	if len(report) > 0 || len(n.Vlans) != 2 || v.Link != "id0" || !v.DHCP4 || w.Link != "id1" || w.ID != 101 ||
		len(w.Addresses) != 1 || w.Addresses[0] != "10.0.0.1/8" || n.Ethernets["id0"].MTU != 1450 {
		t.Errorf("%s\n%v", out, report)
	}
}

func TestIPv6OfOpenStack(t *testing.T) {
	const static, slaac = `{"link":"a","type":"ipv6","ip_address":"2001:db8::5","netmask":"64"}`, `{"link":"a","type":"ipv6_slaac"}`
	for _, tt := range []struct{ name, networks, want string }{
		{"what is announced, and no DHCP", slaac, "dhcp6 false, accept-ra true"},
		{"stateless DHCP has no address", `{"link":"a","type":"ipv6_dhcpv6-stateless"}`, "dhcp6 false, accept-ra true"},
		{"stateful DHCP has no router", `{"link":"a","type":"ipv6_dhcpv6-stateful"}`, "dhcp6 true, accept-ra true"},
		{"DHCP by its old name", `{"link":"a","type":"ipv6_dhcp"}`, "dhcp6 true, accept-ra true"},
		{"a fixed address alone", static, "dhcp6 false, accept-ra false"},
		{"a fixed address beside what is announced", static + "," + slaac, "dhcp6 false, accept-ra true"},
		{"what is announced beside a fixed address", slaac + "," + static, "dhcp6 false, accept-ra true"},
		{"none", `{"link":"a","type":"ipv4","ip_address":"10.0.0.1","netmask":"255.0.0.0"}`, "dhcp6 false, accept-ra unset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := NetworkFromOpenStack([]byte(`{"links":[{"id":"a","type":"phy","ethernet_mac_address":"fa:16:3e:00:00:01"}],"networks":[` + tt.networks + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			n, report := cloudconfig.ParseNetworkConfig("network-config", out)
			e, accept := n.Ethernets["id0"], "unset"
			if e.AcceptRA != nil {
				accept = strconv.FormatBool(*e.AcceptRA)
			}
			if got := fmt.Sprintf("dhcp6 %v, accept-ra %s", e.DHCP6, accept); got != tt.want || len(report) > 0 {
				t.Errorf("%s, want %s: %s\n%v", got, tt.want, out, report)
			}
		})
	}
}

// FuzzNetworkFromOpenStack: whatever network_data.json is, it is refused or
// becomes a network-config that can be read.
func FuzzNetworkFromOpenStack(f *testing.F) {
	f.Add([]byte(`{"links":[{"id":"a","type":"phy","ethernet_mac_address":"fa:16:3e:00:00:01"}],"networks":[{"link":"a","type":"ipv4","ip_address":"10.0.0.1","netmask":"255.0.0.0"}]}`))
	f.Add([]byte(`{"links":[{"id":"b","type":"bond","bond_links":["b"]},{"id":"v","type":"vlan","vlan_link":"b","vlan_id":5}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if out, err := NetworkFromOpenStack(data); err == nil {
			cloudconfig.ParseNetworkConfig("network-config", out)
		}
	})
}

// FuzzUserData: whatever a datasource gives as user-data and its includes, a
// machine reads it within bounds.
func FuzzUserData(f *testing.F) {
	f.Add([]byte("Content-Type: text/cloud-config\nMerge-Type: list(append)+str(x)\n\nruncmd: [a]\n"), []byte("#cloud-config\n"))
	f.Add([]byte("#cloud-config-archive\n- {type: text/cloud-config, content: 'a: 1', Merge-Type: list()}\n"), []byte("a"))
	files, err := filepath.Glob("testdata/userdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Fuzz(func(t *testing.T, data, included []byte) {
		s := splitter{part: "user-data", values: exampleValues, fetched: func(string) ([]byte, error) { return included, nil }}
		s.split(data)
		if len(s.parts) > mostParts {
			t.Errorf("%d parts", len(s.parts))
		}
		seen := map[string]bool{}
		for _, p := range s.parts {
			if seen[p.number] {
				t.Errorf("part %s is there twice", p.number)
			}
			seen[p.number] = true
			if p.form == formConfig {
				l, _ := p.parse()("user-data", p.file("user-data", ""), p.data)
				cloudconfig.Validate(l)
			}
		}
	})
}

func TestAComposeFileMayBeAPartOfUserData(t *testing.T) {
	root := t.TempDir()
	data := "#cloud-config-archive\n- \"#cloud-config\\nhostname: a\\n\"\n- \"#compose\\nservices: {web: {image: nginx}}\\n\"\n"
	if err := SaveSeed(root, "ec2", Seed{UserData: []byte(data)}); err != nil {
		t.Fatal(err)
	}
	files, report := ComposeFiles(root)
	if len(files) != 1 || files[0].Name != "user-data-2" || files[0].Path != "user-data part 2 (ec2)" || len(report) > 0 {
		t.Errorf("files %v, problems %v", files, report)
	}
	if cfg, found := Load(root); cfg.Hostname != "a" || len(cfg.Rancher.Services) > 0 || len(found) > 0 {
		t.Errorf("host name %q, problems %v", cfg.Hostname, found)
	}
}

// cloud-init merges in more ways than this system; one of those lost the whole
// document, and was not told of a part by "ros config validate".
func TestAWayOfMergingThatIsNotKnownLosesNothing(t *testing.T) {
	const mime = "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/cloud-config\n\n#cloud-config\nhostname: b\n" +
		"--B\nContent-Type: text/cloud-config\nMerge-Type: list(append)+dict(no_replace,recurse_list)+str()\n\n#cloud-config\nhostname: a\n--B--\n"
	for _, text := range []string{
		"#cloud-config\nmerge_how:\n - {name: list, settings: [append]}\n - {name: dict, settings: [no_replace, recurse_list]}\nhostname: a\n",
		"#cloud-config\nmerge_type: dict(no_replace)\nhostname: a\n",
		mime,
	} {
		root := t.TempDir()
		if err := SaveSeed(root, "ec2", Seed{UserData: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		cfg, report := Load(root)
		if len(report) != 1 || !strings.Contains(report.Err().Error(), "a way of merging that is not known") || cfg.Hostname != "a" {
			t.Errorf("%s: host name %q, problems %v", text, cfg.Hostname, report)
		}
		l, report := ParseUserData("user-data", "user-data", []byte(text))
		if report = append(report, cloudconfig.Validate(l)...); len(report) != 1 {
			t.Errorf("%s: told are %v", text, report)
		}
	}
}

// What OpenStack's vendor_data.json may be, by itself or at the key cloud-init.
func TestVendorDataOfOpenStack(t *testing.T) {
	for data, want := range map[string]string{
		`{"cloud-init":"#cloud-config\nhostname: a"}`:                                "a",
		`"#cloud-config\nhostname: a"`:                                               "a",
		`{"cloud-init":["#cloud-config\nhostname: a","#cloud-config\nhostname: b"]}`: "b",
		`["#cloud-config\nhostname: a"]`:                                             "a",
		`{"name":"site"}`:                                                            "rancher",
		`{}`:                                                                         "rancher",
		`null`:                                                                       "rancher",
	} {
		root := t.TempDir()
		if err := SaveSeed(root, "openstack", Seed{VendorData: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		cfg, report := Load(root)
		if got := cmp.Or(cfg.Hostname, "rancher"); got != want || len(report) > 0 {
			t.Errorf("%s: host name %q, want %q, problems %v", data, got, want, report)
		}
	}
}
