package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

// mostOffers is how many name servers, and how many search domains, are kept of one
// link: whoever is on a network can announce as many as he likes.
const mostOffers = 8

// offer is one name server or search domain that a router announced.
type offer struct {
	Link   int        `json:"link"` // its number
	Server netip.Addr `json:"server,omitzero"`
	Domain string     `json:"domain,omitempty"`
	// Ends is by the clock that counts from the boot: the other one jumps when it is
	// set for the first time.
	Ends time.Duration `json:"ends"`
}

func (o offer) is(other offer) bool {
	return o.Link == other.Link && o.Server == other.Server && o.Domain == other.Domain
}

// offers are in the order in which they came.
type offers []offer

// with are the offers after an announcement. changed says that there is another one, or
// one less; one that only lasts longer is no change.
func (all offers) with(a announcement, now time.Duration) (after offers, changed bool) {
	after, changed = all.at(now)
	var said offers
	for _, server := range a.servers {
		said = append(said, offer{Link: a.link, Server: server, Ends: now + a.lifetime})
	}
	for _, domain := range a.domains {
		said = append(said, offer{Link: a.link, Domain: domain, Ends: now + a.lifetime})
	}
	for _, o := range said {
		i := slices.IndexFunc(after, o.is)
		switch {
		case i >= 0 && a.lifetime == 0:
			after, changed = slices.Delete(after, i, i+1), true
		case i >= 0:
			after[i].Ends = o.Ends
		case a.lifetime > 0 && after.like(o) < mostOffers:
			after, changed = append(after, o), true
		}
	}
	return after, changed
}

// like counts the offers of the same kind on the same link.
func (all offers) like(o offer) int {
	n := 0
	for _, other := range all {
		if other.Link == o.Link && other.Server.IsValid() == o.Server.IsValid() {
			n++
		}
	}
	return n
}

// at are the offers that have not ended; fewer says that some have.
func (all offers) at(now time.Duration) (still offers, fewer bool) {
	for _, o := range all {
		if o.Ends > now {
			still = append(still, o)
		}
	}
	return still, len(still) < len(all)
}

// on are the offers on links that are there and up; all others went with their link.
func (all offers) on(links []link) (there, gone offers) {
	for _, o := range all {
		if slices.ContainsFunc(links, func(l link) bool { return l.Index == o.Link && l.Up }) {
			there = append(there, o)
		} else {
			gone = append(gone, o)
		}
	}
	return there, gone
}

// dns is what routers offer on a link, without what is not to be used of it. A server
// whose address counts on the link alone is told with it.
func (all offers) dns(l link, w want) cloudconfig.DNS {
	var dns cloudconfig.DNS
	if !l.Carrier || w.AcceptRA != nil && !*w.AcceptRA || w.Announced.NoDNS {
		return dns
	}
	for _, o := range all {
		switch {
		case o.Link != l.Index:
		case o.Server.IsLinkLocalUnicast():
			dns.Nameservers = append(dns.Nameservers, o.Server.WithZone(l.Name).String())
		case o.Server.IsValid():
			dns.Nameservers = append(dns.Nameservers, o.Server.String())
		case !w.Announced.NoDomains:
			dns.Search = append(dns.Search, o.Domain)
		}
	}
	return dns
}

// announced keeps what routers offer, and a copy of it for the next run: a router says
// it again only after minutes.
type announced struct {
	path string
	mu   sync.Mutex
	all  offers // by mu
}

// sinceBoot is the clock of [offer].
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // every Linux has it
	}
	return time.Duration(t.Nano())
}

// remember takes over what an earlier run was told.
func (a *announced) remember() error {
	data, err := os.ReadFile(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var all offers
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return fmt.Errorf("cannot read what routers announced: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = all
	return nil
}

// now are the offers that have not ended.
func (a *announced) now() offers {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all, _ = a.all.at(sinceBoot())
	return slices.Clone(a.all)
}

// forget leaves out offers, unless they were made again since.
func (a *announced) forget(gone offers) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(o offer) bool { return slices.Contains(gone, o) })
}

// endsAfter is how long it is to the first end of an offer that comes after a time; 0
// when none does.
func (a *announced) endsAfter(t time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var first time.Duration
	for _, o := range a.all {
		if o.Ends > t && (first == 0 || o.Ends < first) {
			first = o.Ends
		}
	}
	if first == 0 {
		return 0
	}
	return max(first-sinceBoot(), time.Millisecond)
}

// note takes an announcement, and says whether it changes anything.
func (a *announced) note(said announcement) (changed bool, err error) {
	a.mu.Lock()
	a.all, changed = a.all.with(said, sinceBoot())
	copied := slices.Clone(a.all)
	a.mu.Unlock()
	data, err := json.Marshal(copied)
	if err != nil {
		return changed, fmt.Errorf("cannot write what routers announced: %w", err)
	}
	return changed, replace(a.path, append(data, '\n'))
}

// watch notes what the kernel hands over of routers' advertisements, and nudges when
// it is something new, until ctx ends. When the kernel could not deliver all of it, it
// begins anew: a router says everything again.
func (a *announced) watch(ctx context.Context, nudge func()) error {
	for ctx.Err() == nil {
		if err := a.watchOnce(ctx, nudge); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (a *announced) watchOnce(ctx context.Context, nudge func()) error {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_ND_USEROPT)
	if err != nil {
		return fmt.Errorf("cannot watch what routers announce: %w", err)
	}
	stop := context.AfterFunc(ctx, s.Close) // which ends Receive
	defer func() {
		if stop() {
			s.Close()
		}
	}()
	for {
		messages, from, err := s.Receive()
		if err != nil {
			if ctx.Err() == nil {
				logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Debug("what routers announce was lost")
			}
			return nil
		}
		if from.Pid != nl.PidKernel {
			continue // any program can write to the socket
		}
		for _, m := range messages {
			if m.Header.Type == unix.RTM_NEWNDUSEROPT && a.take(m.Data) {
				nudge()
			}
		}
	}
}

// take notes what is in a message of the kernel's, and says whether it changes anything.
func (a *announced) take(message []byte) (changed bool) {
	log := logrus.WithField("service", "network")
	said, err := parseAnnouncements(message)
	if err != nil {
		log.WithError(err).Debug("an announcement of a router is not used")
	}
	for _, one := range said {
		other, err := a.note(one)
		if err != nil {
			log.WithError(err).Warn("name servers of routers will be lost when the service ends")
		}
		changed = changed || other
	}
	return changed
}
