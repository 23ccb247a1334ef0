package host

import (
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for _, row := range []struct {
		text string
		want int64 // 0: refused
	}{
		{"1", 1},
		{"512M", 512 << 20},
		{"8G", 8 << 30},
		{"8GiB", 8 << 30},
		{"8gb", 8 << 30},
		{"2T", 2 << 40},
		{"", 0},
		{"G", 0},
		{"0", 0},
		{"-1G", 0},
		{"1.5G", 0},
		{"8X", 0},
		{"8GG", 0},
		{"9000000000000T", 0},
		{"99999999999999999999", 0},
	} {
		t.Run(row.text, func(t *testing.T) {
			got, err := ParseSize(row.text)
			if got != row.want || (err == nil) != (row.want > 0) {
				t.Errorf("ParseSize(%q) = %d, %v; want %d", row.text, got, err, row.want)
			}
		})
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("8G")
	f.Add("1KiB")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseSize(text); err == nil && n <= 0 {
			t.Errorf("ParseSize(%q) = %d without an error", text, n)
		}
	})
}

func TestParsePublish(t *testing.T) {
	got, err := ParsePublish("8080:80")
	if err != nil || got != (Publish{Host: 8080, Guest: 80}) {
		t.Errorf("ParsePublish(8080:80) = %v, %v", got, err)
	}
	for _, bad := range []string{"", "80", "80:", ":80", "0:80", "80:0", "65536:1", "a:b", "1:2:3", "-1:2"} {
		if got, err := ParsePublish(bad); err == nil {
			t.Errorf("ParsePublish(%q) = %v; want an error", bad, got)
		}
	}
}

func TestASpecIsRefusedForWhatItsKindCannotHave(t *testing.T) {
	for _, row := range []struct {
		name, want string
		spec       Spec
	}{
		{"name with a slash", "cannot name", Spec{Name: "a/b", Kind: Namespaces}},
		{"name that begins with a hyphen", "cannot name", Spec{Name: "-a", Kind: Namespaces}},
		{"upper-case name", "cannot name", Spec{Name: "A", Kind: Namespaces}},
		{"unknown kind", "of kind", Spec{Name: "a", Kind: "x"}},
		{"too many interfaces", "network interfaces", Spec{Name: "a", Kind: VirtualMachine, NICs: 9}},
		{"disks in namespaces", "belong to --vm", Spec{Name: "a", Kind: Namespaces, Disks: []Disk{{Size: 1}}}},
		{"memory in namespaces", "belong to --vm", Spec{Name: "a", Kind: Namespaces, MemoryMiB: 1}},
		{"firmware in namespaces", "belongs to --vm", Spec{Name: "a", Kind: Namespaces, SMBIOS: []string{"type=1,serial=1"}}},
		{"state size of a virtual machine", "belongs to --ns", Spec{Name: "a", Kind: VirtualMachine, StateSize: 1}},
		{"a key that nothing lets in", "belongs to --seed", Spec{Name: "a", Kind: VirtualMachine, Key: "/key"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.spec.check()
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("check() = %v; want %q in it", err, row.want)
			}
		})
	}
	good := Spec{Name: "a-1", Kind: Namespaces, NICs: 2, StateSize: 1 << 30}
	if err := good.check(); err != nil {
		t.Errorf("check() of a good one = %v", err)
	}
}

func TestInterfacesHaveStableAndDifferentAddresses(t *testing.T) {
	one, same, two := Spec{ID: "a2b43100"}, Spec{ID: "a2b43100"}, Spec{ID: "a2b43101"}
	if string(one.mac(0)) != string(same.mac(0)) || string(one.mac(0)) == string(one.mac(1)) || string(one.mac(0)) == string(two.mac(0)) {
		t.Errorf("addresses %x %x %x", one.mac(0), one.mac(1), two.mac(0))
	}
}
