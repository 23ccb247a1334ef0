package host

import (
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/golden"
)

func TestQEMUCommandLine(t *testing.T) {
	base := Spec{Name: "a", ID: "00010203", Kind: VirtualMachine, Image: "/image", MemoryMiB: 512, CPUs: 2, NICs: 1, Disks: []Disk{{Size: 1}}}
	full := base
	full.Disks, full.NICs, full.Append = []Disk{{Size: 1}, {File: "/data/a,b.img"}}, 2, "rancher.debug=true quiet"
	full.Publish = []Publish{{8080, 80}, {8443, 443}}
	full.SMBIOS = []string{"type=1,manufacturer=VMware,, Inc.", "type=3,asset=one"}
	full.Seed = "/data/seed.img"
	bare := base
	bare.Disks, bare.NICs = nil, 0
	for name, args := range map[string][]string{
		"emulated with one disk":     qemuArgs(&base, TCG, 2222),
		"accelerated with all flags": qemuArgs(&full, KVM, 2222),
		"no disk and no interface":   qemuArgs(&bare, KVM, 2222),
	} {
		t.Run(name, func(t *testing.T) {
			golden.Equal(t, "testdata/"+strings.ReplaceAll(name, " ", "-")+".txt", strings.Join(args, "\n")+"\n")
		})
	}
}

const oops = "[    9.1] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\n[    9.1] CPU: 1 UID: 0 PID: 0 Comm: swapper/1\n"

func TestOnlyTheOneFaultOfTheEmulatorIsRecognised(t *testing.T) {
	place := "[    9.1] RIP: 0010:sched_clock_cpu+0x51/0xd0\n"
	far := strings.Repeat("[    9.1] other\n", faultReach+1)
	for _, row := range []struct {
		name, log string
		want      bool
	}{
		{"the signature", oops + place, true},
		{"other lines between", oops + "[    9.1] Hardware name: QEMU\n" + place, true},
		{"another place", oops + "[    9.1] RIP: 0010:schedule+0x51/0xd0\n", false},
		{"another oops", "[    9.1] Oops: 0000 [#1]\n" + place, false},
		{"the place alone", place, false},
		{"the place far away", oops + far + place, false},
		{"an unfinished line", strings.TrimSuffix(oops+place, "\n"), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var whole, pieces faultWatch
			if got := whole.saw(row.log); got != row.want {
				t.Errorf("at once: %v", got)
			}
			got := false
			for _, letter := range row.log {
				got = got || pieces.saw(string(letter))
			}
			if got != row.want {
				t.Errorf("letter by letter: %v", got)
			}
		})
	}
}
