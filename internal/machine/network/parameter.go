package network

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
)

// bondNames are netplan's names of a bond's parameters, and the kernel's.
var bondNames = map[string]string{
	"mode": "mode", "lacp-rate": "lacp_rate", "transmit-hash-policy": "xmit_hash_policy", "ad-select": "ad_select",
	"arp-validate": "arp_validate", "arp-all-targets": "arp_all_targets", "fail-over-mac-policy": "fail_over_mac",
	"primary-reselect-policy": "primary_reselect", "mii-monitor-interval": "miimon", "min-links": "min_links",
	"all-slaves-active": "all_slaves_active", "all-members-active": "all_slaves_active", "arp-interval": "arp_interval",
	"arp-ip-targets": "arp_ip_target", "up-delay": "updelay", "down-delay": "downdelay",
	"gratuitous-arp": "num_grat_arp", "packets-per-slave": "packets_per_slave", "packets-per-member": "packets_per_slave",
	"gratuitious-arp":       "num_grat_arp", //nolint:misspell // netplan once called it so
	"learn-packet-interval": "lp_interval", "resend-igmp": "resend_igmp", "primary": "primary",
}

// bondParameters are a bond's options by the kernel's names; those that it does
// not take are told.
func (t *translator) bondParameters(params map[string]cloudconfig.Texts, path ...string) map[string]string {
	options, paths := map[string]string{}, map[string][]string{}
	for _, key := range sortedKeys(params) {
		name, known := bondNames[key]
		if !known {
			name = plainOption(key, "bond_")
		}
		paths[name] = below(path, key)
		t.bondOption(options, name, params[key], paths[name]...)
	}
	t.fitBond(options, paths)
	return options
}

// bondOption adds one option, unless it is none that this system sets.
func (t *translator) bondOption(options map[string]string, name string, values cloudconfig.Texts, path ...string) {
	value := strings.Join(values, ",")
	if bondTimes[name] {
		value = milliseconds(value)
	}
	switch name {
	case "slaves", "mii_status", "active_slave", "queue_id", "ad_actor_key", "ad_aggregator", "ad_num_ports", "ad_partner_key", "ad_partner_mac":
		if value != "none" {
			t.warn("is left out: it is what a bond has or does, not what it is to be", "", path...)
		}
		return
	}
	if _, err := newBond(linkAttrs("bond0"), map[string]string{name: value}); err != nil {
		t.fail(fmt.Sprintf("cannot use %q: %v", value, err), "", path...)
		return
	}
	options[name] = value
}

// bondTimes are options in milliseconds, which netplan lets have a unit.
var bondTimes = map[string]bool{"miimon": true, "updelay": true, "downdelay": true, "arp_interval": true}

func milliseconds(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return text
	}
	if d, err := time.ParseDuration(text); err == nil {
		return strconv.FormatInt(d.Milliseconds(), 10)
	}
	return text
}

// plainOption is a parameter of version 1 without its prefix, however its words
// are joined.
func plainOption(key, prefix string) string {
	return strings.TrimPrefix(strings.ReplaceAll(key, "-", "_"), prefix)
}

// bridgeNames are the parameters of a bridge in both versions, and the kernel's
// names. Version 1 is without "bridge_".
var bridgeNames = map[string]string{
	"ageing-time": "ageing_time", "aging-time": "ageing_time", "priority": "priority", "forward-delay": "forward_delay",
	"hello-time": "hello_time", "max-age": "max_age", "stp": "stp_state",
	"ageing": "ageing_time", "bridgeprio": "priority", "fd": "forward_delay", "hello": "hello_time", "maxage": "max_age",
}

// bridgeRanges are what the kernel takes of a bridge's options; of those in hundredths
// of a second, which are written in seconds.
var bridgeRanges = map[string][2]int{
	"ageing_time": {0, 1 << 30}, "forward_delay": {0, 3000}, "hello_time": {100, 1000}, "max_age": {600, 4000},
	"priority": {0, 1<<16 - 1}, "stp_state": {0, 1},
}

// portOptions1 and portOptions2 are the parameters of a bridge's ports in each version,
// and what this system calls them.
var (
	portOptions1 = map[string]string{"pathcost": "cost", "portprio": "priority"}
	portOptions2 = map[string]string{"path-cost": "cost", "port-priority": "priority"}
)

// bridgeParameters are a bridge's options by the kernel's names.
func (t *translator) bridgeParameters(params map[string]cloudconfig.Free, path ...string) map[string]string {
	options := map[string]string{}
	for _, key := range sortedKeys(params) {
		if f := params[key]; f.Node != nil && portOptions2[key] == "" {
			t.bridgeOption(options, key, f.Node.Value, below(path, key)...)
		}
	}
	return options
}

// bridgeOption adds an option, unless it is none that this system sets, or the kernel
// would not take it: all options are set at once.
func (t *translator) bridgeOption(options map[string]string, key, text string, path ...string) {
	name, known := bridgeNames[key]
	if !known {
		t.warn("is not set: this system has no such option of a bridge", "", path...)
		return
	}
	value, ok := bridgeNumber(name, text)
	if limits := bridgeRanges[name]; !ok || value < limits[0] || value > limits[1] {
		t.fail(fmt.Sprintf("cannot use %q", text), bridgeHint(name), path...)
		return
	}
	options[name] = strconv.Itoa(value)
}

// bridgeNumber reads an option as the kernel counts it.
func bridgeNumber(name, text string) (int, bool) {
	switch name {
	case "priority":
		n, err := strconv.Atoi(text)
		return n, err == nil
	case "stp_state":
		return onOrOff(text)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if d, derr := time.ParseDuration(text); err != nil && derr == nil {
		seconds, err = d.Seconds(), nil
	}
	if err != nil || !(seconds >= 0 && seconds < 1e7) {
		return 0, false
	}
	return int(math.Round(seconds * 100)), true
}

func bridgeHint(name string) string {
	limits := bridgeRanges[name]
	switch name {
	case "stp_state":
		return "on or off"
	case "priority":
		return fmt.Sprintf("a number from %d to %d", limits[0], limits[1])
	}
	return fmt.Sprintf("seconds from %d to %d", limits[0]/100, limits[1]/100)
}

func onOrOff(word string) (int, bool) {
	switch strings.ToLower(word) {
	case "on", "yes", "y", "true", "1":
		return 1, true
	case "off", "no", "n", "false", "0":
		return 0, true
	}
	return 0, false
}

// portParameters gives ports what a bridge of version 2 has for them.
func (t *translator) portParameters(doc *Document, b cloudconfig.BridgeConfig, path ...string) {
	for _, key := range sortedKeys(portOptions2) {
		f := b.Parameters[key]
		for i := 0; f.Node != nil && i+1 < len(f.Node.Content); i += 2 {
			port, value := f.Node.Content[i].Value, f.Node.Content[i+1].Value
			t.portOption(doc, b.Interfaces, [3]string{port, portOptions2[key], value}, below(path, key, port)...)
		}
		if f.Node != nil && f.Node.Kind == yaml.ScalarNode && f.Node.Value != "" {
			t.fail("is not set", "write a map of ports, such as "+key+": {eth0: 16}", below(path, key)...)
		}
	}
}

// portOption gives one port of a bridge an option: port, option and value.
func (t *translator) portOption(doc *Document, ports []string, of [3]string, path ...string) {
	i := slices.IndexFunc(doc.Entries, func(e Entry) bool { return e.ID == of[0] })
	n, err := strconv.Atoi(of[2])
	limits := portLimits[of[1]]
	switch {
	case i < 0 || !slices.Contains(ports, of[0]):
		t.fail(fmt.Sprintf("is not set: %q is no part of the bridge", of[0]), "", path...)
		return
	case err != nil || n < limits[0] || n > limits[1]:
		t.fail(fmt.Sprintf("cannot use %q", of[2]), fmt.Sprintf("a number from %d to %d", limits[0], limits[1]), path...)
		return
	}
	l := &doc.Entries[i].Link
	if l.Port == nil {
		l.Port = map[string]int{}
	}
	l.Port[of[1]] = n
}

var portLimits = map[string][2]int{"cost": {1, 65535}, "priority": {0, 63}}
