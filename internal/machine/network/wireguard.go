package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// sameTunnel says whether a tunnel is as it should be. What a peer's name stands
// for may change, and a peer may move: its endpoint counts only where it is
// written as an address and the kernel has none.
func sameTunnel(want, have *Tunnel) bool {
	if want == nil || have == nil {
		return want == have
	}
	return reflect.DeepEqual(comparable(*want, have), comparable(*have, have))
}

// written are the endpoints of the peers, by public key.
func (t Tunnel) written() map[string]string {
	endpoints := map[string]string{}
	for _, p := range t.Peers {
		if p.Endpoint != "" {
			endpoints[p.PublicKey] = p.Endpoint
		}
	}
	return endpoints
}

// comparable is a tunnel in one order, with only that of the peers' endpoints
// that matters: whether there is one.
func comparable(t Tunnel, kernel *Tunnel) Tunnel {
	if t.Port == 0 { // the kernel chooses one
		t.Port = kernel.Port
	}
	t.Peers = slices.Clone(t.Peers)
	for i := range t.Peers {
		p := &t.Peers[i]
		if p.Endpoint != "" {
			p.Endpoint = "somewhere"
		} else if slices.ContainsFunc(kernel.Peers, func(k Peer) bool { return k.PublicKey == p.PublicKey && k.Endpoint != "" }) {
			p.Endpoint = "somewhere" // it has called
		}
		p.AllowedIPs = slices.SortedFunc(slices.Values(p.AllowedIPs), netip.Prefix.Compare)
	}
	slices.SortFunc(t.Peers, func(a, b Peer) int { return strings.Compare(a.PublicKey, b.PublicKey) })
	return t
}

// readTunnel is the tunnel that the kernel has; nil when it cannot tell.
func readTunnel(name string) *Tunnel {
	client, err := wgctrl.New()
	if err != nil {
		return nil
	}
	defer func() { _ = client.Close() }() // it only read
	dev, err := client.Device(name)
	if err != nil {
		logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Debug("cannot read a tunnel")
		return nil
	}
	t := &Tunnel{PrivateKey: keyText(dev.PrivateKey), Port: dev.ListenPort, Mark: dev.FirewallMark}
	for _, p := range dev.Peers {
		peer := Peer{
			PublicKey: keyText(p.PublicKey), PresharedKey: keyText(p.PresharedKey),
			Keepalive: int(p.PersistentKeepaliveInterval / time.Second),
		}
		if p.Endpoint != nil {
			peer.Endpoint = p.Endpoint.String()
		}
		for _, n := range p.AllowedIPs {
			peer.AllowedIPs = append(peer.AllowedIPs, prefix(&n))
		}
		t.Peers = append(t.Peers, peer)
	}
	return t
}

func keyText(k wgtypes.Key) string {
	if k == (wgtypes.Key{}) {
		return ""
	}
	return k.String()
}

// lookupLimit is how long the names of a tunnel's peers may take: all the network
// waits for it.
const lookupLimit = 2 * time.Second

// setTunnel makes a tunnel as it should be. Peers that stay keep their session. One
// whose name is not known has the rest, and may call; its name is looked up again.
func setTunnel(name string, t Tunnel) error {
	endpoints, unknown := t.endpoints()
	config, err := tunnelConfig(t, endpoints)
	if err != nil {
		return err
	}
	client, err := wgctrl.New()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // ConfigureDevice has said whether it worked
	if dev, err := client.Device(name); err == nil {
		for _, p := range dev.Peers {
			if !slices.ContainsFunc(config.Peers, func(c wgtypes.PeerConfig) bool { return c.PublicKey == p.PublicKey }) {
				config.Peers = append(config.Peers, wgtypes.PeerConfig{PublicKey: p.PublicKey, Remove: true})
			}
		}
	}
	return errors.Join(client.ConfigureDevice(name, config), unknown)
}

// endpoints are the addresses of peers, by what is written.
func (t Tunnel) endpoints() (map[string]*net.UDPAddr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	found := map[string]*net.UDPAddr{}
	var errs []error
	for _, p := range t.Peers {
		if p.Endpoint == "" {
			continue
		}
		address, err := lookup(ctx, p.Endpoint)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot find peer %s: %w", p.Endpoint, err))
			continue
		}
		found[p.Endpoint] = address
	}
	return found, errors.Join(errs...)
}

// lookup finds an address and a port.
func lookup(ctx context.Context, endpoint string) (*net.UDPAddr, error) {
	host, service, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, err
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(addresses[0].Unmap(), uint16(port))), nil
}

func tunnelConfig(t Tunnel, endpoints map[string]*net.UDPAddr) (wgtypes.Config, error) {
	private, err := wgtypes.ParseKey(t.PrivateKey)
	if err != nil {
		return wgtypes.Config{}, fmt.Errorf("cannot use the private key: %w", err)
	}
	config := wgtypes.Config{PrivateKey: &private, FirewallMark: &t.Mark}
	if t.Port != 0 {
		config.ListenPort = &t.Port
	}
	for _, p := range t.Peers {
		peer, err := peerConfig(p, endpoints[p.Endpoint])
		if err != nil {
			return wgtypes.Config{}, err
		}
		config.Peers = append(config.Peers, peer)
	}
	return config, nil
}

// peerConfig is a peer, at an address if that is known.
func peerConfig(p Peer, endpoint *net.UDPAddr) (wgtypes.PeerConfig, error) {
	key, err := wgtypes.ParseKey(p.PublicKey)
	if err != nil {
		return wgtypes.PeerConfig{}, fmt.Errorf("cannot use the public key of a peer: %w", err)
	}
	keepalive := time.Duration(p.Keepalive) * time.Second
	out := wgtypes.PeerConfig{PublicKey: key, ReplaceAllowedIPs: true, PersistentKeepaliveInterval: &keepalive, Endpoint: endpoint}
	if p.PresharedKey != "" {
		shared, err := wgtypes.ParseKey(p.PresharedKey)
		if err != nil {
			return wgtypes.PeerConfig{}, fmt.Errorf("cannot use the shared key of a peer: %w", err)
		}
		out.PresharedKey = &shared
	}
	for _, n := range p.AllowedIPs {
		out.AllowedIPs = append(out.AllowedIPs, *ipNet(n))
	}
	return out, nil
}
