package engine

import (
	"fmt"
	"strings"

	"github.com/ros-os/ros/compose"
)

// refusal is what an image could not be had from.
type refusal struct {
	scope compose.Scope // of the daemon
	ref   string
	auth  string // key of the credential that was sent; empty: none
}

// hints are what to do about errors of registries and of the way to them, by the
// words in which Docker, containerd and Go's libraries tell them. The first that
// fits is taken.
var hints = [...]struct {
	words  []string
	advice func(r refusal, host string) string
}{
	{[]string{"toomanyrequests", "too many requests", "rate limit"}, refusal.limited},
	{[]string{"certificate signed by unknown authority"}, refusal.untrusted},
	{[]string{"x509:", "failed to verify certificate"}, refusal.invalid},
	{[]string{"http response to https client"}, refusal.plain},
	{[]string{
		"no basic auth credentials", "pull access denied", "unauthorized", "authentication required",
		"incorrect username or password", "401 unauthorized", "403 forbidden", "requested access to the resource is denied",
	}, refusal.denied},
	{[]string{"no matching manifest", "no match for platform"}, refusal.platform},
	{[]string{"manifest unknown", "name unknown", "not found"}, refusal.unknown},
	{[]string{"proxyconnect"}, refusal.proxy},
	{[]string{
		"no such host", "server misbehaving", "connection refused", "network is unreachable", "no route to host",
		"i/o timeout", "tls handshake timeout", "connection reset", "broken pipe", "unexpected eof", errStalled.Error(),
	}, refusal.unreachable},
}

// explain adds to an error of the daemon's who refused, and what to do next.
func (r refusal) explain(err error) error {
	host, bad := hostOf(r.ref)
	if bad != nil {
		return err // it says that this is no reference
	}
	told := strings.ToLower(err.Error())
	for _, h := range hints {
		for _, words := range h.words {
			if strings.Contains(told, words) {
				return fmt.Errorf("%w; %s", daemonError{err}, h.advice(r, host))
			}
		}
	}
	return err
}

// option is a key of the daemon's in the configuration.
func (r refusal) option(key string) string {
	if r.scope == compose.User {
		return "rancher.docker." + key
	}
	return "rancher.system_docker." + key
}

func (r refusal) denied(host string) string {
	if r.auth != "" {
		return fmt.Sprintf("registry %s refuses the credentials of %q for this image: check the name of the image and rancher.registry_auths.%q", host, r.auth, host)
	}
	return fmt.Sprintf("registry %s wants credentials, or there is no such image: check its name, or set rancher.registry_auths.%q", host, host)
}

func (r refusal) untrusted(host string) string {
	return fmt.Sprintf("the certificate of registry %s is not trusted: put its authority's into /etc/docker/certs.d/%s/ca.crt", host, host)
}

func (r refusal) invalid(host string) string {
	return fmt.Sprintf("the certificate of registry %s is not valid: check the name in it, its dates and this machine's clock", host)
}

func (r refusal) plain(host string) string {
	return fmt.Sprintf("registry %s speaks HTTP without TLS: add it to %s, if you trust the network", host, r.option("insecure_registry"))
}

func (r refusal) limited(host string) string {
	if r.auth != "" {
		return fmt.Sprintf("registry %s limits how much %q may pull: try again later, or use a mirror (%s)", host, r.auth, r.option("registry_mirror"))
	}
	return fmt.Sprintf("registry %s limits pulls without an account: set rancher.registry_auths.%q", host, host)
}

func (r refusal) platform(host string) string {
	return fmt.Sprintf("registry %s has %s for other machines than this one", host, r.ref)
}

func (r refusal) unknown(host string) string {
	return fmt.Sprintf("registry %s has no %s: check the name and the tag", host, r.ref)
}

func (r refusal) proxy(string) string {
	return "the proxy cannot be reached: check rancher.network.http_proxy, https_proxy and no_proxy"
}

func (r refusal) unreachable(host string) string {
	return fmt.Sprintf("registry %s cannot be reached: check its name and the network", host)
}
