package network

import (
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func TestTheClosestEntryIsInEffect(t *testing.T) {
	eth0 := link{Name: "eth0", Kind: "device", MAC: "52:54:00:aa:bb:cc"}
	tests := []struct {
		name    string
		entries map[string]cloudconfig.Interface
		link    link
		want    string // address of the entry; "" is no match
	}{
		{
			"the key is the name when there is no match",
			map[string]cloudconfig.Interface{"eth0": {Address: "a"}},
			eth0, "a",
		},
		{
			"a name beats a pattern",
			map[string]cloudconfig.Interface{"eth*": {Address: "glob"}, "eth0": {Address: "name"}},
			eth0, "name",
		},
		{
			"a MAC address beats a name",
			map[string]cloudconfig.Interface{"eth0": {Address: "name"}, "x": {Match: "mac:52:54:00:AA:BB:CC", Address: "mac"}},
			eth0, "mac",
		},
		{
			"a MAC address may be written with an equals sign",
			map[string]cloudconfig.Interface{"x": {Match: "mac=52:54:00:aa:bb:cc", Address: "mac"}},
			eth0, "mac",
		},
		{
			"a MAC address may be a pattern",
			map[string]cloudconfig.Interface{"x": {Match: "mac:52:54:*", Address: "mac"}},
			eth0, "mac",
		},
		{
			"with match the key is only a label",
			map[string]cloudconfig.Interface{"eth0": {Match: "eth1", Address: "a"}},
			eth0, "",
		},
		{
			"the longest pattern is the most specific",
			map[string]cloudconfig.Interface{"*": {Address: "all"}, "eth*": {Address: "eth"}},
			eth0, "eth",
		},
		{
			"a pattern that cannot be understood matches nothing",
			map[string]cloudconfig.Interface{"eth[": {Address: "a"}},
			eth0, "",
		},
		{
			"a bond does not match by the MAC address of its port",
			map[string]cloudconfig.Interface{"x": {Match: "mac:52:54:*", Address: "mac"}},
			link{Name: "bond0", Kind: "bond", MAC: eth0.MAC},
			"",
		},
		{
			"Docker's bridge is not matched by a pattern",
			map[string]cloudconfig.Interface{"*": {Address: "a"}},
			link{Name: "docker0", Kind: "bridge"},
			"",
		},
		{
			"a container's link is not matched by a pattern",
			map[string]cloudconfig.Interface{"*": {Address: "a"}},
			link{Name: "veth12ab", Kind: "veth"},
			"",
		},
		{
			"the loopback is matched by its name",
			map[string]cloudconfig.Interface{"lo": {Address: "a"}},
			link{Name: "lo", Loopback: true},
			"a",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := match(tt.entries, tt.link)
			if got.Address != tt.want || ok != (tt.want != "") {
				t.Errorf("match = %q, %v; want %q", got.Address, ok, tt.want)
			}
		})
	}
}

func TestWithoutInterfacesCablesGetDHCP(t *testing.T) {
	var s Settings
	for _, name := range []string{"eth0", "eth1", "enp0s3", "ens3"} {
		if entry, ok := match(s.interfaces(), link{Name: name, Kind: "device"}); !ok || !entry.DHCP {
			t.Errorf("%s: dhcp = %v, matched %v", name, entry.DHCP, ok)
		}
	}
	if _, ok := match(s.interfaces(), link{Name: "wlan0", Kind: "device"}); ok {
		t.Error("wlan0 is matched by the default")
	}
}
