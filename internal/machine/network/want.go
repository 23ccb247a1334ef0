package network

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// want is what one link should be.
type want struct {
	Name  string `json:"name"`
	Cause string `json:"cause"` // what said so
	Link
}

// making is a device that should be there.
type making struct {
	Device
	cause string
}

// rename is a link that should have another name; back says that it is the one
// that it had.
type rename struct {
	from, to, cause string
	back            bool
}

// desired is what the settings say about the links that are there.
type desired struct {
	links    []link // with those that are to be made, and under their new names
	renames  []rename
	devices  []making // in the order of making
	wants    []want   // what is below comes before what is made of it
	problems []string
}

// desire turns the settings into what each link should be. A value that cannot
// be used is left out and told; the rest is made.
func desire(docs []Document, links []link, given map[string]applied) desired {
	d := desired{links: slices.Clone(links)}
	d.rename(docs, given)
	d.make(docs)
	for _, l := range d.links {
		m, ok := match(docs, l)
		if !ok {
			continue
		}
		w := want{Name: l.Name, Cause: docs[m.doc].Source + " " + m.ID, Link: m.Link}
		if w.Master == w.Name {
			w.Master = ""
		}
		d.wants = append(d.wants, w)
	}
	slices.SortFunc(d.wants, func(a, b want) int { return strings.Compare(a.Name, b.Name) })
	d.sameMTU()
	slices.SortStableFunc(d.wants, func(a, b want) int { return d.level(a.Name, 0) - d.level(b.Name, 0) })
	return d
}

func (d *desired) find(name string) *link {
	for i := range d.links {
		if d.links[i].Name == name {
			return &d.links[i]
		}
	}
	return nil
}

func (d *desired) want(name string) *want {
	for i := range d.wants {
		if d.wants[i].Name == name {
			return &d.wants[i]
		}
	}
	return nil
}

func (d *desired) tell(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

// rename gives links the names that their entries say. All names are taken at
// once, so that two links may change theirs with each other.
func (d *desired) rename(docs []Document, given map[string]applied) {
	taken := map[string]string{} // by which link
	var moves []rename
	for _, l := range d.links {
		m, ok := match(docs, l)
		if !ok || m.SetName == "" {
			m, ok = match(docs, asItWas(l, given))
		}
		if !ok || m.SetName == "" {
			continue
		}
		switch other, twice := taken[m.SetName]; {
		case twice:
			d.tell("%s cannot be called %s: %s is", l.Name, m.SetName, other)
			continue
		case !validName(m.SetName):
			d.tell("%s cannot be called %q: that is no name of an interface", l.Name, m.SetName)
			continue
		}
		taken[m.SetName] = l.Name
		if m.SetName != l.Name {
			moves = append(moves, rename{from: l.Name, to: m.SetName, cause: docs[m.doc].Source + " " + m.ID})
		}
	}
	moves = d.possible(append(moves, d.back(docs, given, taken)...))
	for _, mv := range moves {
		i := slices.IndexFunc(d.links, func(l link) bool { return l.Name == mv.from && l.was == "" })
		d.links[i].Name, d.links[i].was = mv.to, mv.from
		for j := range d.links {
			renamed(&d.links[j].Master, mv)
			renamed(&d.links[j].Parent, mv)
		}
	}
	d.renames = moves
}

// back are the links that were given a name which nothing asks for any more: no
// entry gives it, and none is for the link of exactly that name.
func (d *desired) back(docs []Document, given map[string]applied, taken map[string]string) []rename {
	var moves []rename
	named := slices.Collect(maps.Values(taken))
	for _, l := range d.links {
		m, ok := match(docs, l)
		was := asItWas(l, given).Name
		if was == l.Name || taken[was] != "" || slices.Contains(named, l.Name) || ok && m.Match.Name == l.Name {
			continue
		}
		moves = append(moves, rename{from: l.Name, to: was, cause: notWanted, back: true})
	}
	return moves
}

// asItWas is a link under the name that it had before it was given its own.
func asItWas(l link, given map[string]applied) link {
	if g := given[l.Name]; g.Was != "" && g.Index == l.Index {
		l.Name = g.Was
	}
	return l
}

func renamed(name *string, mv rename) {
	if *name == mv.from {
		*name = mv.to
	}
}

// possible leaves out renames to a name that somebody keeps.
func (d *desired) possible(moves []rename) []rename {
	for {
		i := slices.IndexFunc(moves, func(mv rename) bool {
			leaves := slices.ContainsFunc(moves, func(o rename) bool { return o.from == mv.to })
			return d.find(mv.to) != nil && !leaves
		})
		if i < 0 {
			return moves
		}
		if !moves[i].back {
			d.tell("%s cannot be called %s: there is one of that name", moves[i].from, moves[i].to)
		}
		moves = slices.Delete(moves, i, i+1)
	}
}

// make collects the devices that the sources name, and adds those that are
// missing to the links.
func (d *desired) make(docs []Document) {
	known := map[string]bool{}
	var vlans []making
	for _, doc := range docs {
		for _, dev := range doc.Devices {
			if known[dev.Name] {
				continue // a higher source has it
			}
			known[dev.Name] = true
			m := making{Device: dev, cause: doc.Source + " " + dev.Name}
			if port := dev.Options["primary"]; port != "" {
				m.Options = maps.Clone(dev.Options)
				m.Options["primary"] = d.parent(doc, port)
			}
			if dev.Kind != Vlan {
				d.add(m)
				continue
			}
			m.Parent = d.parent(doc, dev.Parent)
			vlans = append(vlans, m)
		}
	}
	d.makeVlans(append(vlans, d.vlansOnLinks(docs)...))
}

// vlansOnLinks are those that entries have for each link that they fit.
func (d *desired) vlansOnLinks(docs []Document) []making {
	var out []making
	for _, l := range d.links {
		m, ok := match(docs, l)
		if !ok || l.Kind == "vlan" {
			continue
		}
		for _, v := range m.Vlans {
			name := v.Name
			if name == "" {
				name = l.Name + "." + strconv.Itoa(v.ID)
			}
			dev := Device{Name: name, Kind: Vlan, Parent: l.Name, ID: v.ID}
			out = append(out, making{Device: dev, cause: docs[m.doc].Source + " " + m.ID})
		}
	}
	return out
}

// makeVlans adds VLANs whose link is there, until there are no more of them: one
// may be on another.
func (d *desired) makeVlans(vlans []making) {
	for progress := true; progress; {
		progress = false
		vlans = slices.DeleteFunc(vlans, func(m making) bool {
			if d.find(m.Parent) == nil {
				return false
			}
			d.add(m)
			progress = true
			return true
		})
	}
	for _, m := range vlans {
		d.tell("cannot make VLAN %s on %s: there is no such interface", m.Name, m.Parent)
	}
}

// parent is the name of the link that an ID of a document means: the one that is matched by
// the entry of that ID, else the one of that name.
func (d *desired) parent(doc Document, id string) string {
	i := slices.IndexFunc(doc.Entries, func(e Entry) bool { return e.ID == id })
	if i < 0 {
		return id
	}
	if name := doc.Entries[i].SetName; name != "" && d.find(name) != nil {
		return name
	}
	for _, l := range d.links {
		if rankOf(doc.Entries[i], l) != noMatch {
			return l.Name
		}
	}
	return id
}

// add notes a device, and its link when there is none yet.
func (d *desired) add(m making) {
	l := d.find(m.Name)
	switch {
	case !validName(m.Name):
		d.tell("%q is no name of an interface", m.Name)
		return
	case l == nil:
		d.links = append(d.links, link{Name: m.Name, Kind: string(m.Kind), Parent: m.Parent, VlanID: m.ID, missing: true})
	case l.Kind != string(m.Kind):
		d.tell("cannot make %s %s: there is a %s of that name", m.Kind, m.Name, l.Kind)
		return
	}
	d.devices = append(d.devices, m)
}

// sameMTU gives a bond and its ports one size of packets: the driver makes them
// alike.
func (d *desired) sameMTU() {
	for i := range d.wants {
		port := &d.wants[i]
		master, w := d.find(port.Master), d.want(port.Master)
		if master == nil || w == nil || master.Kind != "bond" {
			continue
		}
		if w.MTU == 0 {
			w.MTU = port.MTU
		}
	}
	for i := range d.wants {
		port := &d.wants[i]
		if master, w := d.find(port.Master), d.want(port.Master); master != nil && w != nil && master.Kind == "bond" {
			port.MTU = w.MTU
		}
	}
}

// level says how many links are below one.
func (d *desired) level(name string, above int) int {
	l := d.find(name)
	if l == nil || above > len(d.links) { // a circle, which the kernel will refuse
		return 0
	}
	level := 0
	if l.Kind == "vlan" && l.Parent != "" {
		level = 1 + d.level(l.Parent, above+1)
	}
	for _, w := range d.wants {
		if w.Master == name {
			level = max(level, 1+d.level(w.Name, above+1))
		}
	}
	return level
}
