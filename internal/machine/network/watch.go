package network

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/vishvananda/netlink"
)

// watchFiles nudges when the settings or a lease change, until ctx ends. The
// folders are watched, since files are replaced and not written in place.
func watchFiles(ctx context.Context, p paths, nudge func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch the network settings: %w", err)
	}
	defer func() { _ = w.Close() }() // only read from
	for _, dir := range []string{filepath.Dir(p.settings), p.leases} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make %s: %w", dir, err)
		}
		if err := w.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
	}
	nudge() // for what changed before the watch began
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-w.Events:
			if event.Name == p.settings || strings.HasPrefix(filepath.Ext(event.Name), ".lease") {
				nudge()
			}
		case <-w.Errors: //nolint:errcheck // events were lost, whichever: look again
			nudge()
		}
	}
}

// watchLinks nudges when a link, an address or a route comes, goes or changes,
// until ctx ends. When the kernel could not deliver all events it begins anew.
func watchLinks(ctx context.Context, nudge func()) error {
	for ctx.Err() == nil {
		if err := watchLinksOnce(ctx, nudge); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func watchLinksOnce(ctx context.Context, nudge func()) error {
	done := make(chan struct{})
	defer close(done)
	links := make(chan netlink.LinkUpdate)
	if err := netlink.LinkSubscribe(links, done); err != nil {
		return fmt.Errorf("cannot watch the interfaces: %w", err)
	}
	defer func() { go drain(links) }() // until the subscription has ended
	addrs := make(chan netlink.AddrUpdate)
	if err := netlink.AddrSubscribe(addrs, done); err != nil {
		return fmt.Errorf("cannot watch the addresses: %w", err)
	}
	defer func() { go drain(addrs) }()
	routes := make(chan netlink.RouteUpdate)
	if err := netlink.RouteSubscribe(routes, done); err != nil {
		return fmt.Errorf("cannot watch the routes: %w", err)
	}
	defer func() { go drain(routes) }()
	nudge()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-routes:
			if !ok {
				return nil
			}
		case _, ok := <-links:
			if !ok {
				return nil
			}
		case _, ok := <-addrs:
			if !ok {
				return nil
			}
		}
		nudge()
	}
}

func drain[T any](updates <-chan T) {
	for range updates {
		continue
	}
}
