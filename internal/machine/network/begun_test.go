package network

import (
	"path/filepath"
	"testing"
)

// TestWhatWasBegunIsRemembered has a run that was killed before its first step was told.
func TestWhatWasBegunIsRemembered(t *testing.T) {
	status := filepath.Join(t.TempDir(), "status.json")
	before := newService(paths{status: status})
	have, err := before.observer.observe()
	if err != nil {
		t.Fatal(err)
	}
	lo, found := have.link("lo")
	if !found {
		t.Fatal("there is no loopback")
	}
	before.given = map[string]applied{"lo": {Index: lo.Index, Want: want{Name: "lo", Link: Link{Addresses: prefixes("10.0.0.2/24")}}}}
	w := want{Name: "lo", Link: Link{MTU: 1400, Addresses: prefixes("10.0.0.3/24")}}
	before.write(Plan{Steps: []Step{{Verb: SetMTU, Link: "lo", number: 1400, former: 65536}}}, []want{w}, have)

	after := newService(paths{status: status})
	if err := after.remember(); err != nil {
		t.Fatal(err)
	}
	g := after.given["lo"]
	if g.MTU != 65536 || g.Index != lo.Index || len(g.Want.Addresses) != 2 {
		t.Errorf("remembered is %+v", g)
	}
	if g.isFor(w, lo.Index) {
		t.Error("its commands are taken for run")
	}
}

func TestAnAddressOfARouterIsEnoughForDHCPv6(t *testing.T) {
	w := want{Link: Link{DHCP6: true}}
	local, global := address{Prefix: prefixes("fe80::1/64")[0]}, address{Prefix: prefixes("2001:db8::5/64")[0]}
	if isAddressed(w, []address{local}, leases{}) {
		t.Error("a link-local address is taken for one")
	}
	if !isAddressed(w, []address{local, global}, leases{}) {
		t.Error("waiting for DHCPv6 where routers give the address")
	}
}
