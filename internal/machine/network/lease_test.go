package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestLeasesOfWirelessNetworksAreRead has two of one card, of which one is in effect,
// as dhcpcd names their files.
func TestLeasesOfWirelessNetworksAreRead(t *testing.T) {
	dir := t.TempDir()
	for name, domain := range map[string]string{"wlan0-home.lease": "home.example", "wlan1-home.lease": "other.example"} {
		if err := os.WriteFile(filepath.Join(dir, name), packet(t, dhcpv4.OptDomainName(domain)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	has := []address{{Prefix: netip.MustParsePrefix("10.0.2.15/24")}}
	got := observer{leases: dir}.leasesOf("wlan0", has).IPv4
	if len(got.Search) != 1 || got.Search[0] != "home.example" {
		t.Errorf("the lease is %+v", got)
	}
	if got := (observer{leases: dir}).leasesOf("wlan0", nil).IPv4; got.Address.IsValid() {
		t.Errorf("without the address the lease is %+v", got)
	}
}
