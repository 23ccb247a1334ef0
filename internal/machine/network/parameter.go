package network

import (
	"fmt"
	"strconv"
	"strings"
	"time"

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
	options := map[string]string{}
	for _, key := range sortedKeys(params) {
		name, known := bondNames[key]
		if !known {
			name = plainOption(key, "bond_")
		}
		t.bondOption(options, name, params[key], append(path[:len(path):len(path)], key)...)
	}
	return options
}

// bondOption adds one option, unless it is none that this system sets.
func (t *translator) bondOption(options map[string]string, name string, values cloudconfig.Texts, path ...string) {
	value := strings.Join(values, ",")
	if bondTimes[name] {
		value = milliseconds(value)
	}
	switch name {
	case "slaves", "mii_status", "active_slave", "queue_id": // what a bond has or does, not what it is to be
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

// bridgeTimes are options that are written in seconds, and that the kernel
// counts in hundredths.
var bridgeTimes = map[string]bool{"ageing_time": true, "forward_delay": true, "hello_time": true, "max_age": true}

// bridgeParameters are a bridge's options by the kernel's names.
func bridgeParameters(params map[string]cloudconfig.Free) map[string]string {
	options := map[string]string{}
	for key, f := range params {
		if f.Node != nil && f.Node.Value != "" {
			bridgeOption(options, key, f.Node.Value)
		}
	}
	return options
}

func bridgeOption(options map[string]string, key, value string) {
	name, known := bridgeNames[key]
	switch {
	case !known:
		return // of its ports, or of programs that this system has not
	case name == "stp_state":
		value = oneOrZero(value)
	case bridgeTimes[name]:
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || seconds < 0 || seconds > 1e6 {
			return
		}
		value = strconv.Itoa(int(seconds * 100))
	}
	options[name] = value
}

func oneOrZero(word string) string {
	switch strings.ToLower(word) {
	case "on", "yes", "true", "1":
		return "1"
	}
	return "0"
}
