package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// gather collects documents of one metadata service. What is not there is empty;
// what cannot be had is noted, and does not keep the rest from being collected.
type gather struct {
	fetch func(ctx context.Context, address string) ([]byte, error)
	errs  []error
	found bool // something was there
	lost  bool // the server does not answer at all
}

func (g *gather) bytes(ctx context.Context, address string) []byte {
	if g.lost {
		return nil
	}
	data, err := g.fetch(ctx, address)
	switch {
	case errors.Is(err, errAbsent):
		return nil
	case err != nil:
		g.errs = append(g.errs, err)
		var u unreachable
		g.lost = errors.As(err, &u) || ctx.Err() != nil
		return nil
	}
	g.found = true
	return data
}

func (g *gather) text(ctx context.Context, address string) string {
	return strings.TrimSpace(string(g.bytes(ctx, address)))
}

// firstText is the first of several documents that has something.
func (g *gather) firstText(ctx context.Context, folder string, names []string) string {
	for _, name := range names {
		if text := g.text(ctx, folder+name); text != "" {
			return text
		}
	}
	return ""
}

// json reads a document into v and says whether there was one.
func (g *gather) json(ctx context.Context, address string, v any) bool {
	data := g.bytes(ctx, address)
	if data == nil {
		return false
	}
	if err := json.Unmarshal(data, v); err != nil {
		g.note(fmt.Errorf("cannot read %s: %w", source.ShownURL(address), err))
		return false
	}
	return true
}

func (g *gather) note(err error) {
	if err != nil {
		g.errs = append(g.errs, err)
	}
}

// done is the outcome of it all: a seed with what could be had.
func (g *gather) done(s source.Seed) (source.Seed, error) {
	if len(g.errs) > 0 {
		return s, errors.Join(g.errs...)
	}
	if !g.found || s.Empty() {
		return s, ErrNothing
	}
	return s, nil
}

// marshal is the meta-data as a seed has it.
func (g *gather) marshal(m metaData) []byte {
	if m.empty() {
		return nil
	}
	data, err := m.marshal()
	g.note(err)
	return data
}

func (m metaData) empty() bool {
	return m.InstanceID+m.Hostname+m.LocalIPv4+m.PublicIPv4+m.LocalIPv6+m.PublicIPv6 == "" && len(m.PublicKeys) == 0
}
