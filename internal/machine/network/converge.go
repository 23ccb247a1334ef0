package network

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
)

// converge makes the links, the programs that look after them and resolv.conf
// match the settings. A step that fails does not hold up the others.
func (s *service) converge(ctx context.Context, settings Settings) (Status, error) {
	have, err := s.observer.observe()
	if err != nil {
		return Status{}, err
	}
	settings = settings.withWifi()
	plan, wants := diff(settings, have, s.given)
	problems, errs := plan.Problems, []error(nil)
	begun := false
	begin := func() { // the links are there: whoever needs them may start
		if begun {
			return
		}
		begun = true
		bad, err := s.keepPrograms(ctx, settings, wants)
		problems, errs = append(problems, bad...), append(errs, err)
	}
	s.unstable = s.settles(plan)
	s.write(plan, wants, have)
	tried, failed := s.carryOut(ctx, plan, begin)
	if len(tried) > 0 {
		s.last = tried
	}
	plan.Steps = nil // from here on those that were made
	for i, step := range tried {
		if failed[i] == nil {
			plan.Steps = append(plan.Steps, step)
		}
		errs = append(errs, failed[i])
	}
	status, err := s.publishable(settings, wants, plan)
	err = errors.Join(append(errs, err)...)
	status.Problems = problems
	if err != nil {
		status.Problems = append(status.Problems, strings.Split(err.Error(), "\n")...)
	}
	return status, err
}

// carryOut makes the steps of a plan, and returns those that it tried, with the error
// of each. One that needs a link which could not be made is not: why is told already.
// Steps that were made a moment ago, and have to be made again, are no news in the log.
func (s *service) carryOut(ctx context.Context, plan Plan, begin func()) (tried []Step, errs []error) {
	level := logrus.InfoLevel
	if s.unstable > 0 {
		level = logrus.DebugLevel
	}
	lost := map[string]bool{}
	for _, step := range plan.Steps {
		if !step.beforeDHCP() {
			begin()
		}
		if slices.ContainsFunc(step.needs(), func(name string) bool { return lost[name] }) {
			lost[step.brings()] = step.brings() != ""
			continue
		}
		logrus.WithFields(logrus.Fields{"service": "network", "step": string(step.Verb)}).Log(level, step)
		var err error
		if step.Verb == RunCommands {
			s.runCommands(ctx, commandsOf{what: step.What, iface: step.Link}, step.lines)
		} else if err = s.executor.do(step); err != nil {
			lost[step.brings()] = step.brings() != ""
		}
		tried, errs = append(tried, step), append(errs, err)
	}
	begin()
	return tried, errs
}

// settles counts how often the same steps were made one time after the other:
// somebody undoes them, or they have no effect. Then they are made less often.
func (s *service) settles(plan Plan) int {
	text := plan.String()
	if len(plan.Steps) == 0 || text != s.lastText {
		s.lastText = text
		return 0
	}
	return s.unstable + 1
}

// isFor says whether it is what this link was given for these wishes: then its
// commands have run.
func (a applied) isFor(w want, index int) bool {
	a.Want.Cause, w.Cause = "", ""
	return a.Index == index && index != 0 && reflect.DeepEqual(a.Want, w)
}

// givenBy is what the links have been given once a plan was carried out. A device
// that is named no more, and had to stay, is remembered as this service's own; and
// what could not be taken back yet.
func givenBy(plan Plan, wants []want, have actual, before map[string]applied) map[string]applied {
	now := map[string]applied{}
	before = byName(before, have.Links)
	names := namesBefore(plan)
	for _, l := range have.Links {
		i := slices.IndexFunc(wants, func(w want) bool { return w.Name == l.Name })
		b, known := before[l.Name]
		if i < 0 && !known {
			continue
		}
		g := applied{Index: l.Index, Made: b.Made || plan.makes(l.Name), Was: b.Was, MTU: b.MTU}
		if i >= 0 {
			g.Want = wants[i]
		}
		if g.Was == "" {
			g.Was = names[l.Name]
		}
		if g.Was == l.Name {
			g.Was = ""
		}
		g.MTU = keptMTU(g, plan, l)
		g.Endpoints = keptEndpoints(b, plan, l)
		if i >= 0 {
			g.Owed = owed(b.before(), g.Want, have.Addresses[l.Name])
		}
		if i >= 0 || g.Made || g.Was != "" || g.MTU != 0 {
			now[l.Name] = g
		}
	}
	return now
}

// owed are the addresses that a link was given before, has still, and is not to have.
func owed(before, now want, have []address) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range have {
		if slices.Contains(before.Addresses, a.Prefix) && !slices.Contains(now.Addresses, a.Prefix) {
			out = append(out, a.Prefix)
		}
	}
	return out
}

// keptEndpoints are the endpoints that a tunnel was given last. The kernel does not
// tell them: a peer may have moved since.
func keptEndpoints(before applied, plan Plan, l link) map[string]string {
	for _, s := range slices.Backward(plan.Steps) {
		if s.Verb == Configure && s.Link == l.Name && s.device.Tunnel != nil {
			return s.device.Tunnel.written()
		}
	}
	return before.Endpoints
}

// keptMTU is what is remembered of the size of packets that a link had, until it has
// it again. A port's is its bond's, and tells nothing.
func keptMTU(g applied, plan Plan, l link) int {
	i := slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Verb == SetMTU && s.Link == l.Name })
	switch {
	case g.MTU == 0 && g.Want.MTU != 0 && i >= 0:
		return plan.Steps[i].former
	case g.Want.MTU == 0 && g.MTU == l.MTU && l.Master == "":
		return 0
	}
	return g.MTU
}

// namesBefore are the names that links had before a plan, by those that it gave them.
func namesBefore(plan Plan) map[string]string {
	names := map[string]string{}
	for _, s := range plan.Steps {
		if s.Verb != Rename {
			continue
		}
		was := s.Link
		if first, between := names[s.Link]; between {
			was = first
			delete(names, s.Link)
		}
		names[s.value] = was
	}
	return names
}

// publishable says how the links stand after all was made by a plan.
func (s *service) publishable(settings Settings, wants []want, plan Plan) (Status, error) {
	told := s.announced.now() // before the links: what comes after that is on one that is there
	have, err := s.observer.observe()
	if err != nil {
		return Status{}, err
	}
	offers, gone := told.on(have.Links)
	s.announced.forget(gone)
	s.given = givenBy(plan, wants, have, s.given)
	var (
		status = Status{Last: s.last}
		states []linkState
		given  []cloudconfig.DNS
		leased []cloudconfig.DNS
		routed []cloudconfig.DNS
	)
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.Name, b.Name) })
	for _, w := range wants {
		l, found := have.link(w.Name)
		if !found {
			continue
		}
		got := have.Leases[w.Name]
		v4, v6 := got.IPv4.without(w.Lease), got.IPv6.without(w.Lease6)
		if w.DHCP {
			leased = append(leased, v4.dns())
			status.NTP = appendNew(status.NTP, v4.NTP)
		}
		if w.DHCP6 {
			leased = append(leased, v6.dns())
		}
		if status.Hostname == "" && !settings.HostnameSet && w.DHCP {
			status.Hostname = v4.Hostname
		}
		given = append(given, w.DNS)
		routed = append(routed, offers.dns(l, w))
		if w.addressed() && !l.Loopback { // the loopback leads nowhere
			states = append(states, stateOf(w, l, have.Addresses[w.Name], got))
		}
		status.Links = append(status.Links, LinkStatus{
			Name: w.Name, Carrier: l.Carrier, Addresses: texts(have.Addresses[w.Name]),
			DHCP: w.DHCP, Wifi: w.Wifi, Given: s.given[w.Name],
		})
	}
	for _, name := range sortedKeys(s.given) {
		if l, found := have.link(name); found && s.given[name].Want.Name == "" {
			status.Links = append(status.Links, LinkStatus{
				Name: name, Carrier: l.Carrier, Addresses: texts(have.Addresses[name]), Given: s.given[name],
			})
		}
	}
	timedOut := !time.Now().Before(s.deadline(settings)) || !settings.wantsAddresses()
	status.Ready, status.Waiting = ready(states, timedOut)
	status.Lacks = s.lacks(settings, have.Links, states, status.Ready)
	for _, doc := range settings.documents() {
		given = append(given, doc.DNS)
	}
	status.DNS = resolver(settings.DNS, settings.FallbackDNS, slices.Concat(given, leased, routed))
	return status, writeInPlace(s.paths.resolvConf, []byte(resolvConf(status.DNS, settings.Resolver)))
}

// stateOf says how a link stands that is to have an address.
func stateOf(w want, l link, have []address, got leases) linkState {
	source, _, _ := strings.Cut(w.Cause, " ")
	return linkState{
		Name: w.Name, Carrier: l.Carrier, Optional: w.Optional, Card: l.isCard(), Asked: !ofImage(source),
		Addressed: isAddressed(w, have, got),
	}
}

func (l lease) dns() cloudconfig.DNS {
	return cloudconfig.DNS{Nameservers: l.Nameservers, Search: l.Search}
}

// isAddressed says whether a link has all that it is to have.
func isAddressed(w want, have []address, got leases) bool {
	has := func(ok func(address) bool) bool { return slices.ContainsFunc(have, ok) }
	for _, p := range w.Addresses {
		if !has(func(a address) bool { return a.Prefix == p }) {
			return false
		}
	}
	// A network may have routers give the addresses, and DHCPv6 all else, or nothing.
	byRouter := has(func(a address) bool {
		return a.Prefix.Addr().Is6() && !a.Prefix.Addr().IsLinkLocalUnicast() && !slices.Contains(w.Addresses, a.Prefix)
	})
	switch {
	case w.DHCP && got.IPv4.Address.IsValid(), w.DHCP6 && byRouter:
		return true
	case w.IPv4LL && has(func(a address) bool { return isIPv4LL(a.Prefix) }):
		return true
	case w.DHCP || w.DHCP6 || w.IPv4LL:
		return false
	case len(w.Addresses) > 0:
		return true
	}
	return byRouter
}

func isIPv4LL(p netip.Prefix) bool { return p.Addr().Is4() && p.Addr().IsLinkLocalUnicast() }

func texts(have []address) []string {
	out := make([]string, 0, len(have))
	for _, a := range have {
		out = append(out, a.Prefix.String())
	}
	return out
}

// Preview is what service network of this machine would do for settings.
func Preview(settings Settings) (Plan, error) {
	have, err := machineObserver().observe()
	if err != nil {
		return Plan{}, err
	}
	status, err := ReadStatus(StatusFile)
	if err != nil {
		return Plan{}, err
	}
	plan, _ := diff(settings.withWifi(), have, status.given())
	return plan, nil
}

// machineObserver reads this machine.
func machineObserver() observer {
	return observer{sysctl: sysctlFolder(), leases: filepath.Clean(machinePaths().leases)}
}

// given is what an earlier run gave the links.
func (s Status) given() map[string]applied {
	given := map[string]applied{}
	for _, l := range s.Links {
		given[l.Name] = l.Given
	}
	return given
}
