package network

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

func TestDhcpcdConf(t *testing.T) {
	programs, conf, problems := dhcpcdPrograms("/run/ros/dhcpcd.conf", "box", []want{
		{Name: "eth0", Link: Link{DHCP: true}},
		{Name: "eth1", Link: Link{IPv4LL: true, MTU: 1400}},
		{Name: "eth2", Link: Link{DHCP: true, IPv4LL: true, Lease: Lease{Hostname: "other", Metric: 50, NoRoutes: true}}},
		{Name: "eth3", Link: Link{Addresses: prefixes("10.0.0.2/24")}},
		{Name: "eth4", Link: Link{DHCP: true, DHCPArgs: `-MA4 --vendorclassid "a b"`}},
		{Name: "eth5", Link: Link{DHCP6: true}},
		{Name: "eth6", Link: Link{DHCP: true, DHCP6: true, Lease: Lease{NoMTU: true, Silent: true}}},
	})
	golden.Equal(t, "testdata/dhcpcd.conf", conf)
	var lines []string
	for _, p := range programs {
		lines = append(lines, p.Name+": "+strings.Join(p.Argv, "|"))
	}
	golden.Equal(t, "testdata/dhcpcd.argv", strings.Join(append(lines, problems...), "\n")+"\n")
}

func TestBadDhcpArgsFallBackToTheDefault(t *testing.T) {
	programs, _, problems := dhcpcdPrograms("c", "", []want{{Name: "eth0", Link: Link{DHCP: true, DHCPArgs: `"open`}}})
	if len(programs) != 1 || programs[0].Name != "dhcpcd" || len(problems) != 1 {
		t.Errorf("programs %v, problems %q", programs, problems)
	}
}

func TestResolverIsToldItsOptions(t *testing.T) {
	got := resolvConf(cloudconfig.DNS{Nameservers: []string{"1.1.1.1"}}, Resolver{
		Options: []string{"rotate", "timeout:1", "x\nnameserver 6.6.6.6"}, SortList: []string{"10.0.0.0/255.0.0.0", "a b"},
	})
	if _, got, _ = strings.Cut(got, "\n"); got != "nameserver 1.1.1.1\nsortlist 10.0.0.0/255.0.0.0\noptions rotate timeout:1\n" {
		t.Errorf("resolv.conf says %q", got)
	}
}

func TestResolver(t *testing.T) {
	leases := []cloudconfig.DNS{
		{Nameservers: []string{"10.0.2.3"}, Search: []string{"lan"}},
		{Nameservers: []string{"10.0.2.3", "10.0.3.3"}},
	}
	fallback := cloudconfig.DNS{Nameservers: []string{"8.8.8.8"}}
	tests := []struct {
		name   string
		user   cloudconfig.DNS
		leases []cloudconfig.DNS
		want   string
	}{
		{"the user's servers come first", cloudconfig.DNS{Nameservers: []string{"1.1.1.1"}}, leases, "search lan\nnameserver 1.1.1.1\n"},
		{"then what DHCP gave, once each", cloudconfig.DNS{}, leases, "search lan\nnameserver 10.0.2.3\nnameserver 10.0.3.3\n"},
		{"then the fallback", cloudconfig.DNS{}, nil, "nameserver 8.8.8.8\n"},
		{
			"the user's domains replace those of DHCP",
			cloudconfig.DNS{Search: []string{"a", "b"}},
			leases,
			"search a b\nnameserver 10.0.2.3\nnameserver 10.0.3.3\n",
		},
		{
			"no value can smuggle in a line",
			cloudconfig.DNS{Nameservers: []string{"1.1.1.1\noptions x", "9.9.9.9"}, Search: []string{"a b"}},
			nil,
			"nameserver 9.9.9.9\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, _ := strings.Cut(resolvConf(resolver(tt.user, fallback, tt.leases), Resolver{}), "\n")
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWriteInPlaceKeepsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("a long first text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeInPlace(path, []byte("short\n")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("the file was replaced")
	}
	if got, _ := os.ReadFile(path); string(got) != "short\n" {
		t.Errorf("it holds %q", got)
	}
}

func packet(t testing.TB, options ...dhcpv4.Option) []byte {
	t.Helper()
	p, err := dhcpv4.New(dhcpv4.WithYourIP(net.IPv4(10, 0, 2, 15)))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		p.UpdateOption(o)
	}
	return p.ToBytes()
}

func TestParseLease(t *testing.T) {
	got, err := parseLease(packet(t,
		dhcpv4.OptDNS(net.IPv4(10, 0, 2, 3), net.IPv4zero), dhcpv4.OptNTPServers(net.IPv4(10, 0, 2, 4)),
		dhcpv4.OptHostName("box"), dhcpv4.OptDomainName("example.com")))
	want := lease{
		Address: netip.MustParseAddr("10.0.2.15"), Nameservers: []string{"10.0.2.3"}, NTP: []string{"10.0.2.4"},
		Hostname: "box", Search: []string{"example.com"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestASearchListBeatsTheDomainName(t *testing.T) {
	labels := &rfc1035label.Labels{Labels: []string{"a.example", "b.example"}}
	got, err := parseLease(packet(t, dhcpv4.OptDomainName("example.com"), dhcpv4.OptDomainSearch(labels)))
	if want := []string{"a.example", "b.example"}; err != nil || !reflect.DeepEqual(got.Search, want) {
		t.Errorf("search %q, %v; want %q", got.Search, err, want)
	}
}

func FuzzParseLease(f *testing.F) {
	f.Add(packet(f, dhcpv4.OptDNS(net.IPv4(1, 1, 1, 1)), dhcpv4.OptHostName("a\nb"), dhcpv4.OptDomainName("x y\nz")))
	f.Add([]byte{})
	f.Add(make([]byte, 240))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLease(data)
		if err != nil {
			return
		}
		text := resolvConf(cloudconfig.DNS{Nameservers: l.Nameservers, Search: l.Search}, Resolver{})
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if i > 0 && !strings.HasPrefix(line, "nameserver ") && !strings.HasPrefix(line, "search ") {
				t.Errorf("a lease made the line %q", line)
			}
		}
		if strings.ContainsAny(l.Hostname, " \n/\x00") {
			t.Errorf("a lease made the host name %q", l.Hostname)
		}
	})
}
