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
	names  ec2Names
	// other is where the service is, too, for a machine that does not reach base.
	other *ec2

	token string // that is in use
}

// ec2Names are what a service calls its values. Of several the first that is there
// counts.
type ec2Names struct {
	hostname, localIPv4, publicIPv4, zone, region, keys []string
	vendorData                                          string // "" when it has none
}

// namesOfEC2 are Amazon's own.
func namesOfEC2() ec2Names {
	return ec2Names{
		hostname: []string{"local-hostname", "hostname"}, localIPv4: []string{"local-ipv4"}, publicIPv4: []string{"public-ipv4"},
		zone: []string{"placement/availability-zone"}, region: []string{"placement/region"}, keys: []string{"public-keys/"},
	}
}

// namesOfAliyun are Alibaba's.
func namesOfAliyun() ec2Names {
	return ec2Names{
		hostname: []string{"hostname"}, localIPv4: []string{"private-ipv4"}, publicIPv4: []string{"eipv4", "public-ipv4"},
		zone: []string{"zone-id"}, region: []string{"region-id"}, keys: []string{"public-keys/"}, vendorData: "vendor-data",
	}
}

// namesOfCloudStack are those of CloudStack and of what descends from it. There each
// value is a file: with a slash behind its name it is not found.
func namesOfCloudStack() ec2Names {
	n := namesOfEC2()
	n.zone, n.region, n.keys = []string{"availability-zone"}, nil, []string{"public-keys", "public-keys/"}
	return n
}

const tokenSeconds = "300"

// openEC2 is the service at its address of IPv4; a network without has it at another.
func openEC2(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	e := amazon(o, base)
	if o.arg == "" {
		e.other = amazon(o, "http://[fd00:ec2::254]")
	}
	return e, err
}

func amazon(o opening, base string) *ec2 {
	return &ec2{
		web: o.web, base: base + "/latest", get: o.web.get, names: namesOfEC2(),
		tokens: &tokens{
			path: base + "/latest/api/token", ttlHeader: "X-aws-ec2-metadata-token-ttl-seconds", header: "X-aws-ec2-metadata-token",
			optional: o.imdsV1,
		},
	}
}

func openAliyun(o opening) (Datasource, error) {
	base, err := tree(o.arg, "http://100.100.100.200")
	return &ec2{
		web: o.web, base: base + "/2016-01-01", get: o.web.get, names: namesOfAliyun(),
		tokens: &tokens{
			path: base + "/latest/api/token", ttlHeader: "X-aliyun-ecs-metadata-token-ttl-seconds", header: "X-aliyun-ecs-metadata-token",
			optional: true, // the owner of an instance decides whether they are needed
		},
	}, err
}

// Fetch asks for what there is.
func (e *ec2) Fetch(ctx context.Context) (source.Seed, error) {
	var lost unreachable
	switch err := e.renew(ctx); {
	case errors.As(err, &lost) && e.other != nil:
		s, also := e.other.Fetch(ctx)
		if errors.As(also, &lost) && s.Empty() {
			also = errors.Join(err, also)
		}
		return s, also
	case err != nil:
		return source.Seed{}, err
	}
	g := &gather{fetch: e.document}
	meta := e.base + "/meta-data/"
	m := metaData{
		InstanceID: g.text(ctx, meta+"instance-id"),
		Hostname:   g.firstText(ctx, meta, e.names.hostname),
		LocalIPv4:  g.firstText(ctx, meta, e.names.localIPv4),
		PublicIPv4: g.firstText(ctx, meta, e.names.publicIPv4),
		PublicIPv6: g.text(ctx, meta+"ipv6"),
		Zone:       g.firstText(ctx, meta, e.names.zone),
		Region:     g.firstText(ctx, meta, e.names.region),
	}
	for _, name := range e.names.keys {
		if m.PublicKeys = e.keys(ctx, g, meta+name); len(m.PublicKeys) > 0 {
			break
		}
	}
	s := source.Seed{UserData: g.bytes(ctx, e.base+"/user-data"), MetaData: g.marshal(m)}
	if e.names.vendorData != "" {
		s.VendorData = g.bytes(ctx, e.base+"/"+e.names.vendorData)
	}
	return g.done(s)
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
			key := g.text(ctx, strings.TrimSuffix(address, "/")+"/"+strings.TrimSuffix(number, "/")+"/openssh-key")
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
