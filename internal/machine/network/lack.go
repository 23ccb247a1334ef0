package network

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// lacks tells what is lacking once the time for it is over.
func (s *service) lacks(settings Settings, links []link, states []linkState, ready bool) []string {
	if time.Now().Before(s.deadline(settings)) {
		return nil
	}
	return lacks(settings.documents(), links, states, ready)
}

// lacks is what the network lacks of what the configuration asks for: a link that is
// not there, and one without cable or answer. It may be as it should be, and is told
// as a warning. What the image says for all machines asks for nothing, as long as
// there is any network.
func lacks(docs []Document, links []link, states []linkState, ready bool) []string {
	out := absent(docs, links)
	for _, s := range states {
		switch {
		case s.Optional || ready && !s.Asked || s.Addressed && (s.Carrier || !s.Card):
		case s.Carrier:
			out = append(out, s.Name+" has no address: nobody has given it one")
		default:
			out = append(out, s.Name+" has no carrier: no cable, or nothing at its other end")
		}
	}
	return out
}

// ofImage says that a source speaks for all machines.
func ofImage(source string) bool { return source == "os-config" || source == "default" }

// absent are the links that the configuration names and that are not there. Why those
// that it makes are not is told as a problem.
func absent(docs []Document, links []link) []string {
	var out []string
	made := map[string]bool{}
	for _, doc := range docs {
		for _, dev := range doc.Devices {
			made[dev.Name] = true
		}
	}
	for _, m := range (&desired{links: links}).vlansOnLinks(docs) {
		made[m.Name] = true
	}
	for _, doc := range docs {
		if ofImage(doc.Source) {
			continue
		}
		for _, e := range doc.Entries {
			name := e.Match.Name
			if name == "" {
				name = e.Match.MAC
			}
			fits := func(l link) bool { return rankOf(e, l) != noMatch }
			if name == "" || strings.ContainsAny(name, "*?[") || e.Link.Optional || made[name] || slices.ContainsFunc(links, fits) {
				continue
			}
			out = append(out, fmt.Sprintf("there is no interface %s, which %s asks for; there are %s", name, doc.Source, cards(links)))
		}
	}
	return out
}

// cards are the names of the machine's own interfaces.
func cards(links []link) string {
	var names []string
	for _, l := range links {
		if l.isCard() {
			names = append(names, l.Name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// isCard says that a link is one of the machine's own, and not made by software.
func (l link) isCard() bool {
	return (l.Kind == "device" || l.Kind == "veth") && !ofContainers(l)
}
