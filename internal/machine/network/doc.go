// Package network is the main of service "network": it makes the interfaces
// match what the configuration says about them, keeps dhcpcd running for those
// that get their address by DHCP, writes resolv.conf, and says when the network
// is ready.
//
// It knows links, addresses and leases. It reads no YAML, knows no Docker, and
// never decides what the configuration is: that is handed over in one file.
package network
