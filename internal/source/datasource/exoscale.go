package datasource

import (
	"context"

	"github.com/ros-os/ros/internal/source"
)

// exoscale asks Exoscale's metadata service, which is of EC2's kind, and the password
// server beside it.
type exoscale struct {
	ec2       *ec2
	passwords string
	passwordServer
}

func openExoscale(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &exoscale{
		ec2: &ec2{web: o.web, base: base + "/1.0", get: o.web.get, names: namesOfCloudStack()}, passwords: passwordsBeside(base, "/1.0/"),
		passwordServer: passwordServer{get: o.web.get, root: o.root},
	}, err
}

// Fetch asks for what there is.
func (c *exoscale) Fetch(ctx context.Context) (source.Seed, error) {
	s, err := c.ec2.Fetch(ctx)
	return c.ask(ctx, c.passwords, s, err)
}
