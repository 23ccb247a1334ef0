package osimage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const dep = `kernel/fs/overlayfs/overlay.ko:
kernel/drivers/scsi/sd_mod.ko: kernel/drivers/scsi/scsi_mod.ko kernel/drivers/scsi/scsi_common.ko
kernel/drivers/scsi/scsi_mod.ko: kernel/drivers/scsi/scsi_common.ko
kernel/drivers/scsi/scsi_common.ko:
kernel/drivers/cdrom/cdrom.ko.xz:
kernel/drivers/scsi/sr_mod.ko.xz: kernel/drivers/cdrom/cdrom.ko.xz kernel/drivers/scsi/scsi_mod.ko kernel/drivers/scsi/scsi_common.ko
kernel/fs/nls/nls_iso8859-1.ko:
`

func TestModulesAreLoadedAfterWhatTheyNeed(t *testing.T) {
	m, err := ParseModules([]byte(dep))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, ask, want, absent string }{
		{"one that needs nothing", "overlay", "overlay", ""},
		{"what is needed comes first", "sd_mod", "scsi_common scsi_mod sd_mod", ""},
		{"what two need comes once", "sd_mod sr_mod", "scsi_common scsi_mod sd_mod cdrom sr_mod", ""},
		{"asked for and needed is once", "scsi_mod sd_mod", "scsi_common scsi_mod sd_mod", ""},
		{"underscore and dash are the same", "nls_iso8859_1", "nls_iso8859-1", ""},
		{"built in or absent is told", "ext4 overlay 9p", "overlay", "ext4 9p"},
		{"nothing", "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			files, absent := m.Order(strings.Fields(row.ask))
			var names []string
			for _, f := range files {
				name, _, _ := strings.Cut(f[strings.LastIndex(f, "/")+1:], ".ko")
				names = append(names, name)
			}
			if strings.Join(names, " ") != row.want || strings.Join(absent, " ") != row.absent {
				t.Errorf("got %v, absent %v", names, absent)
			}
		})
	}
}

func TestTheClosureHoldsAllNeeds(t *testing.T) {
	m, err := ParseModules([]byte(dep))
	if err != nil {
		t.Fatal(err)
	}
	got := m.Closure(func(file string) bool { return strings.Contains(file, "sr_mod") })
	want := "kernel/drivers/cdrom/cdrom.ko.xz kernel/drivers/scsi/scsi_common.ko kernel/drivers/scsi/scsi_mod.ko kernel/drivers/scsi/sr_mod.ko.xz"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}

func TestKeptModules(t *testing.T) {
	for file, want := range map[string]bool{
		"kernel/drivers/net/veth.ko":                             true,
		"kernel/drivers/net/wireguard/wireguard.ko":              true,
		"kernel/fs/overlayfs/overlay.ko":                         true,
		"kernel/net/netfilter/nf_tables.ko":                      true,
		"kernel/fs/nls/nls_utf8.ko":                              true,
		"kernel/fs/nls/nls_iso8859-1.ko":                         true,
		"kernel/fs/nls/nls_iso8859-13.ko":                        false,
		"kernel/net/sched/sch_fq_codel.ko":                       true,
		"kernel/net/sched/sch_teql.ko":                           false,
		"kernel/drivers/net/ethernet/mellanox/mlx4/mlx4_core.ko": false,
		"kernel/drivers/infiniband/core/ib_core.ko":              false,
		"kernel/drivers/comedi/comedi.ko":                        false,
		"kernel/drivers/net/wireless/virtual/mac80211_hwsim.ko":  false,
	} {
		if keepModule(file) != want {
			t.Errorf("%s is kept: %v, want %v", file, !want, want)
		}
	}
}

// TestOrderOfAnyGraph checks the order against the definition of one.
func TestOrderOfAnyGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 12).Draw(t, "modules")
		needs := make([][]int, count) // a module needs only ones with a smaller number
		var text strings.Builder
		for i := range count {
			for j := range i {
				if rapid.Bool().Draw(t, "needs") {
					needs[i] = append(needs[i], j)
				}
			}
			// As depmod does: all needs, direct and not, what to load first last.
			all := closure(needs, i)
			slices.Sort(all)
			slices.Reverse(all)
			fmt.Fprintf(&text, "k/m%d.ko:", i)
			for _, j := range all {
				fmt.Fprintf(&text, " k/m%d.ko", j)
			}
			fmt.Fprintln(&text)
		}
		m, err := ParseModules([]byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		var ask []string
		for _, i := range rapid.SliceOf(rapid.IntRange(0, count-1)).Draw(t, "asked") {
			ask = append(ask, fmt.Sprintf("m%d", i))
		}
		files, absent := m.Order(ask)
		if len(absent) > 0 {
			t.Fatalf("absent: %v", absent)
		}
		loaded := map[string]bool{}
		for _, f := range files {
			var i int
			if _, err := fmt.Sscanf(f, "k/m%d.ko", &i); err != nil {
				t.Fatal(err)
			}
			for _, j := range needs[i] {
				if !loaded[fmt.Sprintf("k/m%d.ko", j)] {
					t.Fatalf("%s is loaded before m%d: %v", f, j, files)
				}
			}
			if loaded[f] {
				t.Fatalf("%s is loaded twice", f)
			}
			loaded[f] = true
		}
	})
}

func closure(needs [][]int, i int) []int {
	var all []int
	for _, j := range needs[i] {
		for _, k := range append(closure(needs, j), j) {
			if !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return all
}

func FuzzParseModules(f *testing.F) {
	f.Add(dep)
	f.Add(":")
	f.Add("a.ko: a.ko\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseModules([]byte(text))
		if err != nil {
			return
		}
		for _, file := range m.Closure(func(string) bool { return true }) {
			if file == "" {
				t.Error("a module without a name")
			}
		}
		m.Order([]string{"a", "overlay"})
	})
}
