package network

import (
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func TestTheClosestEntryIsInEffect(t *testing.T) {
	eth0 := link{Name: "eth0", Kind: "device", MAC: "52:54:00:aa:bb:cc"}
	size := map[string]int{"a": 1001, "glob": 1002, "name": 1003, "mac": 1004, "all": 1005, "eth": 1006}
	tests := []struct {
		name    string
		entries map[string]cloudconfig.Interface
		link    link
		want    string // which entry; "" is no match
	}{
		{
			"the key is the name when there is no match",
			map[string]cloudconfig.Interface{"eth0": {MTU: size["a"]}},
			eth0, "a",
		},
		{
			"a name beats a pattern",
			map[string]cloudconfig.Interface{"eth*": {MTU: size["glob"]}, "eth0": {MTU: size["name"]}},
			eth0, "name",
		},
		{
			"a MAC address beats a name",
			map[string]cloudconfig.Interface{"eth0": {MTU: size["name"]}, "x": {Match: "mac:52:54:00:AA:BB:CC", MTU: size["mac"]}},
			eth0, "mac",
		},
		{
			"a MAC address may be written with an equals sign",
			map[string]cloudconfig.Interface{"x": {Match: "mac=52:54:00:aa:bb:cc", MTU: size["mac"]}},
			eth0, "mac",
		},
		{
			"a MAC address may be a pattern",
			map[string]cloudconfig.Interface{"x": {Match: "mac:52:54:*", MTU: size["mac"]}},
			eth0, "mac",
		},
		{
			"with match the key is only a label",
			map[string]cloudconfig.Interface{"eth0": {Match: "eth1", MTU: size["a"]}},
			eth0, "",
		},
		{
			"the longest pattern is the most specific",
			map[string]cloudconfig.Interface{"*": {MTU: size["all"]}, "eth*": {MTU: size["eth"]}},
			eth0, "eth",
		},
		{
			"a pattern that cannot be understood matches nothing",
			map[string]cloudconfig.Interface{"eth[": {MTU: size["a"]}},
			eth0, "",
		},
		{
			"a bond does not match by the MAC address of its port",
			map[string]cloudconfig.Interface{"x": {Match: "mac:52:54:*", MTU: size["mac"]}},
			link{Name: "bond0", Kind: "bond", MAC: eth0.MAC},
			"",
		},
		{
			"Docker's bridge is not matched by a pattern",
			map[string]cloudconfig.Interface{"*": {MTU: size["a"]}},
			link{Name: "docker0", Kind: "bridge"},
			"",
		},
		{
			"a container's link is not matched by a pattern",
			map[string]cloudconfig.Interface{"*": {MTU: size["a"]}},
			link{Name: "veth12ab", Kind: "veth"},
			"",
		},
		{
			"the loopback is matched by its name",
			map[string]cloudconfig.Interface{"lo": {MTU: size["a"]}},
			link{Name: "lo", Loopback: true},
			"a",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, _ := FromInterfaces("test", tt.entries)
			got, ok := match([]Document{doc}, tt.link)
			if ok != (tt.want != "") || ok && got.Link.MTU != size[tt.want] {
				t.Errorf("match = %v, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestWithoutInterfacesCablesGetDHCP(t *testing.T) {
	var s Settings
	for _, name := range []string{"eth0", "eth1", "enp0s3", "ens3"} {
		if m, ok := match(s.documents(), link{Name: name, Kind: "device"}); !ok || !m.Link.DHCP {
			t.Errorf("%s: dhcp = %v, matched %v", name, m.Link.DHCP, ok)
		}
	}
	if _, ok := match(s.documents(), link{Name: "wlan0", Kind: "device"}); ok {
		t.Error("wlan0 is matched by the default")
	}
}
