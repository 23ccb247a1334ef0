package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"
)

// daemon is one Docker daemon: its client, and what is remembered about it.
type daemon struct {
	socket string
	client atomic.Pointer[client.Client]
	seen   *cache
	under  transfers     // on their way into it
	answer time.Duration // how long an answer may take; 0: as long as is usual
	// answered is kicked when the daemon answers while nobody follows its
	// events, so that following begins at once.
	answered chan struct{}
	others   []*daemon // which services of this one may run
	phantoms phantoms
}

func newDaemon(socket string) (*daemon, error) {
	d := &daemon{socket: socket, seen: newCache(), answered: make(chan struct{}, 1)}
	c, err := d.newClient()
	d.client.Store(c)
	return d, err
}

func (d *daemon) newClient() (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost("unix://"+d.socket), client.WithAPIVersionNegotiation())
}

// renew begins with a new client, which negotiates the version of the API anew:
// another engine may listen now. It does so before anybody uses the client: all
// its calls would wait for the one that negotiates, whatever their deadlines.
func (d *daemon) renew(ctx context.Context) error {
	c, err := d.newClient()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.answer, inspectTimeout))
	defer cancel()
	version, err := c.Ping(ctx)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	c.NegotiateAPIVersionPing(version)
	return d.client.Swap(c).Close() // of idle connections only
}

// api is the client to use for the next call.
func (d *daemon) api() *client.Client { return d.client.Load() }

// daemonError is an error without the words that Docker's client puts before
// every one of them.
type daemonError struct{ err error }

func (e daemonError) Error() string {
	return strings.TrimPrefix(e.err.Error(), "Error response from daemon: ")
}

func (e daemonError) Unwrap() error { return e.err }
