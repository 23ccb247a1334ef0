package compose

import (
	"fmt"
	"slices"
	"strings"
)

// mostReplicas is how many containers one service may be.
const mostReplicas = 100

// readScale checks that a service can be as many containers as it says.
func (d *draft) readScale() {
	pos, at := d.tree.posOf(d.scaled), d.at.below(d.scaled)
	switch {
	case d.scale < 0 || d.scale > mostReplicas:
		d.fail(pos, at, fmt.Sprintf("a service cannot be %d containers", d.scale), fmt.Sprintf("write a number from 0 to %d", mostReplicas))
		d.scale = 1
	case d.scale == 0:
		d.inactive = true
	case d.scale == 1:
	case d.svc.Spec.ContainerName != "":
		d.fail(d.tree.posOf("container_name"), d.at.below("container_name"),
			fmt.Sprintf("%d containers cannot have one name", d.scale), "remove container_name: they are numbered")
	default:
		d.checkReplicaPorts()
	}
}

// checkReplicaPorts finds ports of the machine that only one replica could have.
func (d *draft) checkReplicaPorts() {
	for _, port := range d.svc.Spec.Ports {
		if port.Published != "" && port.Published != "0" && !strings.Contains(port.Published, "-") {
			d.fail(d.tree.posOf("ports"), d.at.below("ports"),
				fmt.Sprintf("%d containers cannot all publish port %s", d.scale, port.Published),
				"publish a range such as 8080-8089:80, or no port of the machine")
			return
		}
	}
}

// profilesVariable lists the profiles that are active, as for docker compose.
const profilesVariable = "COMPOSE_PROFILES"

// activate decides whether a service with profiles is wanted: one of them is
// listed, or "*" is. One without profiles always is.
func (b *builder) activate(d *draft) {
	profiles := d.svc.Spec.Profiles
	if len(profiles) == 0 {
		return
	}
	value, _ := d.vars.lookup(d.part, profilesVariable)
	active := list(value)
	d.inactive = !slices.ContainsFunc(profiles, func(p string) bool {
		return slices.Contains(active, p) || slices.Contains(active, "*")
	})
}
