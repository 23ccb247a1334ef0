package datasource

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func platformOf(t *testing.T, fields map[string]string) (root string, p Platform) {
	t.Helper()
	root = t.TempDir()
	dir := filepath.Join(root, "sys/class/dmi/id")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range fields {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root, ReadPlatform(root)
}

// No cloud's address is asked on a machine that is not in that cloud.
func TestOnlyTheCloudThatAMachineIsInIsAsked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields map[string]string
		want   string
	}{
		{"a machine of one's own", map[string]string{"sys_vendor": "QEMU", "product_name": "Standard PC (Q35 + ICH9, 2009)"}, "configdrive"},
		{"a board without firmware", nil, "configdrive"},
		{"EC2 on Nitro", map[string]string{"sys_vendor": "Amazon EC2"}, "configdrive ec2"},
		{"EC2 on Xen", map[string]string{"product_uuid": "EC2E1916-9099-7CAF-FD21-012345ABCDEF", "product_serial": "ec2e1916-9099"}, "configdrive ec2"},
		{"Google", map[string]string{"product_name": "Google Compute Engine"}, "configdrive gce"},
		{"Azure", map[string]string{"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": azureTag}, "configdrive azure"},
		{"Hyper-V at home", map[string]string{"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}, "configdrive"},
		{"OpenStack", map[string]string{"product_name": "OpenStack Nova"}, "configdrive openstack"},
		{"Open Telekom Cloud", map[string]string{"chassis_asset_tag": "OpenTelekomCloud"}, "configdrive openstack"},
		{"DigitalOcean", map[string]string{"sys_vendor": "DigitalOcean"}, "configdrive digitalocean"},
		{"Hetzner", map[string]string{"sys_vendor": "Hetzner"}, "configdrive hetzner"},
		{"Vultr", map[string]string{"sys_vendor": "Vultr"}, "configdrive vultr"},
		{"Exoscale", map[string]string{"product_name": "Exoscale"}, "configdrive exoscale"},
		{"Exoscale today", map[string]string{"product_name": "Exoscale Compute Platform"}, "configdrive exoscale"},
		{"CloudStack", map[string]string{"product_name": "CloudStack KVM Hypervisor"}, "configdrive cloudstack"},
		{"Aliyun", map[string]string{"product_name": "Alibaba Cloud ECS"}, "configdrive aliyun"},
		{"VMware", map[string]string{"sys_vendor": "VMware, Inc."}, "configdrive vmware"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, p := platformOf(t, tt.fields)
			all, passed := choose([]string{"*"}, opening{root: root, platform: p, web: plainWeb()})
			var names []string
			for _, c := range all {
				names = append(names, c.name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("asked are %q, want %q", got, tt.want)
			}
			starred := 0
			for _, k := range kinds() {
				if k.starred {
					starred++
				}
			}
			if len(all)+len(passed) != starred {
				t.Errorf("of %d it is told what became of them, want %d", len(all)+len(passed), starred)
			}
		})
	}
}

func TestTheHostsFirmwareSaysNothingInNamespaces(t *testing.T) {
	root, p := platformOf(t, map[string]string{"sys_vendor": "Amazon EC2"})
	if !p.isEC2() {
		t.Fatal("EC2 is not recognised")
	}
	if err := os.MkdirAll(filepath.Join(root, namespaced), 0o700); err != nil {
		t.Fatal(err)
	}
	if p := ReadPlatform(root); !reflect.DeepEqual(p, Platform{}) {
		t.Error("the host's firmware is believed")
	}
}

func TestWordsOfTheFirmwareInAnAddress(t *testing.T) {
	_, p := platformOf(t, map[string]string{"board_serial": "B 1", "chassis_serial": "__dmi.system-uuid__", "product_uuid": "u"})
	const text = "https://example.com/__dmi.baseboard-serial-number__/__dmi.chassis-serial-number__/__dmi.chassis-version__/__dmi.nothing__"
	if got, want := p.seat(text), "https://example.com/B 1/__dmi.system-uuid__//__dmi.nothing__/"; got != want {
		t.Errorf("the address is %q, want %q", got, want)
	}
}

func TestDatasourcesAsTheyAreWritten(t *testing.T) {
	for _, tt := range []struct {
		wanted   string
		cmdline  string
		asked    string
		problems string
	}{
		{wanted: "ec2", problems: "ec2: this is a machine whose firmware says nothing"},
		{wanted: "ec2:http://169.254.169.254", asked: "ec2:http://169.254.169.254"},
		{wanted: "EC2:http://169.254.169.254/ ec2:http://169.254.169.254/", asked: "ec2:http://169.254.169.254/"},
		{wanted: "ec2:nonsense", problems: `ec2:nonsense: "nonsense" is no address of a metadata service`},
		{wanted: "file:/media/user-data url:https://u:p@example.com/x?t=1", asked: "file:/media/user-data url:https://example.com/x"},
		{wanted: "file:relative", problems: "file:relative: it needs a path"},
		{wanted: "url", problems: "url: it needs an address"},
		{wanted: "tftp:169.254.1.1/x", asked: "tftp:169.254.1.1/x"},
		{wanted: "tftp:192.168.1.1/x", problems: "tftp:192.168.1.1/x: 192.168.1.1 has no encryption"},
		{wanted: "packet", problems: "packet: there is no such datasource"},
		{wanted: "url:https://example.com/x", cmdline: "a cloud-config-url=https://boot.example.com/y", asked: "cmdline url:https://example.com/x"},
		{wanted: "configdrive", cmdline: "ds=nocloud;s=https://seed.example.com/", asked: "nocloud configdrive"},
		{wanted: "cmdline", problems: "cmdline: there is no cloud-config-url="},
		{wanted: "proxmox", problems: "proxmox: there is neither"},
	} {
		t.Run(tt.wanted+" "+tt.cmdline, func(t *testing.T) {
			all, passed := choose(strings.Fields(tt.wanted), opening{root: t.TempDir(), web: plainWeb(), cmdline: tt.cmdline})
			var asked, problems []string
			for _, c := range all {
				asked = append(asked, c.name)
			}
			for _, p := range passed {
				problems = append(problems, p.Name+": "+p.Reason)
			}
			if got := strings.Join(asked, " "); got != tt.asked {
				t.Errorf("asked are %q, want %q", got, tt.asked)
			}
			if got := strings.Join(problems, "; "); !strings.HasPrefix(got, tt.problems) || tt.problems == "" && got != "" {
				t.Errorf("problems %q, want %q", got, tt.problems)
			}
		})
	}
}
