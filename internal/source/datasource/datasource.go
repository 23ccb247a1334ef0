package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ros-os/ros/internal/source"
)

// Datasource is one place that may have something for this machine.
type Datasource interface {
	// Fetch asks for all that there is, once. The error is [ErrNothing] when there
	// is nothing for this machine, and will not be. Beside any other error the seed
	// has what could be had.
	Fetch(ctx context.Context) (source.Seed, error)
}

// reporter is a datasource of a cloud that wants to be told that the machine is
// there: one that is not told takes it for one that does not start.
type reporter interface {
	// Report tells it, once what the datasource said is put to use.
	Report(ctx context.Context) error
}

// ErrNothing says that a datasource has nothing for this machine.
var ErrNothing = errors.New("has nothing for this machine")

// kind is one kind of datasource that can be configured.
type kind struct {
	name string
	// here says whether a machine can be where this datasource is; nil: any can.
	// One that is configured with an argument is asked wherever the machine is.
	here func(Platform) bool
	// starred kinds are what "*" stands for.
	starred bool
	// network kinds wait for the network.
	network bool
	open    func(o opening) (Datasource, error)
}

// opening is what it takes to open a datasource.
type opening struct {
	arg      string // behind the colon
	root     string
	platform Platform
	web      *web
	cmdline  string
	imdsV1   bool
	disk     *source.Seed // of a NoCloud disk that names an address for the rest
}

// kinds are all kinds of datasources; those of "*" in the order of asking.
func kinds() []kind {
	return []kind{
		{name: "cmdline", starred: true, network: true, open: openCmdline},
		{name: "nocloud", starred: true, network: true, open: openNoCloud},
		{name: "configdrive", starred: true, open: openConfigDrive},
		{name: "vmware", here: Platform.isVMware, starred: true, open: openVMware},
		{name: "ec2", here: Platform.isEC2, starred: true, network: true, open: openEC2},
		{name: "gce", here: Platform.isGCE, starred: true, network: true, open: openGCE},
		{name: "azure", here: Platform.isAzure, starred: true, network: true, open: openAzure},
		{name: "openstack", here: Platform.isOpenStack, starred: true, network: true, open: openOpenStack},
		{name: "digitalocean", here: Platform.isDigitalOcean, starred: true, network: true, open: openDigitalOcean},
		{name: "hetzner", here: Platform.isHetzner, starred: true, network: true, open: openHetzner},
		{name: "vultr", here: Platform.isVultr, starred: true, network: true, open: openVultr},
		{name: "exoscale", here: Platform.isExoscale, starred: true, network: true, open: openExoscale},
		{name: "cloudstack", here: Platform.isCloudStack, starred: true, network: true, open: openCloudStack},
		{name: "aliyun", here: Platform.isAliyun, starred: true, network: true, open: openAliyun},
		{name: "proxmox", network: true, open: openNoCloud},
		{name: "file", open: openFile},
		{name: "url", network: true, open: openURL},
		{name: "tftp", network: true, open: openTFTP},
	}
}

// metaData is what most clouds know about a machine, as [source.Seed] has it.
type metaData struct {
	InstanceID string   `json:"instance-id,omitempty"`
	Hostname   string   `json:"local-hostname,omitempty"`
	PublicKeys []string `json:"public-keys,omitempty"`
	LocalIPv4  string   `json:"local-ipv4,omitempty"`
	PublicIPv4 string   `json:"public-ipv4,omitempty"`
	LocalIPv6  string   `json:"local-ipv6,omitempty"`
	PublicIPv6 string   `json:"public-ipv6,omitempty"`
	// Zone and Region are for templates.
	Zone   string `json:"availability-zone,omitempty"`
	Region string `json:"region,omitempty"`
}

func (m metaData) marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the meta-data: %w", err)
	}
	return append(data, '\n'), nil
}

// tree is the seat of a metadata service: an address to which paths are added.
// What is configured replaces the one that a cloud has.
func tree(arg, usual string) (string, error) {
	if arg == "" {
		return usual, nil
	}
	u, err := url.Parse(arg)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", permanentError{fmt.Errorf("%q is no address of a metadata service", arg)}
	}
	for len(arg) > 0 && arg[len(arg)-1] == '/' {
		arg = arg[:len(arg)-1]
	}
	return arg, nil
}
