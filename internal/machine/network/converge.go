package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/ros-os/ros/internal/supervise"
)

// converge makes the links, the dhcpcd processes and resolv.conf match the
// settings. An error of one link does not hold up the others.
func (s *service) converge(ctx context.Context, settings Settings) (Status, error) {
	entries := settings.interfaces()
	links, err := listLinks()
	if err != nil {
		return Status{}, err
	}
	virtual, problems := desireVirtual(entries, links)
	errs := []error{makeVirtual(virtual), setLoopbackUp(links)}
	if links, err = listLinks(); err != nil { // with those just made
		return Status{}, errors.Join(append(errs, err)...)
	}
	wants, bad := desire(entries, links)
	problems = append(problems, bad...)

	s.runFresh(ctx, wants, links, func(w want) []string { return w.PreUp })
	programs, conf, bad := dhcpcdPrograms(s.paths.dhcpcdConf, settings.Hostname, wants)
	problems = append(problems, bad...)
	errs = append(errs, s.keepDHCPCD(ctx, programs, conf))
	errs = append(errs, s.applyLinks(wants))
	s.runFresh(ctx, wants, links, func(w want) []string { return w.PostUp })
	errs = append(errs, s.release(wants))
	s.recordGiven(wants, links)

	status, leases, err := s.observe(settings, wants, links)
	errs = append(errs, err)
	status.DNS = resolver(settings.Network.DNS, settings.FallbackDNS, leases)
	errs = append(errs, writeInPlace(s.paths.resolvConf, []byte(resolvConf(status.DNS))))
	err = errors.Join(errs...)
	status.Problems = problems
	if err != nil {
		status.Problems = append(status.Problems, strings.Split(err.Error(), "\n")...)
	}
	return status, err
}

func setLoopbackUp(links []link) error {
	for _, l := range links {
		if !l.Loopback {
			continue
		}
		lo, err := netlink.LinkByName(l.Name)
		if err != nil {
			return fmt.Errorf("cannot find the loopback: %w", err)
		}
		return setUp(lo)
	}
	return nil
}

func (s *service) keepDHCPCD(ctx context.Context, programs []supervise.Program, conf string) error {
	if conf != "" {
		if err := replace(s.paths.dhcpcdConf, []byte(conf)); err != nil {
			return err
		}
	}
	return s.programs.Keep(ctx, programs)
}

// runFresh runs commands of the links that are not yet as they should be.
func (s *service) runFresh(ctx context.Context, wants []want, links []link, commands func(want) []string) {
	for _, w := range wants {
		if !s.given[w.Name].isFor(w, indexOf(links, w.Name)) {
			runCommands(ctx, w.Name, commands(w))
		}
	}
}

func (s *service) applyLinks(wants []want) error {
	have, err := addressesOf(wants)
	errs := []error{err}
	leases := s.leasesOf(wants, have)
	// Bridges and bonds, which are nobody's port, come after their ports.
	ordered := slices.Clone(wants)
	slices.SortStableFunc(ordered, func(a, b want) int { return strings.Compare(b.Master, a.Master) })
	for _, w := range ordered {
		errs = append(errs, applyLink(w, s.given[w.Name], leases[w.Name].Address, metricOf(wants, w.Name)))
	}
	return errors.Join(errs...)
}

// metricOf tells the default routes of several links apart, always the same way.
func metricOf(wants []want, name string) int {
	return firstMetric + slices.IndexFunc(wants, func(w want) bool { return w.Name == name })
}

// release takes back what links have that the configuration names no more.
func (s *service) release(wants []want) error {
	var errs []error
	for _, name := range sortedKeys(s.given) {
		if !slices.ContainsFunc(wants, func(w want) bool { return w.Name == name }) {
			errs = append(errs, releaseLink(s.given[name]))
		}
	}
	return errors.Join(errs...)
}

func (s *service) recordGiven(wants []want, links []link) {
	s.given = map[string]applied{}
	for _, w := range wants {
		s.given[w.Name] = applied{Want: w, Index: indexOf(links, w.Name)}
	}
}

func indexOf(links []link, name string) int {
	for _, l := range links {
		if l.Name == name {
			return l.Index
		}
	}
	return 0
}

// observe says how the links stand after all was made.
func (s *service) observe(settings Settings, wants []want, links []link) (Status, []lease, error) {
	have, err := addressesOf(wants)
	inEffect := s.leasesOf(wants, have)
	carrier, loopback := map[string]bool{}, map[string]bool{}
	for _, l := range links {
		carrier[l.Name], loopback[l.Name] = l.Carrier, l.Loopback
	}
	var (
		status Status
		states []linkState
		leases []lease
	)
	for _, w := range wants {
		l, leased := inEffect[w.Name]
		if leased {
			leases = append(leases, l)
			status.NTP = appendNew(status.NTP, l.NTP)
			if status.Hostname == "" && !settings.HostnameSet {
				status.Hostname = l.Hostname
			}
		}
		if w.addressed() && !loopback[w.Name] { // the loopback leads nowhere
			states = append(states, linkState{
				Name: w.Name, Carrier: carrier[w.Name],
				Addressed: isAddressed(w, have[w.Name], leased),
			})
		}
		status.Links = append(status.Links, LinkStatus{
			Name: w.Name, Carrier: carrier[w.Name], Addresses: texts(have[w.Name]),
			DHCP: w.DHCP, Given: s.given[w.Name],
		})
	}
	timedOut := !time.Now().Before(s.deadline(settings)) || !wantsAddresses(settings.interfaces())
	status.Ready, status.Waiting = ready(states, timedOut)
	return status, leases, err
}

// isAddressed says whether a link has all that it is to have.
func isAddressed(w want, have []netip.Prefix, leased bool) bool {
	for _, p := range w.Addresses {
		if !slices.Contains(have, p) {
			return false
		}
	}
	if w.DHCP && !leased {
		return w.IPv4LL && slices.ContainsFunc(have, isIPv4LL)
	}
	return w.DHCP || !w.IPv4LL || slices.ContainsFunc(have, isIPv4LL)
}

func isIPv4LL(p netip.Prefix) bool { return p.Addr().Is4() && p.Addr().IsLinkLocalUnicast() }

// addressesOf are the addresses that the links have.
func addressesOf(wants []want) (map[string][]netip.Prefix, error) {
	have := map[string][]netip.Prefix{}
	var errs []error
	for _, w := range wants {
		l, found, err := exists(w.Name)
		if err != nil || !found {
			errs = append(errs, err)
			continue
		}
		list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot list the addresses of %s: %w", w.Name, err))
			continue
		}
		for _, a := range list {
			have[w.Name] = append(have[w.Name], prefixOf(a))
		}
	}
	return have, errors.Join(errs...)
}

func texts(prefixes []netip.Prefix) []string {
	out := make([]string, 0, len(prefixes))
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return out
}
