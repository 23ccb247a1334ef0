package network

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/supervise"
)

// wpaSupplicant is the program that joins wireless networks.
const wpaSupplicant = "wpa_supplicant"

// withWifi gives links that join a wireless network the address that goes with
// it: the network's own, else one by DHCP.
func (s Settings) withWifi() Settings {
	docs := make([]Document, len(s.Documents))
	for i, doc := range s.Documents {
		entries := make([]Entry, len(doc.Entries))
		for j, e := range doc.Entries {
			if wifi, ok := s.Wifi[e.Link.Wifi]; ok && e.Link.Wifi != "" && !e.Link.addressed() {
				e.Link = withWifi(e.Link, wifi)
			}
			entries[j] = e
		}
		doc.Entries = entries
		docs[i] = doc
	}
	s.Documents = docs
	return s
}

func withWifi(l Link, wifi cloudconfig.Wifi) Link {
	prefix, err := netip.ParsePrefix(wifi.Address)
	if err != nil {
		l.DHCP = true
		return l
	}
	l.Addresses = []netip.Prefix{prefix}
	if gateway, err := netip.ParseAddr(wifi.Gateway); err == nil {
		l.Routes = append(l.Routes[:len(l.Routes):len(l.Routes)], gatewayRoute(gateway))
	}
	return l
}

// wifiPrograms are the programs that join wireless networks, and the text that
// each reads from a file of its own below dir.
func (s Settings) wifiPrograms(dir string, wants []want) (programs []supervise.Program, files map[string]string, problems []string) {
	files = map[string]string{}
	for _, w := range wants {
		if w.Wifi == "" {
			continue
		}
		wifi, ok := s.Wifi[w.Wifi]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: there is no wireless network %q in wifi_networks", w.Name, w.Wifi))
			continue
		}
		if _, err := exec.LookPath(wpaSupplicant); err != nil {
			problems = append(problems, fmt.Sprintf("%s: cannot join %q: this system has no %s", w.Name, w.Wifi, wpaSupplicant))
			continue
		}
		path := filepath.Join(dir, wpaSupplicant+"-"+w.Name+".conf")
		files[path] = wpaConf(wifi)
		programs = append(programs, supervise.Program{
			Name: wpaSupplicant + " " + w.Name, Argv: []string{wpaSupplicant, "-i", w.Name, "-c", path}, Inputs: files[path],
		})
	}
	return programs, files, problems
}

// wpaConf is the configuration of wpa_supplicant for one network.
func wpaConf(wifi cloudconfig.Wifi) string {
	var b strings.Builder
	b.WriteString("# made by ros; changes are lost\nnetwork={\n")
	text := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "\t%s=%s\n", key, wpaText(value))
		}
	}
	words := func(key, value string) { // a list of words, which has no quotation marks
		if value != "" && !strings.ContainsAny(value, "\n\r}\"") {
			fmt.Fprintf(&b, "\t%s=%s\n", key, value)
		}
	}
	number := func(key string, value int) {
		if value != 0 {
			words(key, strconv.Itoa(value))
		}
	}
	text("ssid", wifi.SSID)
	number("scan_ssid", wifi.ScanSSID)
	number("priority", wifi.Priority)
	if isHexKey(wifi.PSK) { // the key itself, and not what it is made of
		words("psk", wifi.PSK)
	} else {
		text("psk", wifi.PSK)
	}
	for _, w := range [][2]string{
		{"key_mgmt", keyMgmt(wifi)}, {"pairwise", wifi.Pairwise}, {"group", wifi.Group}, {"eap", wifi.EAP},
	} {
		words(w[0], w[1])
	}
	number("eapol_flags", wifi.EapolFlags)
	text("identity", wifi.Identity)
	text("anonymous_identity", wifi.AnonymousIdentity)
	text("password", wifi.Password)
	for _, list := range []struct {
		key    string
		values []string
	}{
		{"ca_cert", wifi.CACerts},
		{"client_cert", wifi.ClientCerts},
		{"private_key", wifi.PrivateKeys},
		{"private_key_passwd", wifi.PrivateKeyPasswds},
		{"phase", wifi.Phases},
	} {
		for i, value := range list.values {
			text(numbered(list.key, i), value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// numbered is the name of a key's first, second and further values.
func numbered(key string, i int) string {
	if i == 0 && key != "phase" {
		return key
	}
	return key + strconv.Itoa(i+1)
}

// wpaText is a string as wpa_supplicant reads it, whatever is in it.
func wpaText(s string) string {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Sprintf("%x", s)
		}
	}
	return `"` + s + `"`
}

func isHexKey(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// keyMgmt is how keys are agreed on: as written, else none without a key.
func keyMgmt(w cloudconfig.Wifi) string {
	if w.KeyMgmt == "" && w.PSK == "" && w.EAP == "" {
		return "NONE"
	}
	return w.KeyMgmt
}
