package cloudconfig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Checks of formats that find better words than "is not …", or that a pattern
// cannot do. Each returns what is wrong and what to do about it; an empty msg is
// fine. No check sees an empty text, which means "not set" everywhere.

const maxHostname = 64 // what the kernel takes

func checkHostname(f *format, v string) (msg, hint string) {
	if len(v) > maxHostname {
		return fmt.Sprintf("host name is longer than %d characters", maxHostname), ""
	}
	if !f.matches(v) {
		return fmt.Sprintf("%q is not a host name", v), "letters, digits and hyphens, with dots between parts"
	}
	return "", ""
}

func checkFilePath(_ *format, v string) (msg, hint string) {
	switch {
	case !path.IsAbs(v):
		return fmt.Sprintf("path %q does not begin with /", v), "write the whole path"
	case strings.HasSuffix(v, "/"):
		return fmt.Sprintf("path %q is a folder", v), "write the path of a file"
	case strings.Contains(v, "\x00"):
		return "path has a NUL byte", ""
	}
	return "", ""
}

func checkDirectory(_ *format, v string) (msg, hint string) {
	if slices.Contains(strings.Split(v, "/"), "..") {
		return fmt.Sprintf("folder %q has a part \"..\"", v), ""
	}
	return "", ""
}

func checkPermissions(f *format, v string) (msg, hint string) {
	if !f.matches(v) {
		return fmt.Sprintf("%q are not permissions", v), `octal digits, such as "0644"`
	}
	return "", ""
}

// parseAddr is [netip.ParseAddr] without zones that run over the end of a line.
func parseAddr(v string) (netip.Addr, error) {
	a, err := netip.ParseAddr(v)
	if err == nil && strings.Contains(a.Zone(), "\n") {
		return netip.Addr{}, errors.New("the zone has a line end")
	}
	return a, err
}

func checkIP(_ *format, v string) (msg, hint string) {
	if _, err := parseAddr(v); err != nil {
		return fmt.Sprintf("%q is not an IP address", v), ""
	}
	return "", ""
}

func checkIPv6(_ *format, v string) (msg, hint string) {
	if a, err := parseAddr(v); err != nil || !a.Is6() {
		return fmt.Sprintf("%q is not an IPv6 address", v), ""
	}
	return "", ""
}

// checkHost takes a name or an address, as sshd does.
func checkHost(f *format, v string) (msg, hint string) {
	if _, err := parseAddr(v); err == nil && len(v) <= f.max {
		return "", ""
	}
	return checkHostname(f, v)
}

// checkPrefix wants what a static address needs: the length of its network too.
func checkPrefix(_ *format, v string) (msg, hint string) {
	if _, err := netip.ParsePrefix(v); err == nil {
		return "", ""
	}
	if a, err := parseAddr(v); err == nil {
		length := 24
		if a.Is6() {
			length = 64
		}
		return fmt.Sprintf("address %q has no prefix length", v), fmt.Sprintf("such as %s/%d", v, length)
	}
	return fmt.Sprintf("%q is not an address with prefix length", v), "such as 192.168.1.2/24"
}

func checkVlans(f *format, v string) (msg, hint string) {
	for part := range strings.SplitSeq(v, ",") {
		if !f.matches(part) {
			return fmt.Sprintf("%q is not a VLAN", strings.TrimSpace(part)), "number or number:name, with commas between, numbers from 1 to 4094"
		}
	}
	return "", ""
}

// checkAuth never shows the value, which is a secret.
func checkAuth(_ *format, v string) (msg, hint string) {
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil || !strings.Contains(string(raw), ":") {
		return "is not the base64 form of user:password", "or write username and password"
	}
	return "", ""
}
