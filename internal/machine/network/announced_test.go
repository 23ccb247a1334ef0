package network

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// handedOver is a message of the kernel's with options of an advertisement on link 7.
func handedOver(kind byte, options ...[]byte) []byte {
	message := make([]byte, userOptionHeader)
	all := slices.Concat(options...)
	message[0], message[8] = unix.AF_INET6, kind
	binary.NativeEndian.PutUint16(message[2:], uint16(len(all)))
	binary.NativeEndian.PutUint32(message[4:], 7)
	return append(message, all...)
}

func option(kind, length byte, seconds uint32, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind, length, 0, 0}, seconds), body...)
}

func TestParseAnnouncements(t *testing.T) {
	server := netip.MustParseAddr("2001:db8::53")
	address := server.As16()
	loopback, mapped := netip.IPv6Loopback().As16(), netip.MustParseAddr("::ffff:9.9.9.9").As16()
	domains := []byte("\x03lan\x07example\x00\x01b\x00\x00\x00\x00")
	for _, tt := range []struct {
		name    string
		message []byte
		want    []announcement
		err     string
	}{
		{"servers and domains", handedOver(routerAdvertisement, option(25, 3, 60, address[:]...), option(31, 3, 0, domains[:16]...)), []announcement{
			{link: 7, servers: []netip.Addr{server}, lifetime: time.Minute}, {link: 7, domains: []string{"lan.example", "b"}},
		}, ""},
		{"a lifetime without an end", handedOver(routerAdvertisement, option(25, 3, 1<<32-1, address[:]...)), []announcement{
			{link: 7, servers: []netip.Addr{server}, lifetime: (1<<32 - 1) * time.Second},
		}, ""},
		{"what follows the options", append(handedOver(routerAdvertisement, option(25, 3, 60, address[:]...)), 20, 0, 1, 0), []announcement{
			{link: 7, servers: []netip.Addr{server}, lifetime: time.Minute},
		}, ""},
		{"addresses that are no server's", handedOver(routerAdvertisement, option(25, 5, 60, slices.Concat(loopback[:], mapped[:])...)), nil, ""},
		{"a domain that would be two words", handedOver(routerAdvertisement, option(31, 2, 60, []byte("\x03a b\x00\x00\x00\x00")...)), nil, ""},
		{"half an address", handedOver(routerAdvertisement, option(25, 2, 60, address[:8]...)), nil, ""},
		{"another option", handedOver(routerAdvertisement, option(38, 3, 60, address[:]...)), nil, ""},
		{"another message", handedOver(135, option(25, 3, 60, address[:]...)), nil, ""},
		{"no header", []byte{10}, nil, "it is shorter than its header"},
		{"a size beyond the end", handedOver(routerAdvertisement, option(25, 3, 60, address[:]...))[:30], nil, "it has 14 bytes of options, and says 24"},
		{"an option of no length", handedOver(routerAdvertisement, option(25, 0, 60)), nil, "an option of 0 bytes is in 8"},
		{"an option that is longer than all", handedOver(routerAdvertisement, option(25, 3, 60)), nil, "an option of 24 bytes is in 8"},
		{"less than an option", handedOver(routerAdvertisement, []byte{25, 1}), nil, "an option is cut off"},
		{"a label that is longer than its option", handedOver(routerAdvertisement, option(31, 2, 60, []byte("\x3fabcdefg")...)), nil, "cannot read the search domains: rfc1035label: buffer too short"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseAnnouncements(tt.message)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if !reflect.DeepEqual(got, tt.want) || text != tt.err {
				t.Errorf("got %+v, %q; want %+v, %q", got, text, tt.want, tt.err)
			}
		})
	}
}

func FuzzParseAnnouncements(f *testing.F) {
	address := netip.MustParseAddr("fe80::53").As16()
	f.Add(handedOver(routerAdvertisement, option(25, 3, 60, address[:]...), option(31, 2, 0, []byte("\x03lan\x00\x00\x00\x00")...)))
	f.Add(handedOver(routerAdvertisement, option(31, 2, 60, 0xc0, 0, 0xc0, 0, 0, 0, 0, 0)))
	f.Add(handedOver(routerAdvertisement, []byte{25, 0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseAnnouncements(data)
		if err != nil && all != nil {
			t.Errorf("%v, and %+v is taken of it", err, all)
		}
		var have offers
		for _, a := range all {
			if have, _ = have.with(a, time.Hour); len(have) > 2*mostOffers {
				t.Fatalf("%d offers are kept", len(have))
			}
			dns := have.dns(link{Name: "eth0", Index: a.link, Carrier: true}, want{})
			text := resolvConf(dns, Resolver{})
			for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				if i > 0 && !strings.HasPrefix(line, "nameserver ") && !strings.HasPrefix(line, "search ") {
					t.Errorf("a router made the line %q", line)
				}
			}
		}
	})
}

func TestWhatRoutersOfferComesAndGoes(t *testing.T) {
	a, b := netip.MustParseAddr("fd00::a"), netip.MustParseAddr("fe80::b")
	servers := func(on int, lifetime time.Duration, list ...netip.Addr) announcement {
		return announcement{link: on, servers: list, lifetime: lifetime}
	}
	var many []netip.Addr
	for last := range byte(2 * mostOffers) {
		many = append(many, netip.AddrFrom16([16]byte{0xfd, 15: last}))
	}
	eth0 := link{Name: "eth0", Index: 7, Up: true, Carrier: true}
	no := false
	for _, tt := range []struct {
		name    string
		said    []announcement // one a second
		link    link
		want    Link
		dns     cloudconfig.DNS
		changed bool // by the last
	}{
		{"a server, and one that counts on the link alone", []announcement{servers(7, time.Minute, a, b)}, eth0, Link{}, cloudconfig.DNS{Nameservers: []string{"fd00::a", "fe80::b%eth0"}}, true},
		{"said again it is no change", []announcement{servers(7, time.Minute, a), servers(7, time.Hour, a)}, eth0, Link{}, cloudconfig.DNS{Nameservers: []string{"fd00::a"}}, false},
		{"taken back", []announcement{servers(7, time.Minute, a, b), servers(7, 0, a)}, eth0, Link{}, cloudconfig.DNS{Nameservers: []string{"fe80::b%eth0"}}, true},
		{"taken back, and never said", []announcement{servers(7, 0, a)}, eth0, Link{}, cloudconfig.DNS{}, false},
		{"ended", []announcement{servers(7, time.Second, a), servers(7, time.Minute, b)}, eth0, Link{}, cloudconfig.DNS{Nameservers: []string{"fe80::b%eth0"}}, true},
		{"on another link", []announcement{servers(8, time.Minute, a)}, eth0, Link{}, cloudconfig.DNS{}, true},
		{"without a cable", []announcement{servers(7, time.Minute, a)}, link{Name: "eth0", Index: 7, Up: true}, Link{}, cloudconfig.DNS{}, true},
		{"a domain", []announcement{{link: 7, domains: []string{"lan"}, lifetime: time.Minute}}, eth0, Link{}, cloudconfig.DNS{Search: []string{"lan"}}, true},
		{"a domain that is not used", []announcement{{link: 7, servers: many[:1], domains: []string{"lan"}, lifetime: time.Minute}}, eth0, Link{Announced: Announced{NoDomains: true}}, cloudconfig.DNS{Nameservers: []string{"fd00::"}}, true},
		{"not used", []announcement{servers(7, time.Minute, a)}, eth0, Link{Announced: Announced{NoDNS: true}}, cloudconfig.DNS{}, true},
		{"nothing of routers", []announcement{servers(7, time.Minute, a)}, eth0, Link{AcceptRA: &no}, cloudconfig.DNS{}, true},
		{"more than are kept", []announcement{servers(7, time.Minute, many[:mostOffers]...), servers(7, time.Minute, many...)}, eth0, Link{}, cloudconfig.DNS{
			Nameservers: []string{"fd00::", "fd00::1", "fd00::2", "fd00::3", "fd00::4", "fd00::5", "fd00::6", "fd00::7"},
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var have offers
			changed := false
			for n, a := range tt.said {
				have, changed = have.with(a, time.Hour+time.Duration(n)*time.Second)
			}
			if got := have.dns(tt.link, want{Link: tt.want}); !reflect.DeepEqual(got, tt.dns) || changed != tt.changed {
				t.Errorf("got %+v, changed %v; want %+v, %v", got, changed, tt.dns, tt.changed)
			}
		})
	}
}

func TestOffersOutliveTheServiceAndGoWithTheirLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "announced.json")
	said := announcement{link: 7, servers: []netip.Addr{netip.MustParseAddr("fd00::a")}, lifetime: time.Hour}
	if _, err := (&announced{path: path}).note(said); err != nil {
		t.Fatal(err)
	}
	next := &announced{path: path}
	if err := next.remember(); err != nil {
		t.Fatal(err)
	}
	told := next.now()
	if wait := next.endsAfter(sinceBoot()); len(told) != 1 || wait < 59*time.Minute || wait > time.Hour {
		t.Fatalf("remembered is %+v, the next end in %v", told, wait)
	}
	there, gone := told.on([]link{{Name: "eth0", Index: 8, Up: true}, {Name: "eth1", Index: 7}})
	if next.forget(gone); len(there) != 0 || len(next.now()) != 0 || next.endsAfter(0) != 0 {
		t.Errorf("there is still %+v, kept %+v", there, next.now())
	}
}

func TestOverridesOfWhatRoutersAnnounce(t *testing.T) {
	for text, want := range map[string]Announced{
		"dhcp6: true": {},
		"dhcp6: true, dhcp6-overrides: {use-dns: false}":                                   {NoDNS: true},
		"dhcp6: true, dhcp6-overrides: {use-dns: false}, ra-overrides: {use-dns: true}":    {},
		"ra-overrides: {use-dns: false}":                                                   {NoDNS: true},
		"ra-overrides: {use-domains: false}":                                               {NoDomains: true},
		"dhcp6-overrides: {use-domains: false}, ra-overrides: {use-domains: route}":        {},
		"dhcp4: true, dhcp4-overrides: {use-dns: false, use-domains: false}, dhcp6: false": {},
	} {
		s := read(t, []byte("{version: 2, ethernets: {eth0: {"+text+"}}}"))
		if got := s.Documents[0].Entries[0].Link.Announced; got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestNameServersOfRouters(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	stop := map[string]func(unix.Signal){}
	for dev, options := range map[string]string{
		"0": "AdvDefaultLifetime 600; RDNSS fe80::53 2001:db8::53 { AdvRDNSSLifetime 5; }; DNSSL lan.example { AdvDNSSLLifetime 5; };",
		"1": "RDNSS fd00:1::53 { AdvRDNSSLifetime 1200; };",
		"2": "RDNSS fd00:2::53 { AdvRDNSSLifetime 1200; };",
		"3": "RDNSS fd00:3::53 { AdvRDNSSLifetime 1200; };",
	} {
		veth(t, "eth"+dev, "world"+dev, "10.9."+dev+".1/24")
		ip(t, "-6", "addr", "add", "fd00:"+dev+"::1/64", "dev", "world"+dev, "nodad")
		stop[dev] = radvd(t, "world"+dev, options, "fd00:"+dev+"::/64")
	}
	serveDHCP(t, "world0", "10.9.0.1", "10.9.0.50")
	m := start(t, networkConfig(t, `
version: 2
ethernets:
  eth0: {dhcp4: true}
  eth1: {accept-ra: true, nameservers: {addresses: [1.1.1.1]}}
  eth2: {accept-ra: true, ra-overrides: {use-dns: false}}
  eth3: {accept-ra: true}
`))
	says := func(text string) func() bool {
		return func() bool { return strings.HasSuffix(m.resolvConf(), "DHCP; changes are lost\n"+text) }
	}
	first := "search lan lan.example\nnameserver 1.1.1.1\nnameserver 9.9.9.9\nnameserver fe80::53%eth0\nnameserver 2001:db8::53\n"
	m.eventually("servers of the configuration, of DHCP and of routers", says(first+"nameserver fd00:1::53\nnameserver fd00:3::53\n"))
	m.eventually("an address of the router whose servers are not used", func() bool {
		return strings.Contains(ip(t, "-6", "addr", "show", "dev", "eth2"), "fd00:2::")
	})
	stop["3"](unix.SIGKILL) // whoever is gone says nothing again
	m.stop()
	m.run()
	m.eventually("ready again", m.isReady)
	if !says(first + "nameserver fd00:1::53\nnameserver fd00:3::53\n")() {
		t.Errorf("after a restart of the service: %s", m.resolvConf())
	}
	ip(t, "link", "del", "eth3")
	m.eventually("those of the link that is gone taken out", says(first+"nameserver fd00:1::53\n"))
	stop["1"](unix.SIGTERM)
	m.eventually("those that the router takes back taken out", says(first))
	stop["2"](unix.SIGKILL) // from here on nothing else happens to any link
	stop["0"](unix.SIGKILL)
	m.eventually("those that have ended taken out", says("search lan\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n"))
}
