package network

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// fakeKernel is what steps are made in where no real one may be changed. It
// refuses what the kernel refuses, and knows nothing of how steps are found.
type fakeKernel struct {
	actual
	next int
	// sizes are what ports of bonds had before, which they get back.
	sizes map[string]int
}

func newKernel(links ...link) *fakeKernel {
	k := &fakeKernel{next: 100, sizes: map[string]int{}, actual: actual{
		Addresses: map[string][]address{}, Routes: map[string][]foundRoute{}, IPv6: true,
		Sysctl: map[string]string{"ipv6/conf/default/accept_ra": "1", "ipv6/conf/default/use_tempaddr": "0"},
	}}
	for i, l := range links {
		l.Index = i + 1
		k.Links = append(k.Links, l)
	}
	return k
}

func (k *fakeKernel) at(t testing.TB, name string) *link {
	t.Helper()
	i := slices.IndexFunc(k.Links, func(l link) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("there is no link %q", name)
	}
	return &k.Links[i]
}

func (k *fakeKernel) do(t testing.TB, s Step) {
	t.Helper()
	switch s.Verb {
	case Make:
		k.make(t, *s.device)
		return
	case RunCommands, StartDHCP, StopDHCP:
		return
	case AddRule:
		k.Rules = append(k.Rules, s.rule)
		return
	case RemoveRule:
		k.Rules = slices.DeleteFunc(k.Rules, func(r Rule) bool { return r == s.rule })
		return
	case AddRoute, ReplaceRoute, RemoveRoute:
		k.route(t, s)
		return
	case SetSysctl:
		k.Sysctl[s.path] = s.value
		return
	case Rename, Remove, Configure, SetMAC, SetMTU, Join, Leave, SetPort, SetUp, AddAddress, RemoveAddress:
	}
	k.change(t, k.at(t, s.Link), s)
}

func (k *fakeKernel) change(t testing.TB, l *link, s Step) {
	t.Helper()
	switch s.Verb {
	case Rename:
		k.rename(t, l, s.value)
	case Remove:
		k.remove(s.Link)
	case Configure:
		k.configure(t, l, s)
	case SetMAC:
		l.MAC = s.value
	case SetMTU:
		if l.Kind == "vlan" && s.number > k.at(t, l.Parent).MTU {
			t.Fatalf("%s: %s has %d", s, l.Parent, k.at(t, l.Parent).MTU)
		}
		l.MTU = s.number
		k.shrink(l.Name, s.number)
		for i := range k.Links { // a bond's ports are like it
			if l.Kind == "bond" && k.Links[i].Master == l.Name {
				k.Links[i].MTU = s.number
			}
		}
	case Join:
		k.leave(t, l)
		master := k.at(t, s.value)
		l.Master, l.Port = master.Name, map[string]int{"cost": 100, "priority": 32}
		if master.Kind == "bond" {
			k.sizes[l.Name] = l.MTU
			delete(k.Routes, l.Name) // it is set down for that
			l.Up, l.MTU = true, master.MTU
		}
	case Leave:
		k.leave(t, l)
	case SetPort:
		if l.Port == nil {
			t.Fatalf("%s is no port", l.Name)
		}
		l.Port[s.value] = s.number
	case SetUp:
		l.Up = true
	case AddAddress:
		k.Addresses[l.Name] = append(k.Addresses[l.Name], address{Prefix: s.address.Prefix, Permanent: true})
	case RemoveAddress:
		k.Addresses[l.Name] = slices.DeleteFunc(k.Addresses[l.Name], func(a address) bool { return a.Prefix == s.address.Prefix })
	default:
		t.Fatalf("%s is no change of a link", s)
	}
}

// shrink makes VLANs no bigger than what they are on.
func (k *fakeKernel) shrink(name string, size int) {
	for i := range k.Links {
		if v := &k.Links[i]; v.Parent == name && v.MTU > size {
			v.MTU = size
			k.shrink(v.Name, size)
		}
	}
}

func (k *fakeKernel) leave(t testing.TB, l *link) {
	t.Helper()
	if l.Master != "" && k.at(t, l.Master).Kind == "bond" {
		l.Up, l.MTU = false, k.sizes[l.Name]
		delete(k.Routes, l.Name)
		delete(k.sizes, l.Name)
	}
	l.Master, l.Port = "", nil
}

func (k *fakeKernel) make(t testing.TB, d Device) {
	t.Helper()
	if _, there := k.link(d.Name); there {
		t.Fatalf("%s is there already", d.Name)
	}
	k.next++
	l := link{Name: d.Name, Index: k.next, Kind: string(d.Kind), MTU: 1500, MAC: "02:00:00:00:00:99"}
	switch d.Kind {
	case Bond:
		bond, err := newBond(linkAttrs(d.Name), d.Options)
		if err != nil {
			t.Fatal(err)
		}
		l.Bond = bond
	case Vlan:
		l.Parent, l.VlanID, l.MTU = d.Parent, d.ID, k.at(t, d.Parent).MTU
	case Bridge:
		l.Options = map[string]string{"forward_delay": "1500", "stp_state": "0", "priority": "32768"}
	case Dummy, Wireguard:
	}
	k.Links = append(k.Links, l)
}

func (k *fakeKernel) remove(name string) {
	for _, l := range slices.Clone(k.Links) {
		if l.Parent == name {
			k.remove(l.Name)
		}
	}
	for i := range k.Links {
		if k.Links[i].Master == name {
			if size, ofBond := k.sizes[k.Links[i].Name]; ofBond {
				k.Links[i].MTU = size
			}
			k.Links[i].Master, k.Links[i].Up = "", false
			delete(k.Routes, k.Links[i].Name)
		}
	}
	k.Links = slices.DeleteFunc(k.Links, func(l link) bool { return l.Name == name })
	delete(k.Addresses, name)
	delete(k.Routes, name)
}

func (k *fakeKernel) rename(t testing.TB, l *link, name string) {
	t.Helper()
	if _, taken := k.link(name); taken {
		t.Fatalf("%s cannot be called %s: it is taken", l.Name, name)
	}
	old := l.Name
	l.Name, l.Up = name, false
	for i := range k.Links {
		for _, other := range []*string{&k.Links[i].Master, &k.Links[i].Parent} {
			if *other == old {
				*other = name
			}
		}
	}
	k.Addresses[name], k.Routes[name] = k.Addresses[old], nil // routes go with what is down
	delete(k.Addresses, old)
	for path, value := range maps.Clone(k.Sysctl) {
		if rest, ok := strings.CutPrefix(path, "ipv6/conf/"+old+"/"); ok {
			delete(k.Sysctl, path)
			k.Sysctl["ipv6/conf/"+name+"/"+rest] = value
		}
	}
}

func (k *fakeKernel) configure(t testing.TB, l *link, s Step) {
	t.Helper()
	switch s.device.Kind {
	case Bond:
		known := bondOptions()
		for name, value := range s.options {
			if known[name].frozen {
				t.Fatalf("%s cannot change", name)
			}
			if err := known[name].set(l.Bond, value); err != nil {
				t.Fatal(err)
			}
			if name == "primary" {
				l.Bond.Primary = k.at(t, value).Index
			}
		}
	case Bridge:
		maps.Copy(l.Options, s.options)
	case Wireguard:
		tunnel := *s.device.Tunnel
		l.Tunnel = &tunnel
	case Vlan, Dummy:
		t.Fatalf("%s has no options", l.Name)
	}
}

func (k *fakeKernel) route(t testing.TB, s Step) {
	t.Helper()
	same := func(f foundRoute) bool { return sameKey(f.Route, s.route) }
	have := k.Routes[s.Link]
	switch s.Verb {
	case AddRoute:
		if slices.ContainsFunc(have, same) {
			t.Fatalf("%s: there is one", s)
		}
	case RemoveRoute: // it may have gone with its link, when that was set down
		k.Routes[s.Link] = slices.DeleteFunc(slices.Clone(have), same)
		return
	case ReplaceRoute:
		if !slices.ContainsFunc(have, same) {
			t.Fatalf("%s: there is none", s)
		}
		have = slices.DeleteFunc(slices.Clone(have), same)
	default:
		t.Fatalf("%s is not about routes", s)
	}
	if s.Link != "" && !k.at(t, s.Link).Up {
		t.Fatalf("%s: the link is down", s)
	}
	k.Routes[s.Link] = append(have, foundRoute{Route: s.route})
}

func (k *fakeKernel) carry(t testing.TB, settings Settings, given map[string]applied) (Plan, map[string]applied) {
	t.Helper()
	plan, wants := diff(settings, k.actual, given)
	for _, s := range plan.Steps {
		k.do(t, s)
	}
	return plan, givenBy(plan, wants, k.actual, given)
}

// nic is a card with a driver, up and plugged in.
func nic(name, mac string) link {
	return link{Name: name, Kind: "device", Driver: "virtio_net", MAC: mac, MTU: 1500, Carrier: true}
}
