package network

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// makeVirtual makes the bridges, bonds and VLANs that are missing; it never
// removes one, since containers may use it.
func makeVirtual(v virtual) error {
	var errs []error
	for _, name := range v.Bridges {
		errs = append(errs, makeBridge(name))
	}
	for _, name := range sortedKeys(v.Bonds) {
		errs = append(errs, makeBond(name, v.Bonds[name]))
	}
	for _, vl := range v.Vlans {
		errs = append(errs, makeVlan(vl))
	}
	return errors.Join(errs...)
}

func exists(name string) (netlink.Link, bool, error) {
	l, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil, false, nil
	}
	return l, err == nil, err
}

func makeBridge(name string) error {
	l, found, err := exists(name)
	if err != nil {
		return fmt.Errorf("cannot look for bridge %s: %w", name, err)
	}
	if found {
		return sameKind(l, "bridge")
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("cannot make bridge %s: %w", name, err)
	}
	return nil
}

// makeBond makes a bond. One that exists with other options is made anew, as
// most options cannot change while it has ports.
func makeBond(name string, options map[string]string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bond, err := newBond(attrs, options)
	if err != nil {
		return fmt.Errorf("cannot make bond %s: %w", name, err)
	}
	l, found, err := exists(name)
	if err != nil {
		return fmt.Errorf("cannot look for bond %s: %w", name, err)
	}
	if found {
		have, ok := l.(*netlink.Bond)
		if !ok {
			return sameKind(l, "bond")
		}
		if !bondDiffers(bond, have) {
			return nil
		}
		if err := netlink.LinkDel(l); err != nil {
			return fmt.Errorf("cannot remove bond %s to change its options: %w", name, err)
		}
	}
	if err := netlink.LinkAdd(bond); err != nil {
		return fmt.Errorf("cannot make bond %s: %w", name, err)
	}
	return nil
}

func makeVlan(v vlan) error {
	l, found, err := exists(v.Name)
	if err != nil {
		return fmt.Errorf("cannot look for VLAN %s: %w", v.Name, err)
	}
	parent, err := netlink.LinkByName(v.Parent)
	if err != nil {
		return fmt.Errorf("cannot make VLAN %s on %s: %w", v.Name, v.Parent, err)
	}
	if found {
		have, ok := l.(*netlink.Vlan)
		if !ok {
			return sameKind(l, "vlan")
		}
		if have.VlanId == v.ID && have.ParentIndex == parent.Attrs().Index {
			return nil
		}
		if err := netlink.LinkDel(l); err != nil {
			return fmt.Errorf("cannot remove VLAN %s to change its number: %w", v.Name, err)
		}
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = v.Name, parent.Attrs().Index
	if err := netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: v.ID}); err != nil {
		return fmt.Errorf("cannot make VLAN %s on %s: %w", v.Name, v.Parent, err)
	}
	return nil
}

func sameKind(l netlink.Link, kind string) error {
	if l.Type() != kind {
		return fmt.Errorf("cannot make %s %s: there is a %s of that name", kind, l.Attrs().Name, l.Type())
	}
	return nil
}
