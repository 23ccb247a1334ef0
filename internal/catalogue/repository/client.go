package repository

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/transport"
)

// How long a server may take: to answer at all, and for a whole document.
const (
	connectTimeout = 10 * time.Second
	answerTimeout  = 15 * time.Second
	wholeTimeout   = 30 * time.Second
)

const mostRedirects = 5

// newClient is an HTTP client that goes by the configuration's proxies, and trusts
// whom the machine below root trusts now.
func newClient(root string, network cloudconfig.Network) *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout}
	return &http.Client{
		Timeout:       wholeTimeout,
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  transport.Proxies(network),
			TLSClientConfig:        transport.TLS(root),
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			ResponseHeaderTimeout:  answerTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        wholeTimeout,
		},
	}
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
