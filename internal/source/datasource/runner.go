package datasource

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	// networkPatience is how long the network is waited for before datasources are
	// asked all the same: they may be reachable without DHCP.
	networkPatience = 15 * time.Second
	// cachePatience is how long an answer is waited for before what was said at an
	// earlier boot is used.
	cachePatience = 20 * time.Second
	// again is when those who have not answered are asked again, and for how long.
	again      = time.Minute
	againLimit = 30 * time.Second

	defaultLimit = 120 * time.Second
)

// Options say whose datasources are asked.
type Options struct {
	Root string // of the machine
	Log  *logrus.Entry
}

// Runner asks the datasources of a machine, in the background and until they are
// settled. It is told what the configuration says, and that the network is up.
type Runner struct {
	o    Options
	wake chan struct{} // capacity 1: look again

	upOnce sync.Once
	up     chan struct{} // closed when the network is up, or was waited for long enough

	mu    sync.Mutex // guards what follows
	want  settings
	known bool
}

// settings are what the configuration says about datasources.
type settings struct {
	sources   []string
	allowHTTP bool
	imdsV1    bool
	limit     time.Duration
	network   cloudconfig.Network // its proxies alone
}

// New returns a Runner, which asks nobody yet.
func New(o Options) *Runner {
	return &Runner{o: o, wake: make(chan struct{}, 1), up: make(chan struct{})}
}

// Want says what the layers ask for. Those that a datasource gave do not count:
// what it says must not decide whether it is asked.
func (r *Runner) Want(layers []cloudconfig.Layer) {
	own := slices.DeleteFunc(slices.Clone(layers), func(l cloudconfig.Layer) bool {
		return l.Name == "vendor-data" || l.Name == "vendor-data2" || l.Name == "meta-data" || l.Name == "user-data"
	})
	cfg, _ := cloudconfig.Merge(own...).Config() // what is wrong is told by those who read all layers
	n := cfg.Rancher.Network
	want := settings{
		sources: cfg.Rancher.CloudInit.Datasources, allowHTTP: cfg.Rancher.CloudInit.AllowHTTP, imdsV1: cfg.Rancher.CloudInit.IMDSv1,
		limit:   time.Duration(cfg.Rancher.CloudInit.Timeout) * time.Second,
		network: cloudconfig.Network{HTTPProxy: n.HTTPProxy, HTTPSProxy: n.HTTPSProxy, NoProxy: n.NoProxy},
	}
	if want.limit == 0 {
		want.limit = defaultLimit
	}
	r.mu.Lock()
	same := r.known && reflect.DeepEqual(r.want, want)
	r.want, r.known = want, true
	r.mu.Unlock()
	if !same {
		r.nudge()
	}
}

// NetworkUp says that the network is up, or is again.
func (r *Runner) NetworkUp() {
	r.upOnce.Do(func() { close(r.up) })
	r.nudge()
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // it will be looked at anyway
	}
}

func (r *Runner) wanted() (settings, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.want, r.known
}

// Run asks until ctx ends. changed is called when the layers say something else.
func (r *Runner) Run(ctx context.Context, changed func()) error {
	waited := time.AfterFunc(networkPatience, func() { r.upOnce.Do(func() { close(r.up) }) })
	defer waited.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	p := pass{runner: r, changed: changed}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		want, known := r.wanted()
		if !known {
			continue
		}
		if p.run(ctx, want) {
			timer.Stop()
			continue
		}
		timer.Reset(again)
	}
}
