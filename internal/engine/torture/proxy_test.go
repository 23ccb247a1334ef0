//go:build dockerd

package torture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
)

// proxy stands between a controller and one daemon, and breaks the calls that
// its tap chooses.
type proxy struct {
	scope    compose.Scope
	socket   string
	tap      *tap
	upstream *http.Transport
	upgrades *httputil.ReverseProxy
}

// newProxy serves at a socket what the daemon at another does.
func newProxy(tb testing.TB, scope compose.Scope, socket, daemon string, t *tap) *proxy {
	tb.Helper()
	upstream := &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", daemon)
		},
	}
	p := &proxy{scope: scope, socket: socket, tap: t, upstream: upstream}
	p.upgrades = &httputil.ReverseProxy{
		Transport: upstream,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // as if it had not been here
		},
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{Handler: p}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Close()
		<-ended
		upstream.CloseIdleConnections()
	})
	return p
}

// ServeHTTP passes one call on, or lets it go wrong.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller is gone
	}
	c, f := p.tap.hear(p.scope, r)
	switch f {
	case http500:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"message": "this call was chosen to fail"}`)
		return
	case timeOut:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case cutBefore:
		panic(http.ErrAbortHandler)
	case slow:
		p.tap.delay()
	case none, cutAfter, truncated: // the daemon hears of it
	}
	p.serve(w, r, body, c, f)
}

// serve makes the call and tells the answer, or a part of it.
func (p *proxy) serve(w http.ResponseWriter, r *http.Request, body []byte, c call, f fault) {
	ctx := r.Context()
	if f == slow {
		ctx = context.WithoutCancel(ctx) // the daemon had it when the caller gave up
	}
	out := r.Clone(ctx)
	out.RequestURI, out.Body = "", io.NopCloser(bytes.NewReader(body))
	out.ContentLength = int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody // Docker refuses an empty one of unknown length
	}
	out.URL.Scheme, out.URL.Host = "http", "docker"
	if r.Header.Get("Upgrade") != "" && (f == none || f == slow) {
		if f == slow {
			p.tap.happened()
		}
		p.upgrades.ServeHTTP(w, out)
		return
	}
	answer, err := p.upstream.RoundTrip(out)
	if f == slow {
		p.tap.happened()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	p.tap.learn(r, answer)
	p.tap.done(c)
	switch {
	case f == cutAfter:
		if !streams(r) {
			_, _ = io.Copy(io.Discard, answer.Body) // until all is done
		}
		panic(http.ErrAbortHandler)
	case f == truncated:
		truncate(w, r, answer)
	case isEvents(r):
		p.tap.events(w, answer)
	default:
		header(w, answer)
		_, _ = io.Copy(flushing{w}, answer.Body)
	}
}

// isEvents says whether a call follows the events, which never end.
func isEvents(r *http.Request) bool { return unversioned(r.URL.Path) == "/events" }

// streams says whether an answer's end may be long in coming.
func streams(r *http.Request) bool {
	return isEvents(r) || regexp.MustCompile(`/containers/[^/]+/(wait|logs|attach)$`).MatchString(r.URL.Path)
}

// truncate tells half of an answer; of a stream half of what comes first. An
// answer without a body is cut within its head.
func truncate(w http.ResponseWriter, r *http.Request, answer *http.Response) {
	text := make([]byte, 64<<10)
	var n int
	if streams(r) {
		header(w, answer)
		n, _ = answer.Body.Read(text)
	} else {
		text, _ = io.ReadAll(answer.Body)
		n = len(text)
		answer.Header.Set("Content-Length", strconv.Itoa(n))
		if n > 0 {
			header(w, answer)
		}
	}
	if n == 0 {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 20")
			conn.Close()
		}
		return
	}
	_, _ = flushing{w}.Write(text[:n/2])
	panic(http.ErrAbortHandler)
}

func header(w http.ResponseWriter, answer *http.Response) {
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.StatusCode)
	_ = http.NewResponseController(w).Flush()
}

// flushing sends at once what is written.
type flushing struct{ w http.ResponseWriter }

func (f flushing) Write(text []byte) (int, error) {
	n, err := f.w.Write(text)
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}

// events passes a stream of events on, as the tap's weather has it.
func (t *tap) events(w http.ResponseWriter, answer *http.Response) {
	t.mu.Lock()
	weather := t.weather
	t.mu.Unlock()
	header(w, answer)
	if weather == nil {
		_, _ = io.Copy(flushing{w}, answer.Body)
		return
	}
	for in := json.NewDecoder(answer.Body); ; {
		var event json.RawMessage
		if in.Decode(&event) != nil {
			return
		}
		for _, e := range weather.pass(event) {
			if _, err := (flushing{w}).Write(append(e, '\n')); err != nil {
				return
			}
		}
	}
}

// learn remembers the name of a container that was created.
func (t *tap) learn(r *http.Request, answer *http.Response) {
	if unversioned(r.URL.Path) != "/containers/create" || answer.StatusCode != http.StatusCreated {
		return
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	var created struct{ ID string }
	if err == nil && json.Unmarshal(text, &created) == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.names[created.ID] = r.URL.Query().Get("name")
	}
}

// delay lets a call wait.
func (t *tap) delay() {
	t.mu.Lock()
	t.late++
	t.mu.Unlock()
	<-time.After(t.slowness)
}

// happened tells that a call that waited has taken effect.
func (t *tap) happened() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late--
}
