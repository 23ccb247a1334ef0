// Package transport knows how the machine's own requests go into the web: by which
// proxies, and whose word is trusted about who a server is. It asks nobody, and knows
// nothing of the documents.
package transport

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/net/http/httpproxy"

	"github.com/ros-os/ros/cloudconfig"
)

// Bundle has the authorities that the machine trusts.
const Bundle = "/etc/ssl/certs/ca-certificates.crt"

// TLS trusts the authorities that the machine below root trusts now: Go's library
// remembers for ever which they were when a process first asked somebody, and ca_certs
// often comes later. Without a bundle they are that library's.
func TLS(root string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	pool := x509.NewCertPool()
	if data, err := os.ReadFile(filepath.Join(root, Bundle)); err == nil && pool.AppendCertsFromPEM(data) {
		c.RootCAs = pool
	}
	return c
}

// Proxies are those of the configuration; without any there, those of the
// environment.
func Proxies(n cloudconfig.Network) func(*http.Request) (*url.URL, error) {
	if n.HTTPProxy == "" && n.HTTPSProxy == "" {
		return http.ProxyFromEnvironment
	}
	choose := (&httpproxy.Config{HTTPProxy: n.HTTPProxy, HTTPSProxy: n.HTTPSProxy, NoProxy: n.NoProxy}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
}
