package datasource

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/transport"
)

const (
	// requestTimeout is for one whole answer: metadata services under load take
	// seconds.
	requestTimeout = 30 * time.Second
	connectTimeout = 5 * time.Second
	// maxAnswer is as much as a layer may have.
	maxAnswer     = 1 << 20
	mostRedirects = 3
)

// permanentError is one that another try will not mend: what is there is wrong.
type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// errAbsent says that a server has no such document.
var errAbsent = errors.New("there is no such document")

// web fetches small documents over HTTP.
type web struct {
	direct    *http.Client // for what is on the machine's own link
	proxied   *http.Client
	allowHTTP bool // also to elsewhere
	// What is no user-data may be longer, and of any type.
	most    int64 // bytes; 0: maxAnswer
	anyType bool
}

func newWeb(root string, network cloudconfig.Network, allowHTTP bool) *web {
	return &web{
		direct:  newClient(root, nil, checkRedirect),
		proxied: newClient(root, transport.Proxies(network), checkRedirect), allowHTTP: allowHTTP,
	}
}

// Client is for requests of others: by the configuration's proxies, and with the
// authorities that the machine below root trusts now.
func Client(root string, network cloudconfig.Network) *http.Client {
	return newClient(root, transport.Proxies(network), nil)
}

func newClient(root string, proxy func(*http.Request) (*url.URL, error), mayFollow func(*http.Request, []*http.Request) error) *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout}
	return &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: mayFollow,
		Transport: &http.Transport{
			Proxy:                  proxy,
			TLSClientConfig:        transport.TLS(root),
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // user-data may be gzip itself, and is unpacked within bounds
			IdleConnTimeout:        requestTimeout,
		},
	}
}

// checkRedirect follows a server that sends on to itself: a login page is always
// elsewhere.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > mostRedirects:
		return permanentError{errors.New("it is redirected too often")}
	case r.URL.Host != first.Host, first.Scheme == "https" && r.URL.Scheme != "https":
		return permanentError{errors.New("it is redirected to elsewhere: " + source.ShownURL(r.URL.String()))}
	}
	return nil
}

// get fetches a document that may bear secrets: over https, from the machine's
// own link, or from wherever the configuration allows.
func (w *web) get(ctx context.Context, address string, header map[string]string) ([]byte, error) {
	return w.do(ctx, http.MethodGet, address, header, nil)
}

func (w *web) do(ctx context.Context, method, address string, header map[string]string, body []byte) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, permanentError{fmt.Errorf("%s is no address", source.ShownURL(address))}
	}
	var pinned pin.Ref
	if u.Fragment != "" {
		if pinned, err = pin.Parse(address); err != nil {
			return nil, permanentError{fmt.Errorf("%s: %w", source.ShownURL(address), err)}
		}
	}
	// Nobody on the way can change what is pinned, so http may be used; that it can
	// be read there is for its author to know.
	if pinned.SHA256 == "" {
		if err := w.mayAsk(u); err != nil {
			return nil, err
		}
	}
	data, err := w.send(ctx, method, u, header, body)
	if err == nil && !pinned.AcceptsText(data) {
		return nil, permanentError{fmt.Errorf("%s: its SHA-256 is %s, and not %s as it is pinned",
			source.ShownURL(address), pin.Sum(data), pinned.SHA256)}
	}
	return data, err
}

// getOnLink fetches from a server that the network itself named, a router.
func (w *web) getOnLink(ctx context.Context, address string, header map[string]string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, permanentError{fmt.Errorf("%s is no address", source.ShownURL(address))}
	}
	return w.send(ctx, http.MethodGet, u, header, nil)
}

func (w *web) mayAsk(u *url.URL) error {
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return permanentError{fmt.Errorf("%s: only https and http are known", source.ShownURL(u.String()))}
	case w.allowHTTP || isLocal(u.Hostname()):
		return nil
	}
	return permanentError{fmt.Errorf("%s has no encryption: use https, or set rancher.cloud_init.allow_http", source.ShownURL(u.String()))}
}

// isLocal says whether a host is on the machine's own link, or is the metadata
// service of a cloud, which its hypervisor answers for.
func isLocal(host string) bool {
	switch host {
	case "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "metadata.google.internal":
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsLinkLocalUnicast() || addr.IsLoopback())
}

func (w *web) send(ctx context.Context, method string, u *url.URL, header map[string]string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, permanentError{errors.New(source.ShownURL(u.String()) + " is no address")}
	}
	for key, value := range header {
		if key == domURequest {
			r.Header[key] = []string{value}
			continue
		}
		r.Header.Set(key, value)
	}
	r.Header.Set("User-Agent", "ros")
	client := w.proxied
	if isLocal(u.Hostname()) {
		client = w.direct
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, unreachable{bare(u, err)}
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	data, err := w.read(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.ShownURL(u.String()), err)
	}
	return data, nil
}

// unreachable is the failure to get any answer.
type unreachable struct{ err error }

func (e unreachable) Error() string { return e.err.Error() }
func (e unreachable) Unwrap() error { return e.err }

// bare is what went wrong with what was asked for, with an address that shows no
// secret: that of the request, wherever it was sent on to.
func bare(asked *url.URL, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%s: %w", source.ShownURL(asked.String()), err)
}

// read tells a document from everything else that a server may answer.
func (w *web) read(answer *http.Response) ([]byte, error) {
	switch code := answer.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusNotFound, code == http.StatusGone:
		return nil, errAbsent
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusUnauthorized:
		return nil, statusError(code)
	default:
		return nil, permanentError{statusError(code)}
	}
	most := cmp.Or(w.most, maxAnswer)
	if answer.ContentLength > most {
		return nil, permanentError{fmt.Errorf("it is %d bytes long, more than the %d that are allowed", answer.ContentLength, most)}
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	if int64(len(data)) > most {
		return nil, permanentError{fmt.Errorf("it is longer than the %d bytes that are allowed", most)}
	}
	if w.anyType {
		return data, nil
	}
	if refused := wrongType(answer.Header.Get("Content-Type"), data); refused != "" {
		return nil, permanentError{errors.New(refused)}
	}
	return data, nil
}

// statusError is an answer that is no document.
type statusError int

func (e statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the server answers %d %s", int(e), http.StatusText(int(e))))
}

// wrongType says why an answer cannot be what was asked for, "" when it can be.
func wrongType(declared string, data []byte) string {
	declared, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(declared)), ";")
	if declared == "text/html" && !strings.HasPrefix(string(data), "#") || strings.HasPrefix(http.DetectContentType(data), "text/html") {
		return "it is an HTML page, perhaps that of a login"
	}
	for _, wrong := range []string{"image/", "video/", "audio/", "font/", "application/pdf"} {
		if strings.HasPrefix(declared, wrong) {
			return "it is of type " + declared
		}
	}
	return ""
}
