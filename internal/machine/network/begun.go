package network

import (
	"slices"

	"github.com/sirupsen/logrus"
)

// begun is what a link is about to be given by a plan. It is written before the first
// step: a service that is killed in between knows then what there is to take back.
type begun struct {
	applied
	// Kind is that of a device which is to be made; it has no number yet.
	Kind Kind `json:"kind,omitempty"`
}

// begin is what the links are about to be given, by the names that they will have.
func begin(plan Plan, wants []want, have actual) map[string]begun {
	now, names := map[string]begun{}, namesBefore(plan)
	note := func(name string) begun {
		b, noted := now[name]
		if noted {
			return b
		}
		was := names[name]
		b.Was = was
		if was == "" {
			was = name
		}
		if l, found := have.link(was); found {
			b.Index = l.Index
		}
		return b
	}
	for _, w := range wants {
		b := note(w.Name)
		b.Want = w
		now[w.Name] = b
	}
	for _, s := range plan.Steps {
		b := note(s.Link)
		switch {
		case s.Verb == Make:
			b.Made, b.Kind, b.Index = true, s.device.Kind, 0
		case s.Verb == SetMTU && b.Want.MTU != 0:
			b.MTU = s.former
		default:
			continue
		}
		now[s.Link] = b
	}
	return now
}

// resume is what the links have been given, by their names, when a run ended while it
// carried out what it had begun. Of that nobody knows how far it came.
func resume(given map[string]applied, doing map[string]begun, links []link) map[string]applied {
	now := byName(given, links)
	for _, name := range sortedKeys(doing) {
		b := doing[name]
		i := slices.IndexFunc(links, func(l link) bool {
			return l.Index == b.Index && b.Index != 0 || b.Made && l.Name == name && l.Kind == string(b.Kind)
		})
		if i < 0 {
			continue
		}
		l := links[i]
		g := now[l.Name]
		g.Index, g.Made = l.Index, g.Made || b.Made
		if g.Was == "" && b.Was != l.Name {
			g.Was = b.Was
		}
		if g.MTU == 0 {
			g.MTU = b.MTU
		}
		g.Want = g.Want.alsoGiven(b.Want)
		if b.Want.Master == l.Master {
			g.Want.Master = l.Master
		}
		g.Want.Name = l.Name
		now[l.Name] = g
	}
	return now
}

// alsoGiven is a wish with what of another may have been given, too.
func (w want) alsoGiven(other want) want {
	w.Addresses = slices.Clone(w.Addresses)
	for _, p := range other.Addresses {
		w.addAddress(p)
	}
	w.DHCP, w.DHCP6, w.IPv4LL = w.DHCP || other.DHCP, w.DHCP6 || other.DHCP6, w.IPv4LL || other.IPv4LL
	w.NoLocal6 = w.NoLocal6 || other.NoLocal6
	if w.AcceptRA == nil {
		w.AcceptRA = other.AcceptRA
	}
	if w.Privacy == nil {
		w.Privacy = other.Privacy
	}
	return w
}

// write writes down what is about to be done, beside what was published last.
func (s *service) write(plan Plan, wants []want, have actual) {
	if len(plan.Steps) == 0 {
		return
	}
	status := s.published
	status.Begun = begin(plan, wants, have)
	status.Links = slices.Clone(status.Links)
	for _, name := range sortedKeys(s.given) {
		i := slices.IndexFunc(status.Links, func(l LinkStatus) bool { return l.Name == name })
		if i < 0 {
			i = len(status.Links)
			status.Links = append(status.Links, LinkStatus{Name: name})
		}
		status.Links[i].Given = s.given[name]
	}
	if err := writeStatus(s.paths.status, status); err != nil {
		logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Warn("cannot write down what is begun")
	}
}
