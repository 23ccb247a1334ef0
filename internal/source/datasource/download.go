package datasource

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/transport"
)

// downloadTimeout is for one whole document, which may be long.
const downloadTimeout = 5 * time.Minute

// Download fetches what the configuration names and is no user-data: the content
// of a file, somebody's public keys. It may be of any type, and servers of such
// things send on to others; but it, too, comes over https, or from the machine's
// own link.
type Download struct {
	Root      string              // of the machine whose authorities are trusted
	Network   cloudconfig.Network // its proxies alone
	AllowHTTP bool                // also from elsewhere
	Most      int64               // bytes; 0: as much as user-data may have
}

// Get fetches one document, once.
func (d Download) Get(ctx context.Context, address string, header map[string]string) ([]byte, error) {
	w := &web{allowHTTP: d.AllowHTTP, most: d.Most, anyType: true}
	follow := func(r *http.Request, via []*http.Request) error { return w.mayFollow(r, via, len(header) > 0) }
	w.direct, w.proxied = newClient(d.Root, nil, follow), newClient(d.Root, transport.Proxies(d.Network), follow)
	for _, c := range []*http.Client{w.direct, w.proxied} {
		c.Timeout = downloadTimeout
		defer c.CloseIdleConnections()
	}
	return w.get(ctx, address, header)
}

// mayFollow follows a server that sends on, to where might have been asked at
// once. What a header says is for the first server alone.
func (w *web) mayFollow(r *http.Request, via []*http.Request, secret bool) error {
	first := via[0].URL
	switch {
	case len(via) > mostRedirects:
		return permanentError{errors.New("it is redirected too often")}
	case first.Scheme == "https" && r.URL.Scheme != "https":
		return permanentError{errors.New("it is redirected to where there is no encryption: " + source.ShownURL(r.URL.String()))}
	case isLocal(r.URL.Hostname()) && !isLocal(first.Hostname()):
		return permanentError{errors.New("it is redirected to this machine or its cloud: " + source.ShownURL(r.URL.String()))}
	case secret && r.URL.Host != first.Host:
		return permanentError{errors.New("it is redirected to elsewhere, which must not see the headers: " + source.ShownURL(r.URL.String()))}
	}
	return w.mayAsk(r.URL)
}
