package cloudconfig

// What the parameters of bonds and bridges are called, and the words that they
// may have, nil being anything. A number is what the kernel knows a word by.

func bondModes() []string {
	return []string{
		"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
		"0", "1", "2", "3", "4", "5", "6",
	}
}

func hashPolicies() []string {
	return []string{
		"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac",
		"0", "1", "2", "3", "4", "5",
	}
}

func onOrOff() []string { return []string{"on", "off", "yes", "no", "true", "false", "0", "1"} }

// bondParams1 are the parameters of bonds in version 1, without "bond-".
func bondParams1() map[string][]string {
	params := map[string][]string{
		"mode":             bondModes(),
		"lacp_rate":        {"slow", "fast", "0", "1"},
		"xmit_hash_policy": hashPolicies(),
		"ad_select":        {"stable", "bandwidth", "count", "0", "1", "2"},
		"arp_all_targets":  {"any", "all", "0", "1"},
		"fail_over_mac":    {"none", "active", "follow", "0", "1", "2"},
		"primary_reselect": {"always", "better", "failure", "0", "1", "2"},
	}
	for _, name := range []string{
		"active_slave", "ad_actor_key", "ad_actor_sys_prio", "ad_actor_system", "ad_aggregator", "ad_num_ports", "ad_partner_key",
		"ad_partner_mac", "ad_user_port_key", "all_slaves_active", "arp_interval", "arp_ip_target", "arp_validate", "downdelay",
		"lp_interval", "miimon", "mii_status", "min_links", "num_grat_arp", "num_unsol_na", "packets_per_slave", "peer_notif_delay",
		"primary", "queue_id", "resend_igmp", "slaves", "tlb_dynamic_lb", "updelay", "use_carrier",
	} {
		params[name] = nil
	}
	return params
}

// bondParams2 are the parameters of bonds in version 2. Netplan has given some
// of them better names since.
func bondParams2() map[string][]string {
	params := map[string][]string{
		"mode":                    bondModes(),
		"lacp-rate":               {"slow", "fast"},
		"transmit-hash-policy":    hashPolicies(),
		"ad-select":               {"stable", "bandwidth", "count"},
		"arp-validate":            {"none", "active", "backup", "all"},
		"arp-all-targets":         {"any", "all"},
		"fail-over-mac-policy":    {"none", "active", "follow"},
		"primary-reselect-policy": {"always", "better", "failure"},
	}
	for _, name := range []string{
		"mii-monitor-interval", "min-links", "all-slaves-active", "all-members-active", "arp-interval", "arp-ip-targets", "up-delay",
		"down-delay", "gratuitous-arp", "packets-per-slave", "packets-per-member", "learn-packet-interval",
		"resend-igmp", "primary",
		"gratuitious-arp", //nolint:misspell // netplan once called it so
	} {
		params[name] = nil
	}
	return params
}

// bridgeParams1 are the parameters of bridges in version 1, without "bridge_".
func bridgeParams1() map[string][]string {
	return map[string][]string{
		"ageing": nil, "bridgeprio": nil, "fd": nil, "gcint": nil, "hello": nil, "hw": nil, "maxage": nil, "maxwait": nil,
		"pathcost": nil, "portprio": nil, "ports": nil, "stp": onOrOff(), "waitport": nil,
	}
}

// bridgeVlanParams are parameters of a bridge in version 2 that this system does not
// set.
var bridgeVlanParams = []string{"vlan-filtering", "vlan-default-pvid", "vlans", "port-vlans"}

// bridgeParams2 are the parameters of bridges in version 2.
func bridgeParams2() map[string][]string {
	return map[string][]string{
		"ageing-time": nil, "aging-time": nil, "priority": nil, "port-priority": nil, "forward-delay": nil, "hello-time": nil,
		"max-age": nil, "path-cost": nil, "stp": onOrOff(),
	}
}
