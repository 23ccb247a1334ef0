package compose

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// publication is a port of the machine that a service is to have.
type publication struct {
	by     string
	ip     string // "" is every address
	origin cloudconfig.Pos
}

// sharePorts finds ports of the machine that two services publish: only the first to
// start can have them. Those that do not run all the time may take turns.
func (b *builder) sharePorts() {
	seen := map[string][]publication{}
	b.each(func(d *draft) {
		if !d.usable() || d.inactive || d.svc.CreateOnly || d.svc.OneShot {
			return
		}
		for _, port := range d.svc.Spec.Ports {
			if port.Published == "" || port.Published == "0" || strings.Contains(port.Published, "-") {
				continue // Docker takes one that is free
			}
			number := port.Published + "/" + cmp.Or(port.Protocol, "tcp")
			own := publication{by: d.name, ip: everyAddress(port), origin: d.tree.posOf("ports")}
			for _, other := range seen[number] {
				if other.by != own.by && (own.ip == other.ip || own.ip == "" || other.ip == "") {
					d.warn(own.origin, d.at.below("ports"),
						fmt.Sprintf("port %s is published by %s, too, at %s", number, other.by, other.origin), "give one of them another port")
					break
				}
			}
			seen[number] = append(seen[number], own)
		}
	})
}

// everyAddress is the address that a port is published on; empty for all of them.
func everyAddress(port types.ServicePortConfig) string {
	if ip, err := netip.ParseAddr(port.HostIP); err == nil && ip.IsUnspecified() {
		return ""
	}
	return port.HostIP
}
