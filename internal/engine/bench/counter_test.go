//go:build dockerd

package bench_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// counter counts calls of daemons.
type counter struct{ atomic.Int64 }

// before listens on a socket, counts, and passes on to a daemon. It returns the
// socket.
func (c *counter) before(b *testing.B, socket, daemon string) string {
	b.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	proxy.FlushInterval = -1 // events come one by one
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", daemon)
	}}
	proxy.Transport = transport
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	silent := log.New(io.Discard, "", 0) // connections are cut at the end
	proxy.ErrorLog = silent
	server := &http.Server{ErrorLog: silent, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.Add(1)
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }() // it ends with the benchmark
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return socket
}
