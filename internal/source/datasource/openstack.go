package datasource

import (
	"context"

	"github.com/ros-os/ros/internal/source"
)

// openStack asks OpenStack's metadata service, which has the documents of a
// config drive.
type openStack struct {
	web  *web
	base string
}

func openOpenStack(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &openStack{web: o.web, base: base + "/openstack/latest/"}, err
}

// Fetch asks for the documents.
func (c *openStack) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) { return c.web.get(ctx, address, nil) }}
	var meta map[string]any
	data := g.bytes(ctx, c.base+"meta_data.json")
	if data != nil {
		g.note(mustBeJSON("meta_data.json", data, &meta))
	}
	s := source.Seed{
		MetaData: data, UserData: g.bytes(ctx, c.base+"user_data"), VendorData: g.bytes(ctx, c.base+"vendor_data.json"),
		VendorData2: g.bytes(ctx, c.base+"vendor_data2.json"),
	}
	network, err := source.NetworkFromOpenStack(g.bytes(ctx, c.base+"network_data.json"))
	g.note(err)
	s.NetworkConfig = network
	return g.done(s)
}
