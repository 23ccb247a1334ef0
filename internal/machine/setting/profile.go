package setting

import (
	"context"
	"fmt"
	"strings"
)

const proxyFile = "/etc/profile.d/proxy.sh"

// profile gives login shells the proxies of the configuration.
func (p *pass) profile(context.Context) {
	n := p.cfg.Rancher.Network
	text := proxyProfile([][2]string{
		{"http_proxy", n.HTTPProxy}, {"https_proxy", n.HTTPSProxy}, {"no_proxy", n.NoProxy},
	})
	if text == "" {
		p.drop(proxyFile, "rancher", "network")
		return
	}
	p.putText(proxyFile, text, "rancher", "network")
}

// proxyProfile is a piece of shell; nothing when no proxy is set. Programs do
// not agree on the case of the names.
func proxyProfile(proxies [][2]string) string {
	var b strings.Builder
	for _, proxy := range proxies {
		name, value := proxy[0], proxy[1]
		if value == "" {
			continue
		}
		fmt.Fprintf(&b, "export %s=%s\nexport %s=%s\n", name, quote(value), strings.ToUpper(name), quote(value))
	}
	if b.Len() == 0 {
		return ""
	}
	return "# made by ros from rancher.network; changes are lost\n" + b.String()
}

// quote makes a word of a shell out of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
