package machine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestNetworkCardsAreFound(t *testing.T) {
	sys := t.TempDir()
	device := func(bus, name, class, alias string) {
		dir := filepath.Join(sys, "bus", bus, "devices", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"class": class, "modalias": alias} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	device("pci", "0000:00:01.0", "0x020000", "pci:v00008086d0000100Esv0sd0bc02sc00i00")
	device("pci", "0000:00:02.0", "0x020000", "pci:v00008086d0000100Esv0sd0bc02sc00i00") // a second one of its kind
	device("pci", "0000:00:03.0", "0x010000", "pci:v00001AF4d00001001sv0sd2bc01sc00i00") // a disk
	device("virtio", "virtio0", "", "virtio:d00000001v00001AF4")
	device("virtio", "virtio1", "", "virtio:d00000002v00001AF4") // a disk
	device("vmbus", "a", "", "vmbus:635161f83edfc546913ff2d2f965ed0e")

	device("pci", "0000:00:04.0", "0x020000", "pci:v00001AF4d00001000sv0sd1bc02sc00i00")
	if err := os.Mkdir(filepath.Join(sys, "bus/pci/devices/0000:00:04.0/driver"), 0o755); err != nil { // virtio_pci has it
		t.Fatal(err)
	}

	if got := networkFunctions(sys); !slices.Equal(got, []string{"pci:v00008086d0000100Esv0sd0bc02sc00i00"}) {
		t.Errorf("on PCI: %q", got)
	}
	want := []virtualCard{
		{"virtio:d00000001v00001AF4", "virtio_net"},
		{"vmbus:635161f83edfc546913ff2d2f965ed0e", "hv_netvsc"},
	}
	if got := networkDevices(sys); !slices.Equal(got, want) {
		t.Errorf("virtual: %q", got)
	}
	if got := networkFunctions(t.TempDir()); got != nil {
		t.Errorf("without any bus: %q", got)
	}
}
