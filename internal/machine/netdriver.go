package machine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
)

// networkModules are what networks use whatever the user runs: dhcpcd asks for
// VLANs, and the daemons for bridges, address translation, and the matches and
// targets of their own rules. The kernel would load each when it is first used,
// through a modprobe that takes far longer than the loading, while its user
// waits.
var networkModules = []string{
	"nfnetlink", "xfrm_user", "8021q", "bridge", "veth", "nf_tables", "nft_compat", "nft_chain_nat",
	"xt_addrtype", "xt_conntrack", "xt_MASQUERADE", "xt_set",
}

// loadNetworkDrivers has the drivers of the network cards, and then the modules
// of networks, loaded in the background. Service udev would load the former too,
// after everything else that it finds; but the network is what most services
// wait for.
func loadNetworkDrivers(ctx context.Context, b *Boot) error {
	b.spawn(ctx, "network drivers", func(ctx context.Context) {
		tree, err := openModules()
		if err != nil {
			logrus.WithField("err", err).Debug("modules of networks are left to the kernel")
			return
		}
		// A virtual card shows on its own bus only when the driver of its PCI
		// function is there.
		b.probe(ctx, networkFunctions("/sys")...)
		for _, card := range networkDevices("/sys") {
			if tree.load(card.driver) != nil {
				b.probe(ctx, card.alias)
			}
		}
		if err := tree.load(networkModules...); err != nil {
			logrus.WithField("err", err).Debug("some modules of networks are left to the kernel")
		}
	})
	return nil
}

// pciNetwork is how the class of a network controller begins, as sysfs shows it.
const pciNetwork = "0x02"

// networkFunctions are the module aliases of the network controllers on PCI that
// have no driver.
func networkFunctions(sys string) []string {
	return aliasesOf(sys, "pci", func(device string) bool {
		return strings.HasPrefix(readTrimmed(filepath.Join(device, "class")), pciNetwork)
	})
}

// virtualCards are the network cards of hypervisors: the bus, the beginning of
// the module alias (virtio's device type 1, Hyper-V's class of network adapters,
// Xen's "vif"), and the driver, which is loaded without modprobe.
var virtualCards = []struct{ bus, alias, driver string }{
	{"virtio", "virtio:d00000001v", "virtio_net"},
	{"vmbus", "vmbus:635161f83edfc546913ff2d2f965ed0e", "hv_netvsc"},
	{"xen", "xen:vif", "xen_netfront"},
}

// virtualCard is one kind of card that is present and has no driver.
type virtualCard struct{ alias, driver string }

// networkDevices are the cards of hypervisors.
func networkDevices(sys string) []virtualCard {
	var all []virtualCard
	for _, kind := range virtualCards {
		aliases := aliasesOf(sys, kind.bus, func(device string) bool {
			return strings.HasPrefix(readTrimmed(filepath.Join(device, "modalias")), kind.alias)
		})
		for _, alias := range aliases {
			all = append(all, virtualCard{alias, kind.driver})
		}
	}
	return all
}

// aliasesOf are the module aliases of those devices on a bus that are wanted and
// that no driver has taken.
func aliasesOf(sys, bus string, wanted func(device string) bool) []string {
	devices := filepath.Join(sys, "bus", bus, "devices")
	entries, err := os.ReadDir(devices)
	if err != nil {
		return nil // there is no such bus
	}
	var aliases []string
	for _, e := range entries {
		device := filepath.Join(devices, e.Name())
		if _, err := os.Lstat(filepath.Join(device, "driver")); err == nil || !wanted(device) {
			continue
		}
		if alias := readTrimmed(filepath.Join(device, "modalias")); alias != "" {
			aliases = append(aliases, alias)
		}
	}
	slices.Sort(aliases)
	return slices.Compact(aliases)
}
