package network

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// resolver decides what resolv.conf says: the user's servers, else those that
// the sources and DHCP gave, else the fallback; the same for search domains.
func resolver(user, fallback cloudconfig.DNS, given []cloudconfig.DNS) cloudconfig.DNS {
	var all cloudconfig.DNS
	for _, dns := range given {
		all.Nameservers = appendNew(all.Nameservers, dns.Nameservers)
		all.Search = appendNew(all.Search, dns.Search)
	}
	return cloudconfig.DNS{
		Nameservers: firstSet(user.Nameservers, all.Nameservers, fallback.Nameservers),
		Search:      firstSet(user.Search, all.Search, fallback.Search),
	}
}

func appendNew(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func firstSet(lists ...[]string) []string {
	for _, list := range lists {
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

// resolvConf is the text of resolv.conf. A value with a space or a line break
// in it is left out: it would say something else than what was meant.
func resolvConf(dns cloudconfig.DNS, more Resolver) string {
	var b strings.Builder
	b.WriteString("# made by ros from the configuration and DHCP; changes are lost\n")
	line := func(keyword string, values ...string) {
		if values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !oneWord(v) }); len(values) > 0 {
			fmt.Fprintf(&b, "%s %s\n", keyword, strings.Join(values, " "))
		}
	}
	line("search", dns.Search...)
	for _, server := range dns.Nameservers {
		line("nameserver", server)
	}
	line("sortlist", more.SortList...)
	line("options", more.Options...)
	return b.String()
}

func oneWord(s string) bool { return len(strings.Fields(s)) == 1 && strings.TrimSpace(s) == s }

// writeInPlace changes a file that is bound into containers by itself: it must
// stay the same file. It is not written when it says the same already.
func writeInPlace(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // Sync has said whether it was written
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
