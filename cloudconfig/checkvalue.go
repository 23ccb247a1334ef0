package cloudconfig

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const maxHostname = 64 // what the kernel takes

var (
	hostLabel    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$`) // "_" is common, and the kernel takes it
	permissions  = regexp.MustCompile(`^[0-7]{1,5}$`)
	owner        = regexp.MustCompile(`^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]*)?$`)
	variable     = regexp.MustCompile(`^[^=\x00\s]+$`)
	sysctlKey    = regexp.MustCompile(`^[A-Za-z0-9_-]+([./][A-Za-z0-9_:@*-]+)*$`)
	vlan         = regexp.MustCompile(`^\s*\d{1,4}(:[A-Za-z0-9_.-]{1,15})?\s*$`)
	deviceByName = regexp.MustCompile(`^(LABEL|UUID|PARTLABEL|PARTUUID)=.+$`)
)

func checkHostname(v string) (msg, hint string) {
	if len(v) > maxHostname {
		return fmt.Sprintf("host name is longer than %d characters", maxHostname), ""
	}
	for label := range strings.SplitSeq(v, ".") {
		if !hostLabel.MatchString(label) {
			return fmt.Sprintf("%q is not a host name", v), "letters, digits and hyphens, with dots between parts"
		}
	}
	return "", ""
}

func checkFilePath(v string) (msg, hint string) {
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

func checkDirectory(v string) (msg, hint string) {
	if slices.Contains(strings.Split(v, "/"), "..") {
		return fmt.Sprintf("folder %q has a part \"..\"", v), ""
	}
	return "", ""
}

func checkPermissions(v string) (msg, hint string) {
	if !permissions.MatchString(v) {
		return fmt.Sprintf("%q are not permissions", v), `octal digits, such as "0644"`
	}
	return "", ""
}

func checkOwner(v string) (msg, hint string) {
	if !owner.MatchString(v) {
		return fmt.Sprintf("%q is not an owner", v), "user or user:group"
	}
	return "", ""
}

func checkNotNegative(v string) (msg, hint string) {
	if strings.HasPrefix(v, "-") {
		return v + " is less than 0", ""
	}
	return "", ""
}

func checkIP(v string) (msg, hint string) {
	if _, err := netip.ParseAddr(v); err != nil {
		return fmt.Sprintf("%q is not an IP address", v), ""
	}
	return "", ""
}

func checkIPv6(v string) (msg, hint string) {
	if a, err := netip.ParseAddr(v); err != nil || !a.Is6() {
		return fmt.Sprintf("%q is not an IPv6 address", v), ""
	}
	return "", ""
}

// checkListen also takes a name, as sshd does.
func checkListen(v string) (msg, hint string) {
	if _, err := netip.ParseAddr(v); err == nil {
		return "", ""
	}
	return checkHostname(v)
}

func checkDomain(v string) (msg, hint string) {
	if len(v) > 253 || strings.ContainsAny(v, " \t\n/") {
		return fmt.Sprintf("%q is not a domain", v), ""
	}
	return "", ""
}

// checkPrefix wants what a static address needs: the length of its network too.
func checkPrefix(v string) (msg, hint string) {
	if _, err := netip.ParsePrefix(v); err == nil {
		return "", ""
	}
	if a, err := netip.ParseAddr(v); err == nil {
		length := 24
		if a.Is6() {
			length = 64
		}
		return fmt.Sprintf("address %q has no prefix length", v), fmt.Sprintf("such as %s/%d", v, length)
	}
	return fmt.Sprintf("%q is not an address with prefix length", v), "such as 192.168.1.2/24"
}

func checkMTU(v string) (msg, hint string) {
	return checkRange(v, 68, 65535, "MTU")
}

func checkPort(v string) (msg, hint string) {
	return checkRange(v, 1, 65535, "port")
}

func checkRange(v string, low, high int, what string) (msg, hint string) {
	i, err := strconv.ParseInt(v, 0, 64)
	if i == 0 || err == nil && int(i) >= low && int(i) <= high {
		return "", "" // 0 is "not set"
	}
	return fmt.Sprintf("%s %s is not between %d and %d", what, v, low, high), ""
}

func checkVlans(v string) (msg, hint string) {
	for part := range strings.SplitSeq(v, ",") {
		number, _, _ := strings.Cut(strings.TrimSpace(part), ":")
		id, err := strconv.Atoi(number)
		if err != nil || id < 1 || id > 4094 || !vlan.MatchString(part) {
			return fmt.Sprintf("%q is not a VLAN", strings.TrimSpace(part)), "number or number:name, with commas between, numbers from 1 to 4094"
		}
	}
	return "", ""
}

func checkDevice(v string) (msg, hint string) {
	if !path.IsAbs(v) && !deviceByName.MatchString(v) {
		return fmt.Sprintf("%q is not a device", v), "a path such as /dev/sda, or LABEL=… or UUID=…"
	}
	return "", ""
}

const minShutdownTimeout = 5

func checkShutdownTimeout(v string) (msg, hint string) {
	if i, err := strconv.ParseInt(v, 0, 64); err != nil || i != 0 && i < minShutdownTimeout {
		return fmt.Sprintf("%s is less than %d seconds", v, minShutdownTimeout), "0 is the default, 60"
	}
	return "", ""
}

// checkAuth never shows the value, which is a secret.
func checkAuth(v string) (msg, hint string) {
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil || !strings.Contains(string(raw), ":") {
		return "is not the base64 form of user:password", "or write username and password"
	}
	return "", ""
}

func checkVariable(key string) (msg, hint string) {
	if !variable.MatchString(key) {
		return fmt.Sprintf("%q is not the name of a variable", key), ""
	}
	return "", ""
}

func checkSysctl(key string) (msg, hint string) {
	if !sysctlKey.MatchString(key) {
		return fmt.Sprintf("%q is not a kernel setting", key), "such as net.ipv4.ip_forward"
	}
	return "", ""
}
