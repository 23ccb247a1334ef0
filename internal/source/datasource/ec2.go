package datasource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// linkLocal is where most clouds have their metadata service.
const linkLocal = "http://169.254.169.254"

// tokens are how a service of EC2's kind hands out tokens.
type tokens struct {
	path      string
	ttlHeader string
	header    string
	// optional tokens are not needed to ask: version 1 of the service will do.
	optional bool
}

// ec2 asks a metadata service of EC2's kind: one document for each value.
type ec2 struct {
	web    *web
	base   string // with the version
	tokens *tokens
	get    func(ctx context.Context, address string, header map[string]string) ([]byte, error)

	token string // that is in use
}

const tokenSeconds = "300"

func openEC2(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &ec2{
		web: o.web, base: base + "/latest", get: o.web.get,
		tokens: &tokens{
			path: base + "/latest/api/token", ttlHeader: "X-aws-ec2-metadata-token-ttl-seconds", header: "X-aws-ec2-metadata-token",
			optional: o.imdsV1,
		},
	}, err
}

func openAliyun(o opening) (Datasource, error) {
	base, err := tree(o.arg, "http://100.100.100.200")
	return &ec2{
		web: o.web, base: base + "/2016-01-01", get: o.web.get,
		tokens: &tokens{
			path: base + "/latest/api/token", ttlHeader: "X-aliyun-ecs-metadata-token-ttl-seconds", header: "X-aliyun-ecs-metadata-token",
			optional: true, // the owner of an instance decides whether they are needed
		},
	}, err
}

// Fetch asks for what there is.
func (e *ec2) Fetch(ctx context.Context) (source.Seed, error) {
	if err := e.renew(ctx); err != nil {
		return source.Seed{}, err
	}
	g := &gather{fetch: e.document}
	meta := e.base + "/meta-data/"
	m := metaData{
		InstanceID: g.text(ctx, meta+"instance-id"),
		Hostname:   g.text(ctx, meta+"local-hostname"),
		LocalIPv4:  g.text(ctx, meta+"local-ipv4"),
		PublicIPv4: g.text(ctx, meta+"public-ipv4"),
		PublicIPv6: g.text(ctx, meta+"ipv6"),
		Zone:       g.text(ctx, meta+"placement/availability-zone"),
		Region:     g.text(ctx, meta+"placement/region"),
	}
	if m.Hostname == "" {
		m.Hostname = g.text(ctx, meta+"hostname")
	}
	m.PublicKeys = e.keys(ctx, g, meta+"public-keys/")
	return g.done(source.Seed{UserData: g.bytes(ctx, e.base+"/user-data"), MetaData: g.marshal(m)})
}

// keys reads the list of keys: EC2 names them, "0=name", and has each in a
// document of its own; others give the keys at once.
func (e *ec2) keys(ctx context.Context, g *gather, address string) []string {
	var keys []string
	for line := range strings.Lines(g.text(ctx, address)) {
		line = strings.TrimSpace(line)
		number, _, named := strings.Cut(line, "=")
		switch {
		case line == "":
		case strings.Contains(line, " "): // "ssh-ed25519 AAAA…"
			keys = append(keys, line)
		case named || strings.HasSuffix(line, "/"):
			key := g.text(ctx, address+strings.TrimSuffix(number, "/")+"/openssh-key")
			if key != "" {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// document fetches one document; a token that has run out is renewed once.
func (e *ec2) document(ctx context.Context, address string) ([]byte, error) {
	data, err := e.get(ctx, address, e.header())
	var status statusError
	if e.tokens == nil || !errors.As(err, &status) || int(status) != http.StatusUnauthorized {
		return data, err
	}
	if err := e.renew(ctx); err != nil {
		return nil, err
	}
	return e.get(ctx, address, e.header())
}

func (e *ec2) header() map[string]string {
	if e.token == "" {
		return nil
	}
	return map[string]string{e.tokens.header: e.token}
}

// renew gets a token, where the service has any.
func (e *ec2) renew(ctx context.Context) error {
	if e.tokens == nil {
		return nil
	}
	data, err := e.web.do(ctx, http.MethodPut, e.tokens.path, map[string]string{e.tokens.ttlHeader: tokenSeconds}, nil)
	var lost unreachable
	switch {
	case err == nil:
		e.token = strings.TrimSpace(string(data))
		return nil
	case errors.As(err, &lost):
		return err
	case e.tokens.optional:
		e.token = ""
		return nil
	case errors.Is(err, errAbsent):
		return permanentError{fmt.Errorf("the service has no tokens (IMDSv2): %w; rancher.cloud_init.imds_v1 allows to ask without", err)}
	}
	return fmt.Errorf("cannot get a token: %w", err)
}
