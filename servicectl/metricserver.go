package servicectl

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

// listenPause is how long after a failure to listen is tried again.
const listenPause = 10 * time.Second

// serveMetrics serves the metrics on TCP where the configuration says so, until
// ctx ends. What cannot be served is tried again.
func (c *Controller) serveMetrics(ctx context.Context) {
	again := time.NewTimer(0)
	again.Stop()
	defer again.Stop()
	stop := func() {}
	defer func() { stop() }()
	address, failed := "", false
	for {
		if wanted := c.metricsAddress(); wanted != address || failed {
			stop()
			var err error
			stop, err = c.listenMetrics(ctx, wanted)
			c.noteMetrics(err, !failed || wanted != address)
			address, failed = wanted, err != nil
			if failed {
				again.Reset(listenPause)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.listen:
		case <-again.C:
		}
	}
}

// metricsAddress is where the configuration wants the metrics; empty: nowhere.
func (c *Controller) metricsAddress() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.desired.Config.Rancher.Metrics.Listen
}

// listenMetrics serves on an address until what it returns is called; nothing is
// served on the empty one.
func (c *Controller) listenMetrics(ctx context.Context, address string) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return func() {}, fmt.Errorf("cannot serve metrics on %q: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", c.metrics)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(l) // ends when it is closed, which tells nothing
	}()
	return func() {
		_ = srv.Close() // see above
		<-ended
	}, nil
}

// metrics answers a scrape.
func (c *Controller) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", metricsType)
	_ = c.writeMetrics(w) // who does not listen is not told
}

// noteMetrics shows why the metrics are not served, and logs it when that is news.
// It keeps nothing from running.
func (c *Controller) noteMetrics(err error, news bool) {
	var found cloudconfig.Report
	if err != nil && news {
		c.log.WithField("err", err).Warn("cannot serve metrics")
	}
	if err != nil {
		c.mu.Lock()
		pos := c.desired.Config.Pos("rancher", "metrics", "listen")
		c.mu.Unlock()
		found = cloudconfig.Report{{
			Pos: pos, Path: "rancher.metrics.listen", Msg: err.Error(), Severity: cloudconfig.Warning,
		}}
	}
	c.Note("metrics", found)
}
