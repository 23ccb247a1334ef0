package network

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// machineLinks is a machine with four cards and what Docker made.
func machineLinks() []link {
	return []link{
		{Name: "lo", Kind: "device", Loopback: true, Up: true, MTU: 65536},
		nic("eth0", "52:54:00:00:00:01"), nic("eth1", "52:54:00:00:00:02"),
		nic("eth2", "52:54:00:00:00:03"), nic("eth3", "52:54:00:00:00:04"),
		{Name: "docker0", Kind: "bridge", Up: true, MTU: 1500},
		{Name: "veth12ab", Kind: "veth", Up: true, MTU: 1500, Master: "docker0", MAC: "52:54:00:00:00:99"},
	}
}

func read(t testing.TB, data []byte) Settings {
	t.Helper()
	n, report := cloudconfig.ParseNetworkConfig("network-config", data)
	doc, more := FromNetworkConfig("network", n)
	if err := append(report, more...).Err(); err != nil {
		t.Fatal(err)
	}
	return Settings{Documents: []Document{doc}}
}

// TestPlans reads testdata/diff/*.txtar: configurations that come one after the
// other on the machine of [machineLinks], and beside them what is done for each.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/diff/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			k := newKernel(machineLinks()...)
			var given map[string]applied
			var text strings.Builder
			for _, f := range a.Files {
				var plan, again Plan
				plan, given = k.carry(t, read(t, f.Data), given)
				text.WriteString("-- " + f.Name + " --\n" + plan.String())
				if again, _ = k.carry(t, read(t, f.Data), given); len(again.Steps) > 0 {
					t.Errorf("%s: there is still to do:\n%s", f.Name, again)
				}
			}
			golden.Equal(t, strings.TrimSuffix(path, ".txtar")+".golden", text.String())
		})
	}
}

// drawn are settings of any shape over the cards of [machineLinks].
func drawn(t *rapid.T) Settings {
	cards := []string{"eth0", "eth1", "eth2", "eth3"}
	doc := Document{Source: "test"}
	free := slices.Clone(cards)
	take := func() []string {
		n := rapid.IntRange(0, min(2, len(free))).Draw(t, "ports")
		out := free[:n]
		free = free[n:]
		return out
	}
	for _, d := range []struct {
		name    string
		kind    Kind
		options map[string]string
	}{
		{"bond0", Bond, map[string]string{"mode": rapid.SampledFrom([]string{"1", "4"}).Draw(t, "mode"), "miimon": rapid.SampledFrom([]string{"50", "100"}).Draw(t, "miimon")}},
		{"br0", Bridge, map[string]string{"stp_state": rapid.SampledFrom([]string{"0", "1"}).Draw(t, "stp")}},
	} {
		if rapid.Bool().Draw(t, d.name) {
			doc.Devices = append(doc.Devices, Device{Name: d.name, Kind: d.kind, Options: d.options})
			doc.Entries = append(doc.Entries, Entry{ID: d.name, Match: Match{Name: d.name}, Link: drawnLink(t, d.name)})
			for _, port := range take() {
				doc.Entries = append(doc.Entries, Entry{ID: port, Match: Match{Name: port}})
			}
			(&translator{}).enslave(&doc, d.name, portsOf(doc, cards))
		}
	}
	for _, name := range free {
		if rapid.Bool().Draw(t, name) {
			doc.Entries = append(doc.Entries, Entry{ID: name, Match: Match{Name: name}, Link: drawnLink(t, name)})
		}
	}
	for _, parent := range []string{"bond0", "br0", "eth3"} {
		if rapid.Bool().Draw(t, "vlan on "+parent) {
			name := "v-" + parent
			doc.Devices = append(doc.Devices, Device{Name: name, Kind: Vlan, Parent: parent, ID: rapid.IntRange(1, 3).Draw(t, name)})
			doc.Entries = append(doc.Entries, Entry{ID: name, Match: Match{Name: name}, Link: drawnLink(t, name)})
		}
	}
	return Settings{Documents: []Document{doc}}
}

// portsOf are the cards with an entry that are nobody's port yet.
func portsOf(doc Document, cards []string) []string {
	var out []string
	for _, e := range doc.Entries {
		if slices.Contains(cards, e.ID) && e.Link.Master == "" {
			out = append(out, e.ID)
		}
	}
	return out
}

func drawnLink(t *rapid.T, name string) Link {
	l := Link{MTU: rapid.SampledFrom([]int{0, 1400, 1500}).Draw(t, name+" mtu"), DHCP: rapid.Bool().Draw(t, name+" dhcp")}
	for _, text := range []string{"10.0.0.2/24", "10.0.1.2/24", "2001:db8::2/64"} {
		if rapid.Bool().Draw(t, name+" "+text) {
			l.addAddress(netip.MustParsePrefix(text))
		}
	}
	for _, via := range []string{"10.0.0.1", "10.0.0.254"} {
		if rapid.Bool().Draw(t, name+" via "+via) {
			l.Routes = []Route{gatewayRoute(netip.MustParseAddr(via))}
		}
	}
	return l
}

// TestAnyChangeConverges looks, after settings that come in any order, at the
// kernel itself and not at what diff says about it.
func TestAnyChangeConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newKernel(machineLinks()...)
		stranger := address{Prefix: netip.MustParsePrefix("172.17.0.1/16"), Permanent: true}
		k.Addresses["docker0"] = []address{stranger}
		var given map[string]applied
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			settings := drawn(rt)
			kept := addressesThatStay(k, settings)
			var plan Plan
			plan, given = k.carry(t, settings, given)
			for _, s := range plan.Steps {
				if s.Verb == RemoveAddress && slices.Contains(kept, s.Link+" "+s.What) {
					t.Fatalf("%s is removed although it stays:\n%s", s.What, plan)
				}
			}
			// What a step does to another link is seen in the next pass.
			_, given = k.carry(t, settings, given)
			hasAll(t, k, settings, plan)
			if again, _ := k.carry(t, settings, given); len(again.Steps) > 0 {
				t.Fatalf("there is still to do:\n%safter:\n%s", again, plan)
			}
		}
		if got := k.Addresses["docker0"]; len(got) != 1 || got[0] != stranger || k.at(t, "veth12ab").Master != "docker0" {
			t.Fatalf("what is Docker's was changed: %v", got)
		}
		var plan Plan
		for range 2 { // what a step does to another link is seen in the next pass
			plan, given = k.carry(t, Settings{}, given)
		}
		if len(k.Links) != len(machineLinks()) {
			t.Fatalf("what was made is still there: %v\n%s", k.Links, plan)
		}
		for _, l := range k.Links {
			if l.isCard() && !l.Loopback && l.MTU != 1500 {
				t.Fatalf("%s has still the size %d:\n%s", l.Name, l.MTU, plan)
			}
		}
	})
}

// TestAChangeThatIsCutShortIsTakenBack kills the service after any step of a change.
// What it had done by then is known to the next run, which has other settings.
func TestAChangeThatIsCutShortIsTakenBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newKernel(machineLinks()...)
		var given map[string]applied
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			settings := drawn(rt)
			_, given = k.carry(t, settings, given)
			_, given = k.carry(t, settings, given)
			given = k.cut(t, rt, drawn(rt), given)
		}
		settings := drawn(rt)
		var plan Plan
		for range 2 {
			plan, given = k.carry(t, settings, given)
		}
		hasAll(t, k, settings, plan)
		for range 3 {
			plan, given = k.carry(t, Settings{}, given)
		}
		if len(k.Links) != len(machineLinks()) {
			t.Fatalf("what was made is still there: %v\n%s", k.Links, plan)
		}
		for _, l := range k.Links {
			if l.isCard() && !l.Loopback && (l.MTU != 1500 || l.Master != "") {
				t.Fatalf("%s has still the size %d or is in %q:\n%s", l.Name, l.MTU, l.Master, plan)
			}
		}
	})
}

// cut makes some of the steps of a change, and gives what the next run knows.
func (k *fakeKernel) cut(t testing.TB, rt *rapid.T, settings Settings, given map[string]applied) map[string]applied {
	t.Helper()
	plan, wants := diff(settings, k.actual, given)
	text, err := json.Marshal(begin(plan, wants, k.actual))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Steps[:rapid.IntRange(0, len(plan.Steps)).Draw(rt, "steps")] {
		k.do(t, s)
	}
	var doing map[string]begun
	if err := json.Unmarshal(text, &doing); err != nil {
		t.Fatal(err)
	}
	return resume(given, doing, k.Links)
}

// TestNamesThatWereBeingChangedAreGivenBack has two cards exchange their names.
func TestNamesThatWereBeingChangedAreGivenBack(t *testing.T) {
	settings := read(t, []byte(`
version: 2
ethernets:
  a: {match: {macaddress: "52:54:00:00:00:01"}, set-name: eth1, mtu: 1400, addresses: [10.0.0.2/24]}
  b: {match: {macaddress: "52:54:00:00:00:02"}, set-name: eth0, addresses: [10.0.1.2/24]}
`))
	for n := 0; ; n++ {
		k := newKernel(machineLinks()...)
		plan, wants := diff(settings, k.actual, nil)
		if n > len(plan.Steps) {
			return
		}
		doing := begin(plan, wants, k.actual)
		for _, s := range plan.Steps[:n] {
			k.do(t, s)
		}
		given := resume(nil, doing, k.Links)
		for range 2 {
			plan, given = k.carry(t, Settings{Documents: []Document{{Source: "test", Entries: []Entry{{ID: "none", Match: Match{Name: "none"}}}}}}, given)
		}
		for name, mac := range map[string]string{"eth0": "52:54:00:00:00:01", "eth1": "52:54:00:00:00:02"} {
			if l := k.at(t, name); l.MAC != mac || l.MTU != 1500 || len(k.Addresses[name]) > 0 {
				t.Errorf("after %d steps %s is %s with the size %d and %v:\n%s", n, name, l.MAC, l.MTU, k.Addresses[name], plan)
			}
		}
	}
}

// addressesThatStay are those that a link has and is to have.
func addressesThatStay(k *fakeKernel, settings Settings) []string {
	var out []string
	for _, e := range settings.Documents[0].Entries {
		for _, a := range k.Addresses[e.ID] {
			if slices.Contains(e.Link.Addresses, a.Prefix) {
				out = append(out, e.ID+" "+a.Prefix.String())
			}
		}
	}
	return out
}

func hasAll(t testing.TB, k *fakeKernel, settings Settings, plan Plan) {
	t.Helper()
	for _, e := range settings.Documents[0].Entries {
		l, ok := k.link(e.ID)
		if !ok {
			if strings.Contains(strings.Join(plan.Problems, "\n"), "cannot make VLAN "+e.ID) {
				continue // what it is on is not there
			}
			t.Fatalf("%s is not there:\n%s", e.ID, plan)
		}
		if !l.Up || l.Master != e.Link.Master {
			t.Fatalf("%s: up %v, port of %q, which should be %q:\n%s", l.Name, l.Up, l.Master, e.Link.Master, plan)
		}
		inBond := l.Kind == "bond" || l.Master == "bond0" // all of one size, whichever has it
		size := cmp.Or(e.Link.MTU, 1500)
		if l.Kind == "vlan" {
			below := k.at(t, l.Parent).MTU
			size = min(cmp.Or(e.Link.MTU, below), below)
		}
		if l.MTU != size && !inBond {
			t.Fatalf("%s has the size %d, which should be %d:\n%s", l.Name, l.MTU, size, plan)
		}
		for _, p := range e.Link.Addresses {
			if !slices.ContainsFunc(k.Addresses[e.ID], func(a address) bool { return a.Prefix == p }) {
				t.Fatalf("%s has not %s:\n%s", e.ID, p, plan)
			}
		}
		for _, r := range e.Link.Routes {
			if !slices.ContainsFunc(k.Routes[e.ID], func(f foundRoute) bool { return f.Via == r.Via && f.To == r.To }) {
				t.Fatalf("%s has not the route %s: %v\n%s", e.ID, r, k.Routes[e.ID], plan)
			}
		}
		if !e.Link.DHCP && len(e.Link.Addresses) > 0 {
			for _, a := range k.Addresses[e.ID] {
				if a.Prefix.Addr().Is4() && !slices.Contains(e.Link.Addresses, a.Prefix) {
					t.Fatalf("%s still has %s:\n%s", e.ID, a.Prefix, plan)
				}
			}
		}
	}
}

// An address that could not be taken back is not taken for another's.
func TestAnAddressThatStaysIsOwed(t *testing.T) {
	k := newKernel(machineLinks()...)
	fixed := func(address string) Settings {
		return read(t, []byte("{version: 2, ethernets: {eth0: {addresses: ["+address+"]}}}"))
	}
	_, given := k.carry(t, fixed("10.0.0.5/24"), nil)
	plan, wants := diff(fixed("10.0.0.6/24"), k.actual, given)
	refused := 0
	for _, s := range plan.Steps {
		if s.Verb == RemoveAddress {
			refused++
			continue
		}
		k.do(t, s)
	}
	given = givenBy(plan, wants, k.actual, given)
	for range 2 { // a pass that finds nothing else to do does not forget it
		plan, wants = diff(fixed("10.0.0.6/24"), k.actual, given)
		given = givenBy(plan, wants, k.actual, given)
		if len(plan.Steps) != 1 || plan.Steps[0].Verb != RemoveAddress || refused != 1 {
			t.Fatalf("refused %d times, then:\n%s", refused, plan)
		}
	}
	_, given = k.carry(t, fixed("10.0.0.6/24"), given)
	if again, _ := k.carry(t, fixed("10.0.0.6/24"), given); len(again.Steps) > 0 || len(given["eth0"].Owed) > 0 {
		t.Errorf("there is still to do:\n%s%+v", again, given["eth0"].Owed)
	}
}
