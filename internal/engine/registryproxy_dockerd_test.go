//go:build dockerd

package engine

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serveProxy is a proxy as companies have them, until the test ends: whatever is
// asked for, it connects to one registry. It returns how often it was asked.
func (m *market) serveProxy(t *testing.T, registry string) (asked func() int64) {
	t.Helper()
	var listener net.Listener
	m.daemon.Within(t, func() (err error) {
		var lc net.ListenConfig
		listener, err = lc.Listen(t.Context(), "tcp", at(proxyPort))
		return err
	})
	var n atomic.Int64
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.Method != http.MethodConnect || r.Host != at(farPort) {
			http.Error(w, "what is that?", http.StatusBadRequest)
			return
		}
		far, err := m.daemon.Dial(r.Context(), registry)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n") // who has gone asks no more
		go func() { defer far.Close(); _, _ = io.Copy(far, near) }()
		go func() { defer near.Close(); _, _ = io.Copy(near, far) }()
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return n.Load
}

// cutter is a proxy before plainRegistry that lets only so many bytes through,
// and then nobody.
type cutter struct {
	market *market
	silent bool // what comes then is lost, and the connections stay

	mu     sync.Mutex // guards what follows
	left   int64
	passed int64
	rate   int64 // bytes a second; 0: as many as come
	conns  []net.Conn
}

func (c *cutter) listen(t *testing.T) {
	t.Helper()
	var listener net.Listener
	c.market.daemon.Within(t, func() (err error) {
		var lc net.ListenConfig
		listener, err = lc.Listen(t.Context(), "tcp", at(cutPort))
		return err
	})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.carry(t.Context(), client) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		c.hangUp()
		all.Wait()
	})
}

// carry connects a client with the registry.
func (c *cutter) carry(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := c.market.daemon.Dial(ctx, plainRegistry.Address())
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	c.conns = append(c.conns, client, server)
	open := c.left > 0 || c.silent
	c.mu.Unlock()
	if !open {
		return
	}
	go func() {
		_, _ = bytesOf(client, func(p []byte) bool { _, err := server.Write(p); return err == nil })
		_ = server.Close() // the registry's end follows
	}()
	_, _ = bytesOf(server, func(p []byte) bool {
		switch {
		case c.passes(len(p)):
		case c.silent:
			return true
		default:
			c.hangUp()
			return false
		}
		_, err := client.Write(p)
		return err == nil
	})
}

// bytesOf reads until the end, or until somebody has enough.
func bytesOf(from net.Conn, give func([]byte) bool) (n int64, err error) {
	buf := make([]byte, 16<<10)
	for {
		k, err := from.Read(buf)
		n += int64(k)
		if k > 0 && !give(buf[:k]) || err != nil {
			return n, err
		}
	}
}

// passes counts bytes, and says whether there are any left.
func (c *cutter) passes(n int) bool {
	c.mu.Lock()
	rate := c.rate
	if c.left >= int64(n) {
		c.left -= int64(n)
		c.passed += int64(n)
	} else {
		c.left = 0
	}
	open := c.left > 0
	c.mu.Unlock()
	if rate > 0 {
		pause(time.Duration(n) * time.Second / time.Duration(rate))
	}
	return open
}

func (c *cutter) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // twice does no harm
	}
	c.conns = nil
}

// mend lets everything through again, so many bytes a second.
func (c *cutter) mend(rate int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.rate = 1<<40, rate
}

func (c *cutter) sent() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}
