package network

import (
	"fmt"
	"slices"
	"strings"
)

// linkState is how a link that is to have an address stands.
type linkState struct {
	Name      string
	Carrier   bool
	Addressed bool
	Optional  bool // nobody waits for it
	Card      bool // it has a socket for a cable
	Asked     bool // somebody other than the image asks for it
}

// ready decides whether the network is up, and if not, why. A link without a
// cable is not waited for, and after the time-out one link is enough: a second
// one that gets no lease must not hold up the machine for ever. A link that is
// not there yet may still come, when its driver is loaded; after the time-out
// there is nothing to wait for.
func ready(states []linkState, timedOut bool) (ok bool, waiting []string) {
	addressed, pending := 0, 0
	for _, s := range states {
		switch {
		case s.Addressed:
			addressed++
		case s.Optional:
			waiting = append(waiting, fmt.Sprintf("%s has no address yet, and is optional", s.Name))
		case s.Carrier:
			pending++
			waiting = append(waiting, fmt.Sprintf("%s has no address yet", s.Name))
		default:
			waiting = append(waiting, fmt.Sprintf("%s has no carrier", s.Name))
		}
	}
	switch {
	case len(states) == 0 && !timedOut:
		return false, []string{"no interface is there yet"}
	case len(states) == 0, addressed == 0 && timedOut && !slices.ContainsFunc(states, func(s linkState) bool { return !s.Optional }):
		return true, nil
	case addressed > 0 && (timedOut || pending == 0):
		return true, nil
	}
	return false, waiting
}

func because(waiting []string) string { return strings.Join(waiting, ", ") }
