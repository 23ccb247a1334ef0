// Package network is the main of service "network": it makes the interfaces
// match what the configuration says about them, keeps dhcpcd running for those
// that get their address by DHCP, writes resolv.conf, and says when the network
// is ready.
//
// What the sources of the configuration say, in RancherOS's keys or in
// cloud-init's, is translated into one model ([Document]) where the settings are
// handed over. From then on there are three parts: what the kernel has is
// observed, what differs from the settings becomes a [Plan], which is pure, and
// its steps are executed, which decides nothing. A pass is made when the
// settings, a lease or anything in the kernel changes.
//
// It knows links, addresses and leases. It reads no YAML, knows no Docker, and
// never decides what the configuration is: that is handed over in one file.
package network
