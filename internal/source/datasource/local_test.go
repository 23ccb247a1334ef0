package datasource

import (
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

func TestNoCloudByCommandLineAndSerialNumber(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/seeds/", http.FileServer(http.Dir("testdata/nocloud"))))
	defer server.Close()
	folder, err := filepath.Abs("testdata/nocloud")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		cmdline  string
		platform Platform
		problem  string
		meta     string
	}{
		{name: "command line", cmdline: "quiet ds=nocloud;s=" + server.URL + "/seeds/web1/", meta: "instance-id: web1"},
		{name: "an older name and no slash", cmdline: "ds=nocloud-net;s=" + server.URL + "/seeds/web1", meta: "instance-id: web1"},
		{name: "quoted by the boot loader", cmdline: `"ds=nocloud;s=` + server.URL + `/seeds/web1/"`, meta: "instance-id: web1"},
		{name: "serial number", platform: Platform{Serial: "ds=nocloud;s=" + server.URL + "/seeds/web1/"}, meta: "instance-id: web1"},
		{
			name: "a word of the firmware in it", meta: "instance-id: web1",
			cmdline: "ds=nocloud;s=" + server.URL + "/seeds/__dmi.chassis-serial-number__/", platform: Platform{words: map[string]string{"chassis-serial-number": "web1"}},
		},
		{name: "a folder of this machine", cmdline: "ds=nocloud;s=file://" + folder + "/web1/", meta: "instance-id: web1"},
		{name: "an instance of its own", cmdline: "ds=nocloud;i=mine;s=file://" + folder + "/web1/", meta: "instance-id\": \"mine"},
		{name: "no address at all", cmdline: "ds=nocloud;i=here;h=web9", meta: `"instance-id": "here"`},
		{name: "nothing there", cmdline: "ds=nocloud;s=" + server.URL + "/seeds/web2/", problem: "neither meta-data nor user-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := openNoCloud(opening{cmdline: tt.cmdline, platform: tt.platform, web: plainWeb(), root: "/"})
			if err != nil {
				t.Fatal(err)
			}
			seed, err := d.Fetch(t.Context())
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("%v, want %q", err, tt.problem)
				}
				return
			}
			if err != nil || !strings.Contains(string(seed.MetaData), tt.meta) {
				t.Errorf("meta-data %q, %v", seed.MetaData, err)
			}
			if strings.Contains(tt.meta, "web1") && (len(seed.UserData) == 0 || len(seed.NetworkConfig) == 0) {
				t.Errorf("user-data %q, network %q", seed.UserData, seed.NetworkConfig)
			}
		})
	}
}

func TestADiskNamesAnAddressForTheRest(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/seeds/", http.FileServer(http.Dir("testdata/nocloud"))))
	defer server.Close()
	for _, tt := range []struct{ name, seedfrom, user, network, problem string }{
		{name: "over HTTP", seedfrom: server.URL + "/seeds/web1/", user: "#cloud-config\nhostname: web1\n", network: "eth0"},
		{name: "with a word of the firmware", seedfrom: server.URL + "/seeds/__dmi.system-serial-number__", user: "#cloud-config\nhostname: web1\n", network: "eth0"},
		{name: "to a folder without user-data", seedfrom: "file:///few/", user: "disk's", network: "disk's"},
		{name: "nothing is there", seedfrom: "/none", problem: "neither meta-data nor user-data"},
		{name: "without encryption, from elsewhere", seedfrom: "http://192.0.2.1/x/", problem: "has no encryption: use https, or set rancher.cloud_init.allow_http"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			few := filepath.Join(root, "few")
			if err := os.Mkdir(few, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(few, "meta-data"), []byte("instance-id: few\nlocal-hostname: few\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			disk := source.Seed{
				MetaData: []byte("instance-id: disk\nseedfrom: " + tt.seedfrom + "\n"),
				UserData: []byte("disk's"), NetworkConfig: []byte("disk's"), VendorData: []byte("disk's"),
			}
			all, passed := choose([]string{"ec2:" + server.URL, "*"}, opening{
				disk: &disk, web: plainWeb(), root: root, platform: Platform{words: map[string]string{"system-serial-number": "web1"}}, cmdline: "cloud-config-url=https://example.com/",
			})
			if len(all) != 1 || all[0].name != "nocloud" || len(passed) > 0 {
				t.Fatalf("asked are %v, passed over %v", all, passed)
			}
			seed, err := all[0].source.Fetch(t.Context())
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) || !seed.Empty() {
					t.Errorf("%v, %v, want %q", seed, err, tt.problem)
				}
				return
			}
			if err != nil || string(seed.UserData) != tt.user || !strings.Contains(string(seed.NetworkConfig), tt.network) || string(seed.VendorData) != "disk's" {
				t.Errorf("user-data %q, network %q, vendor-data %q, %v", seed.UserData, seed.NetworkConfig, seed.VendorData, err)
			}
			l, _ := cloudconfig.ParseMetaData("meta-data", "meta-data", seed.MetaData)
			if id := cloudconfig.InstanceID(seed.MetaData); id != "disk" || l.Doc.Lookup("hostname") == nil {
				t.Errorf("meta-data %q", seed.MetaData)
			}
		})
	}
}

// tftpServer serves one file, loses the first packet, and sends one block twice.
func tftpServer(t *testing.T, data []byte) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 1024)
		for {
			n, client, err := conn.ReadFromUDP(packet)
			if err != nil {
				return // the test is over
			}
			block := 1
			switch {
			case packet[1] == tftpRead && !strings.HasPrefix(string(packet[2:n]), "dir/user-data\x00octet\x00"):
				_, _ = conn.WriteToUDP([]byte("\x00\x05\x00\x01File not found\x00"), client)
				continue
			case packet[1] == tftpAck:
				block = int(binary.BigEndian.Uint16(packet[2:])) + 1
			}
			from := (block - 1) * tftpBlock
			if from > len(data) {
				continue // that was the last one
			}
			answer := binary.BigEndian.AppendUint16([]byte{0, tftpData}, uint16(block))
			answer = append(answer, data[from:min(from+tftpBlock, len(data))]...)
			_, _ = conn.WriteToUDP(answer, client)
			if block == 2 {
				_, _ = conn.WriteToUDP(answer, client)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestTFTP(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 3000} {
		data := []byte(strings.Repeat("a", size))
		server := tftpServer(t, data)
		d, err := openTFTP(opening{arg: server + "/dir/user-data", web: plainWeb()})
		if err != nil {
			t.Fatal(err)
		}
		seed, err := d.Fetch(t.Context())
		if err != nil || string(seed.UserData) != string(data) {
			t.Errorf("%d bytes came as %d, %v", size, len(seed.UserData), err)
		}
	}
	d, err := openTFTP(opening{arg: tftpServer(t, nil) + "/other", web: plainWeb()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "no such document") {
		t.Errorf("%v, want that it is not there", err)
	}
}

// routingTable is one of a machine with two cards, as the kernel shows it.
const routingTable = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
	"eth1\t00000000\tFE02A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n" +
	"eth0\t00000000\t0101010A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
	"eth0\t0001010A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"

func TestWhoTheVirtualRouterMayBe(t *testing.T) {
	lease, err := dhcpv4.New(dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 1, 1, 2))))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{name: "nothing is known yet"},
		{name: "the DHCP server", want: "10.1.1.2", files: map[string]string{
			"var/lib/dhcpcd/eth0.lease": string(lease.ToBytes()), "var/lib/dhcpcd/eth1.lease": "rubbish", "proc/net/route": routingTable,
		}},
		{name: "one server of two cards", want: "10.1.1.2", files: map[string]string{
			"var/lib/dhcpcd/eth0.lease": string(lease.ToBytes()), "var/lib/dhcpcd/eth1.lease": string(lease.ToBytes()),
		}},
		{name: "without DHCP, the default gateway", want: "10.1.1.1", files: map[string]string{"proc/net/route": routingTable}},
		{name: "no default gateway", files: map[string]string{"proc/net/route": routingTable[:strings.Index(routingTable, "eth1")]}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, data := range tt.files {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(virtualRouters(root), ","); got != tt.want {
				t.Errorf("it may be %q, want %q", got, tt.want)
			}
		})
	}
}

func TestARouterThatHasNothingDoesNotSpeakForAnother(t *testing.T) {
	c, err := cloudtest.New("cloudstack")
	if err != nil {
		t.Fatal(err)
	}
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	full := httptest.NewServer(c)
	defer full.Close()
	host := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	const nobody = "127.0.0.1:1"
	for _, tt := range []struct {
		name    string
		servers []string
		nothing bool // that there is nothing is certain
		found   bool
	}{
		{"none is known", nil, false, false},
		{"the second one has it", []string{host(empty), host(full)}, false, true},
		{"the second one may have it", []string{host(empty), nobody}, false, false},
		{"none has it", []string{host(empty)}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seed, err := (&cloudStack{
				web: plainWeb(), servers: func() []string { return tt.servers },
				passwords: func(string) string { return "" }, passwordServer: passwordServer{get: plainWeb().getOnLink},
			}).Fetch(t.Context())
			var final permanentError
			if (err == nil) != tt.found || seed.Empty() == tt.found || errors.Is(err, ErrNothing) != tt.nothing || errors.As(err, &final) {
				t.Errorf("%v, %v", seed, err)
			}
		})
	}
}
