package repository

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/ros-os/ros/cloudconfig"
)

// How long a server may take: to answer at all, and for a whole document.
const (
	connectTimeout = 10 * time.Second
	answerTimeout  = 15 * time.Second
	wholeTimeout   = 30 * time.Second
)

const mostRedirects = 5

// newClient is an HTTP client that goes through the proxies of the
// configuration; without any there, through those of the environment.
func newClient(network cloudconfig.Network) *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout}
	return &http.Client{
		Timeout:       wholeTimeout,
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  proxies(network),
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			ResponseHeaderTimeout:  answerTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        wholeTimeout,
		},
	}
}

func proxies(network cloudconfig.Network) func(*http.Request) (*url.URL, error) {
	if network.HTTPProxy == "" && network.HTTPSProxy == "" {
		return http.ProxyFromEnvironment
	}
	choose := (&httpproxy.Config{
		HTTPProxy: network.HTTPProxy, HTTPSProxy: network.HTTPSProxy, NoProxy: network.NoProxy,
	}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
}

// checkRedirect follows some redirections, but none that gives up encryption.
func checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > mostRedirects:
		return permanentError{errors.New("it is redirected too often")}
	case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
		return permanentError{errors.New("it is redirected to " + r.URL.Redacted() + ", which has no encryption")}
	}
	return nil
}

// permanentError is one that another try will not mend: what is there is wrong.
type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// permanent says whether another try is vain until somebody changes something.
func permanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

// errAbsent says that a server has no such document.
var errAbsent = errors.New("404 Not Found")
