package network

import (
	"fmt"
	"strings"

	"github.com/google/shlex"

	"github.com/ros-os/ros/internal/supervise"
)

// dhcpOptions are asked of the server; rapid_commit saves one round trip.
const dhcpOptions = "domain_name_servers, domain_name, domain_search, host_name, ntp_servers, rapid_commit"

// dhcpcdConf is the configuration of dhcpcd for the links that it has work on.
//
// The kernel does IPv6 autoconfiguration by itself: dhcpcd asks for an address
// of IPv6 only where that is wanted. No random delay and no ARP probe before the
// address is used: a lease takes milliseconds. The address stays when dhcpcd
// ends, so that a restart of this service cuts no connection. What a lease says
// is read from the lease file: no hook is run.
func dhcpcdConf(hostname string, wants []want) string {
	var b strings.Builder
	b.WriteString("# made by ros; changes are lost\n")
	fmt.Fprintf(&b, "allowinterfaces %s\n", strings.Join(linkNames(wants), " "))
	b.WriteString("noipv6rs\nnodelay\nnodev\npersistent\nclientid\ntimeout 0\nscript \"\"\n")
	fmt.Fprintf(&b, "option %s\n", dhcpOptions)
	for _, w := range wants {
		fmt.Fprintf(&b, "\ninterface %s\n", w.Name)
		for _, line := range dhcpcdLines(hostname, w) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// dhcpcdLines are what dhcpcd is told about one link.
func dhcpcdLines(hostname string, w want) []string {
	lines := []string{"ipv4only"}
	if w.DHCP6 {
		lines = []string{"ia_na 1"}
	}
	if !w.DHCP {
		lines = append(lines, "nodhcp")
	}
	if !w.IPv4LL {
		lines = append(lines, "noipv4ll", "noarp") // IPv4LL needs ARP to find a free address
	}
	asks := w.Lease
	if !w.DHCP && w.DHCP6 {
		asks = w.Lease6
	}
	if name := asks.Hostname; name != "" && oneWord(name) {
		hostname = name
	}
	if hostname != "" && !asks.Silent {
		lines = append(lines, "hostname "+hostname)
	}
	// A size that is configured is not changed by a lease.
	if w.Lease.NoMTU || w.MTU != 0 {
		lines = append(lines, "nooption interface_mtu")
	} else {
		lines = append(lines, "option interface_mtu")
	}
	if w.Lease.NoRoutes {
		lines = append(lines, "nogateway", "nooption classless_static_routes, static_routes")
	} else {
		lines = append(lines, "option classless_static_routes")
	}
	if w.Lease.Metric != 0 {
		lines = append(lines, fmt.Sprintf("metric %d", w.Lease.Metric))
	}
	return lines
}

func linkNames(wants []want) []string {
	names := make([]string, 0, len(wants))
	for _, w := range wants {
		names = append(names, w.Name)
	}
	return names
}

// dhcpcdPrograms are the dhcpcd processes to keep running: one for all links
// that need nothing special, and one for each that has arguments of its own.
func dhcpcdPrograms(confPath, hostname string, wants []want) (programs []supervise.Program, conf string, problems []string) {
	var plain []want
	for _, w := range wants {
		if !w.byDHCPCD() {
			continue
		}
		if w.DHCPArgs == "" {
			plain = append(plain, w)
			continue
		}
		args, err := shlex.Split(w.DHCPArgs)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: cannot use dhcp_args %q: %v", w.Name, w.DHCPArgs, err))
			plain = append(plain, w)
			continue
		}
		argv := append([]string{"dhcpcd", "--nobackground", "--persistent", "--config", "/dev/null", "--script", ""}, args...)
		programs = append(programs, supervise.Program{Name: "dhcpcd " + w.Name, Argv: append(argv, w.Name)})
	}
	if len(plain) > 0 {
		conf = dhcpcdConf(hostname, plain)
		programs = append(programs, supervise.Program{
			Name: "dhcpcd", Argv: []string{"dhcpcd", "--nobackground", "--config", confPath}, Inputs: conf,
		})
	}
	return programs, conf, problems
}
