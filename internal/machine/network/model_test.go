package network

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

func document(source string, link Link) Document {
	return Document{Source: source, Entries: []Entry{{ID: source, Match: Match{Name: "eth0"}, Link: link}}}
}

func TestTheHighestSourceThatNamesALinkCounts(t *testing.T) {
	glob := Document{Source: "user", Entries: []Entry{{ID: "eth*", Match: Match{Name: "eth*"}, Link: Link{MTU: 1}}}}
	exact := document("datasource", Link{MTU: 2})
	tests := []struct {
		name string
		docs []Document
		want int
	}{
		{"a pattern of a higher one beats a name of a lower one", []Document{glob, exact}, 1},
		{"the other way round", []Document{exact, glob}, 2},
		{"nothing below one that leaves the network alone", []Document{{Disabled: true}, exact}, 0},
		{"one that leaves it alone is below others", []Document{exact, {Disabled: true}, glob}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := match(Settings{Documents: tt.docs}.documents(), link{Name: "eth0", Kind: "device"})
			if m.Link.MTU != tt.want {
				t.Errorf("the entry %+v counts", m.Entry)
			}
		})
	}
}

func TestMatchByDriverAndByPermanentAddress(t *testing.T) {
	doc := Document{Entries: []Entry{
		{ID: "card", Match: Match{Driver: []string{"virtio*"}}, Link: Link{MTU: 1}},
		{ID: "port", Match: Match{MAC: "52:54:00:00:00:01"}, Link: Link{MTU: 2}},
		{ID: "both", Match: Match{Name: "lan*", MAC: "52:54:00:00:00:01"}, Link: Link{MTU: 3}},
	}}
	tests := []struct {
		name string
		link link
		want int
	}{
		{"a driver", link{Name: "eth0", Driver: "virtio_net"}, 1},
		{"a container's link has none", link{Name: "veth1", Driver: "virtio_net"}, 0},
		{"a port has its bond's address, and is known by its own", link{Name: "eth0", MAC: "52:54:00:00:00:09", PermMAC: "52:54:00:00:00:01"}, 2},
		{"all that is set must fit", link{Name: "eth0", MAC: "52:54:00:00:00:02"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if m, _ := match([]Document{doc}, tt.link); m.Link.MTU != tt.want {
				t.Errorf("entry %q counts", m.ID)
			}
		})
	}
}

func TestParseLease6(t *testing.T) {
	reply, err := dhcpv6.NewMessage()
	if err != nil {
		t.Fatal(err)
	}
	reply.MessageType = dhcpv6.MessageTypeReply
	if _, err := parseLease6(reply.ToBytes()); err == nil {
		t.Error("a reply without an address is a lease")
	}
	given := &dhcpv6.OptIANA{}
	given.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP("2001:db8::7"), ValidLifetime: time.Hour})
	reply.AddOption(given)
	reply.AddOption(dhcpv6.OptDNS(net.ParseIP("2001:db8::53")))
	got, err := parseLease6(reply.ToBytes())
	want := lease{Address: netip.MustParseAddr("2001:db8::7"), Nameservers: []string{"2001:db8::53"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func FuzzParseLease6(f *testing.F) {
	reply, err := dhcpv6.NewMessage()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reply.ToBytes())
	f.Add([]byte{7, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLease6(data)
		if err == nil && !l.Address.IsValid() {
			t.Errorf("a lease without an address: %+v", l)
		}
		for _, name := range l.Search {
			if plainName(name) != name {
				t.Errorf("a lease made the domain %q", name)
			}
		}
	})
}

func TestWhatIsNotToBeUsedOfALease(t *testing.T) {
	l := lease{Nameservers: []string{"1.1.1.1"}, Search: []string{"lan"}, Hostname: "box", NTP: []string{"2.2.2.2"}}
	if got := l.without(Lease{NoDomains: true, NoNTP: true}); !reflect.DeepEqual(got, lease{Nameservers: []string{"1.1.1.1"}, Hostname: "box"}) {
		t.Errorf("got %+v", got)
	}
	if got := l.without(Lease{NoDNS: true, NoHostname: true}); !reflect.DeepEqual(got, lease{NTP: []string{"2.2.2.2"}}) {
		t.Errorf("got %+v", got)
	}
}

func TestWifiSettings(t *testing.T) {
	golden.Equal(t, "testdata/wpa.conf", wpaConf(cloudconfig.Wifi{SSID: "home", PSK: "secret word", ScanSSID: 1})+
		wpaConf(cloudconfig.Wifi{SSID: "caf\u00e9\n}", PSK: strings.Repeat("0a", 32), Group: "CCMP\n}\nnetwork={"})+
		wpaConf(cloudconfig.Wifi{
			SSID: "work", KeyMgmt: "WPA-EAP", EAP: "PEAP", Identity: "me", Password: `a"b`, CACerts: []string{"/a", "/b"},
			Phases: []string{"peaplabel=0", "auth=MSCHAPV2"},
		})+wpaConf(cloudconfig.Wifi{SSID: "open"}))
}

func TestAWirelessNetworkGivesTheAddress(t *testing.T) {
	s := Settings{
		Documents: []Document{document("a", Link{Wifi: "home"}), document("b", Link{Wifi: "fixed"}), document("c", Link{Wifi: "nowhere"})},
		Wifi:      map[string]cloudconfig.Wifi{"home": {SSID: "x"}, "fixed": {SSID: "y", Address: "10.0.0.2/24", Gateway: "10.0.0.1"}},
	}
	got := s.withWifi().Documents
	if !got[0].Entries[0].Link.DHCP {
		t.Error("without an address there is no DHCP")
	}
	if l := got[1].Entries[0].Link; l.DHCP || len(l.Addresses) != 1 || len(l.Routes) != 1 {
		t.Errorf("the network's own address is not used: %+v", l)
	}
	_, _, problems := s.wifiPrograms("/run", []want{{Name: "wlan0", Link: Link{Wifi: "nowhere"}}})
	if len(problems) != 1 || !strings.Contains(problems[0], `no wireless network "nowhere"`) {
		t.Errorf("problems %q", problems)
	}
}

func TestWithoutTheProgramAWirelessNetworkIsAProblem(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := Settings{Wifi: map[string]cloudconfig.Wifi{"home": {SSID: "x"}}}
	programs, files, problems := s.wifiPrograms("/run", []want{{Name: "wlan0", Link: Link{Wifi: "home"}}})
	if len(programs)+len(files) != 0 || len(problems) != 1 || !strings.Contains(problems[0], "this system has no wpa_supplicant") {
		t.Errorf("programs %v, files %v, problems %q", programs, files, problems)
	}
}

func TestTunnelsAreComparedByWhatIsWritten(t *testing.T) {
	key := "4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8="
	want := Tunnel{PrivateKey: key, Peers: []Peer{
		{PublicKey: "b", Endpoint: "vpn.example.com:5", AllowedIPs: prefixes("10.0.0.0/24", "10.0.1.0/24")}, {PublicKey: "a"},
	}}
	have := Tunnel{PrivateKey: key, Port: 40000, Peers: []Peer{
		{PublicKey: "a", Endpoint: "192.0.2.9:1"}, {PublicKey: "b", Endpoint: "192.0.2.1:5", AllowedIPs: prefixes("10.0.1.0/24", "10.0.0.0/24")},
	}}
	if !sameTunnel(&want, &have) {
		t.Error("what peers and kernel chose counts as different")
	}
	have.Peers[1].AllowedIPs = prefixes("10.0.1.0/24")
	if sameTunnel(&want, &have) {
		t.Error("other networks behind a peer count as the same")
	}
	if sameTunnel(&want, nil) {
		t.Error("no tunnel counts as the same")
	}
}

func TestTunnelConfig(t *testing.T) {
	key := "4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8="
	tunnel := Tunnel{PrivateKey: key, Port: 51820, Peers: []Peer{
		{PublicKey: key, PresharedKey: key, Endpoint: "192.0.2.1:5", AllowedIPs: prefixes("10.0.0.0/24"), Keepalive: 25},
		{PublicKey: key, Endpoint: "no-such-name.invalid:5"},
		{PublicKey: key, Endpoint: "[2001:db8::1]:7"},
	}}
	endpoints, unknown := tunnel.endpoints()
	if unknown == nil || !strings.Contains(unknown.Error(), "cannot find peer no-such-name.invalid:5") {
		t.Errorf("a peer that cannot be found: %v", unknown)
	}
	config, err := tunnelConfig(tunnel, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Peers) != 3 || config.Peers[1].Endpoint != nil || config.Peers[2].Endpoint.String() != "[2001:db8::1]:7" {
		t.Errorf("the other peers: %+v", config.Peers)
	}
	p := config.Peers[0]
	if *config.ListenPort != 51820 || p.Endpoint.String() != "192.0.2.1:5" || p.AllowedIPs[0].String() != "10.0.0.0/24" || *p.PersistentKeepaliveInterval != 25*time.Second {
		t.Errorf("config %+v", config)
	}
	if _, err := tunnelConfig(Tunnel{PrivateKey: "x"}, nil); err == nil {
		t.Error("a key that is none is used")
	}
}

// TestWhatDoesNotStayIsMadeLessOften: two who undo what the other does must not
// keep the machine busy.
func TestWhatDoesNotStayIsMadeLessOften(t *testing.T) {
	s := newService(paths{})
	plan := Plan{Steps: []Step{{Verb: SetMTU, Link: "eth0", What: "1400"}}}
	for range manyTimes + 1 {
		s.unstable = s.settles(plan)
	}
	if s.pause() != retryAfter {
		t.Errorf("after %d times the pause is %s", s.unstable, s.pause())
	}
	if s.unstable = s.settles(Plan{}); s.pause() != betweenPasses {
		t.Errorf("when all is well the pause is %s", s.pause())
	}
}

// TestWhatNeedsALinkThatCannotBeMadeIsNotTried: the cause is told, once, and not what
// follows from it; all else is made.
func TestWhatNeedsALinkThatCannotBeMadeIsNotTried(t *testing.T) {
	s := newService(paths{})
	s.executor.sysctl = t.TempDir()
	plan := Plan{Steps: []Step{
		{Verb: Make, Link: "nobond0", What: "bond", device: &Device{Name: "nobond0", Kind: "none"}},
		{Verb: Make, Link: "novlan0", device: &Device{Name: "novlan0", Kind: Vlan, Parent: "nobond0", ID: 7}},
		{Verb: Join, Link: "nolink0", What: "nobond0", value: "nobond0"},
		{Verb: SetUp, Link: "nobond0"},
		{Verb: SetUp, Link: "novlan0"},
		{Verb: SetUp, Link: "nolink1"},
		{Verb: Rename, Link: "nolink2", What: "nolan0", value: "nolan0"},
		{Verb: AddAddress, Link: "nolan0", What: "192.0.2.7/24"},
		{Verb: SetSysctl, Link: "nolink0", path: "made", value: "1"},
	}}
	begun := 0
	tried, errs := s.carryOut(t.Context(), plan, func() { begun++ })
	const want = "cannot make nobond0 bond: \"none\" is no kind of device\ncannot set up nolink1: Link not found\ncannot rename nolink2 nolan0: Link not found"
	if got := errors.Join(errs...); got == nil || got.Error() != want {
		t.Errorf("it tells\n%v\nwant\n%s", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(s.executor.sysctl, "made")); string(text) != "1" || len(tried) != 4 || begun == 0 {
		t.Errorf("%d steps were tried, the last wrote %q: %v", len(tried), text, err)
	}
}

// The log is short when the same is wrong again and again.
func TestAProblemIsLoggedOnce(t *testing.T) {
	var log strings.Builder
	logrus.SetOutput(&log)
	defer logrus.SetOutput(os.Stderr)
	s := &service{}
	bad := errors.New("cannot make bond0")
	s.tell(Status{Problems: []string{bad.Error()}}, bad)
	s.tell(Status{Problems: []string{bad.Error()}, Lasting: []string{bad.Error()}, Lacks: []string{"x"}}, bad)
	if got := strings.Count(log.String(), "cannot make"); got != 1 {
		t.Errorf("it is told %d times:\n%s", got, log.String())
	}
	s.tell(Status{}, errors.New("cannot look"))
	if !strings.Contains(log.String(), "cannot look") {
		t.Errorf("another error is not told:\n%s", log.String())
	}
}

func TestWhatFailsIsTriedMoreAndMoreSeldom(t *testing.T) {
	s := &service{}
	for n, row := range []struct {
		failed, fresh bool
		want          time.Duration
	}{
		{true, true, retryAfter},
		{true, true, retryAfter},
		{true, false, 4 * retryAfter},
		{true, false, 8 * retryAfter},
		{true, true, retryAfter}, // another problem
		{false, true, retryAfter},
		{true, false, retryAfter},
		{false, false, 0},
	} {
		if got := s.retry(row.failed, row.fresh); got != row.want {
			t.Errorf("after %d times it is %v, want %v", n+1, got, row.want)
		}
	}
	for range 100 {
		s.retry(true, false)
	}
	if got := s.retry(true, false); got != lastRetry {
		t.Errorf("in the end it is %v", got)
	}
}

func TestProblemsThatGoByThemselvesDoNotLast(t *testing.T) {
	s, start := &service{}, time.Unix(0, 0)
	for _, row := range []struct {
		after    time.Duration
		problems []string
		lasting  []string
		fresh    bool
	}{
		{0, []string{"a", "b"}, nil, true},
		{retryAfter, []string{"b"}, nil, true},
		{lastingAfter, []string{"a", "b"}, []string{"b"}, true},
		{2 * lastingAfter, []string{"a", "b"}, []string{"a", "b"}, false},
		{3 * lastingAfter, nil, nil, false},
		{4 * lastingAfter, []string{"a"}, nil, true},
	} {
		lasting, fresh := s.lasting(row.problems, start.Add(row.after))
		if !slices.Equal(lasting, row.lasting) || fresh != row.fresh {
			t.Errorf("after %v: %q last, fresh %v", row.after, lasting, fresh)
		}
	}
}

func TestWhatTheNetworkLacksIsTold(t *testing.T) {
	named := func(source string, entries ...Entry) Document { return Document{Source: source, Entries: entries} }
	at := func(name string) Entry { return Entry{ID: name, Match: Match{Name: name}} }
	links := []link{{Name: "eth0", Kind: "device", MAC: "52:54:00:00:00:01"}, {Name: "lo", Kind: "device", Loopback: true}, {Name: "docker0", Kind: "bridge"}}
	optional := at("usb0")
	optional.Link.Optional = true
	trunk := at("eth0")
	trunk.Vlans = []VLAN{{ID: 100}, {ID: 200, Name: "storage"}}
	for _, tt := range []struct {
		name   string
		docs   []Document
		states []linkState
		ready  bool
		want   string
	}{
		{"all is there", []Document{named("network", at("eth0"))}, []linkState{{Name: "eth0", Addressed: true, Asked: true}}, true, ""},
		{"a name of another system", []Document{named("network", at("ens18"))}, nil, true, "there is no interface ens18, which network asks for; there are eth0"},
		{"an address of another machine", []Document{named("datasource", Entry{Match: Match{MAC: "52:54:00:00:00:02"}})}, nil, true, "there is no interface 52:54:00:00:00:02, which datasource asks for; there are eth0"},
		{"it is called so now", []Document{named("network", Entry{Match: Match{Name: "enp1s0"}, SetName: "eth0"})}, nil, true, ""},
		{"it may be missing", []Document{named("network", optional)}, nil, true, ""},
		{"what is made tells itself why it is not", []Document{{Source: "network", Devices: []Device{{Name: "bond0", Kind: Bond}}, Entries: []Entry{at("bond0")}}}, nil, true, ""},
		{
			"so does a VLAN of a link",
			[]Document{named("rancher.network.interfaces", trunk, at("eth0.100"), at("storage"), at("eth0.300"))},
			nil, true, "there is no interface eth0.300, which rancher.network.interfaces asks for; there are eth0",
		},
		{"a pattern asks for nothing", []Document{named("network", at("en*")), named("os-config", at("eth9"))}, nil, true, ""},
		{
			"one of two without a cable", nil,
			[]linkState{{Name: "eth0", Addressed: true}, {Name: "eth1", Asked: true}},
			true,
			"eth1 has no carrier: no cable, or nothing at its other end",
		},
		{
			"an address, and no cable", nil,
			[]linkState{{Name: "eth1", Asked: true, Addressed: true, Card: true}},
			true,
			"eth1 has no carrier: no cable, or nothing at its other end",
		},
		{"a bridge of nothing has no cable", nil, []linkState{{Name: "br0", Asked: true, Addressed: true}}, true, ""},
		{"nobody asks for the second", nil, []linkState{{Name: "eth0", Addressed: true}, {Name: "eth1"}}, true, ""},
		{"no network at all", nil, []linkState{{Name: "eth0", Carrier: true}}, false, "eth0 has no address: nobody has given it one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(lacks(tt.docs, links, tt.states, tt.ready), "; "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
