package machine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
)

// loadNetworkDrivers has the drivers of the network cards loaded in the
// background. Service udev would do so too, after everything else that it finds;
// but the network is what most services wait for.
func loadNetworkDrivers(ctx context.Context, b *Boot) error {
	b.spawn(ctx, "network drivers", func(ctx context.Context) {
		// A virtual card shows on its own bus only when the driver of its PCI
		// function is there.
		for _, find := range []func(sys string) []string{networkFunctions, networkDevices} {
			aliases := find("/sys")
			if len(aliases) == 0 {
				continue
			}
			// What is blacklisted stays out, and what has no driver is none of ours.
			if err := b.modprobe(ctx, append([]string{"-abq", "--"}, aliases...)...); err != nil {
				logrus.WithField("err", err).Debug("a network card has no driver")
			}
		}
	})
	return nil
}

// pciNetwork is how the class of a network controller begins, as sysfs shows it.
const pciNetwork = "0x02"

// networkFunctions are the module aliases of the network controllers on PCI.
func networkFunctions(sys string) []string {
	return aliasesOf(sys, "pci", func(device string) bool {
		return strings.HasPrefix(readTrimmed(filepath.Join(device, "class")), pciNetwork)
	})
}

// virtualNetwork are the beginnings of the module aliases of the network cards
// of hypervisors: virtio's device type 1, Hyper-V's class of network adapters,
// and Xen's "vif".
var virtualNetwork = []string{"virtio:d00000001v", "vmbus:635161f83edfc546913ff2d2f965ed0e", "xen:vif"}

// networkDevices are the module aliases of the cards of hypervisors.
func networkDevices(sys string) []string {
	var all []string
	for _, bus := range []string{"virtio", "vmbus", "xen"} {
		all = append(all, aliasesOf(sys, bus, func(device string) bool {
			alias := readTrimmed(filepath.Join(device, "modalias"))
			return slices.ContainsFunc(virtualNetwork, func(p string) bool { return strings.HasPrefix(alias, p) })
		})...)
	}
	return all
}

// aliasesOf are the module aliases of those devices on a bus that are wanted.
func aliasesOf(sys, bus string, wanted func(device string) bool) []string {
	devices := filepath.Join(sys, "bus", bus, "devices")
	entries, err := os.ReadDir(devices)
	if err != nil {
		return nil // there is no such bus
	}
	var aliases []string
	for _, e := range entries {
		device := filepath.Join(devices, e.Name())
		if alias := readTrimmed(filepath.Join(device, "modalias")); alias != "" && wanted(device) {
			aliases = append(aliases, alias)
		}
	}
	slices.Sort(aliases)
	return slices.Compact(aliases)
}
