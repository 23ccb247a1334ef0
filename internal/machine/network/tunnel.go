package network

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/ros-os/ros/cloudconfig"
)

// tunnel translates a Wireguard tunnel; others are told.
func (t *translator) tunnel(doc *Document, name string, c cloudconfig.TunnelConfig) {
	path := []string{"tunnels", name}
	if c.Mode != "wireguard" {
		t.warn(fmt.Sprintf("a tunnel of mode %q is not made", c.Mode), "this system has wireguard", path...)
		return
	}
	out := Tunnel{PrivateKey: c.Keys.Private, Port: int(c.Port), Mark: c.Mark}
	if c.Key.Node != nil && c.Key.Node.Value != "" {
		out.PrivateKey = c.Key.Node.Value
	}
	for i := 0; c.Key.Node != nil && i+1 < len(c.Key.Node.Content); i += 2 { // key: {private: …}
		if c.Key.Node.Content[i].Value == "private" {
			out.PrivateKey = c.Key.Node.Content[i+1].Value
		}
	}
	if !isKey(out.PrivateKey) {
		t.fail("the private key is none of wireguard", "32 bytes in base64, as wg genkey prints them", below(path, "key")...)
		return
	}
	for _, unused := range []struct {
		key string
		is  bool
	}{{"local", c.Local != ""}, {"remote", c.Remote != ""}, {"ttl", c.TTL != 0}} {
		if unused.is {
			t.warn("is not used: wireguard has none", "the other end is the endpoint of a peer", below(path, unused.key)...)
		}
	}
	for i, p := range c.Peers {
		if peer, ok := t.peer(p, below(path, "peers", strconv.Itoa(i))...); ok {
			out.Peers = append(out.Peers, peer)
		}
	}
	t.device(doc, Device{Name: name, Kind: Wireguard, Tunnel: &out}, c.LinkConfig, path...)
}

func (t *translator) peer(p cloudconfig.TunnelPeer, path ...string) (Peer, bool) {
	out := Peer{PublicKey: p.Keys.Public, PresharedKey: p.Keys.Shared, Endpoint: p.Endpoint, Keepalive: p.Keepalive}
	if !isKey(out.PublicKey) || out.PresharedKey != "" && !isKey(out.PresharedKey) {
		t.fail("a key of the peer is none of wireguard", "32 bytes in base64, as wg pubkey prints them", below(path, "keys")...)
		return Peer{}, false
	}
	for _, text := range p.AllowedIPs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			t.fail(fmt.Sprintf("%q is no network", text), "", below(path, "allowed-ips")...)
			return Peer{}, false
		}
		out.AllowedIPs = append(out.AllowedIPs, prefix.Masked())
	}
	return out, true
}

func isKey(text string) bool {
	key, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(key) == 32
}
