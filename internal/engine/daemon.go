package engine

import (
	"strings"
	"sync/atomic"

	"github.com/docker/docker/client"
)

// daemon is one Docker daemon: its client, and what is remembered about it.
type daemon struct {
	socket string
	client atomic.Pointer[client.Client]
	seen   *cache
	// answered is kicked when the daemon answers while nobody follows its
	// events, so that following begins at once.
	answered chan struct{}
}

func newDaemon(socket string) (*daemon, error) {
	d := &daemon{socket: socket, seen: newCache(), answered: make(chan struct{}, 1)}
	return d, d.renew()
}

// renew begins with a new client, which negotiates the version of the API anew:
// another engine may listen now.
func (d *daemon) renew() error {
	c, err := client.NewClientWithOpts(
		client.WithHost("unix://"+d.socket),
		client.WithAPIVersionNegotiation(),
	)
	if err != nil {
		return err
	}
	if old := d.client.Swap(c); old != nil {
		return old.Close() // of idle connections only
	}
	return nil
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
