package servicectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ros-os/ros/servicectl/plan"
)

// Client talks to a controller.
type Client struct {
	path string
	http http.Client
}

// Dial returns a client of the controller at a socket. It connects when it is
// used.
func Dial(path string) *Client {
	c := &Client{path: path}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true, // nothing is left open, so there is no Close
	}
	return c
}

// Status is how everything stands.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	err := c.get(ctx, "/v1/status", &st)
	return st, err
}

// Watch calls show with the status now and after every change, until ctx ends,
// the controller does, or show returns an error, which it returns.
func (c *Client) Watch(ctx context.Context, show func(Status) error) error {
	resp, err := c.do(ctx, http.MethodGet, "/v1/status?watch=1")
	if err != nil {
		return err
	}
	defer closing(resp.Body)
	in := json.NewDecoder(resp.Body)
	for {
		var st Status
		if err := in.Decode(&st); err != nil {
			return fmt.Errorf("cannot watch the status any longer: %w", err)
		}
		if err := show(st); err != nil {
			return err
		}
	}
}

// Plan is what the controller would do now.
func (c *Client) Plan(ctx context.Context) (plan.Plan, error) {
	var p plan.Plan
	err := c.get(ctx, "/v1/plan", &p)
	return p, err
}

// Stop stops a service until it is started again, or the machine reboots.
func (c *Client) Stop(ctx context.Context, name string) error { return c.intend(ctx, name, "stop") }

// Start starts a service that was stopped, failed, or backs off.
func (c *Client) Start(ctx context.Context, name string) error { return c.intend(ctx, name, "start") }

// Restart stops a service and starts it again, once.
func (c *Client) Restart(ctx context.Context, name string) error {
	return c.intend(ctx, name, "restart")
}

func (c *Client) intend(ctx context.Context, name, verb string) error {
	return c.post(ctx, "/v1/services/"+url.PathEscape(name)+"/"+verb)
}

// Reload makes the controller read the configuration again.
func (c *Client) Reload(ctx context.Context) error { return c.post(ctx, "/v1/reload") }

// Wait waits until everything, or the named services, are ready, until waiting
// is vain, or for at most timeout when that is positive; the status tells which.
func (c *Client) Wait(ctx context.Context, timeout time.Duration, services []string) (Status, error) {
	q := url.Values{"service": services}
	if timeout > 0 {
		q.Set("timeout", timeout.String())
	}
	var st Status
	err := c.get(ctx, "/v1/wait?"+q.Encode(), &st)
	return st, err
}

// Logs copies a service's log.
func (c *Client) Logs(ctx context.Context, name string, opts LogOptions, w io.Writer) error {
	q := url.Values{"tail": {strconv.Itoa(opts.Tail)}}
	if opts.Follow {
		q.Set("follow", "1")
	}
	if opts.Timestamps {
		q.Set("timestamps", "1")
	}
	if !opts.Since.IsZero() {
		q.Set("since", opts.Since.Format(time.RFC3339Nano))
	}
	resp, err := c.do(ctx, http.MethodGet, "/v1/services/"+url.PathEscape(name)+"/logs?"+q.Encode())
	if err != nil {
		return err
	}
	defer closing(resp.Body)
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("cannot copy the log of %q: %w", name, err)
	}
	if text := resp.Trailer.Get(trailerError); text != "" {
		return errors.New(text)
	}
	return nil
}

func (c *Client) get(ctx context.Context, target string, into any) error {
	resp, err := c.do(ctx, http.MethodGet, target)
	if err != nil {
		return err
	}
	defer closing(resp.Body)
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("cannot read the controller's answer: %w", err)
	}
	return nil
}

func (c *Client) post(ctx context.Context, target string) error {
	resp, err := c.do(ctx, http.MethodPost, target)
	if err == nil {
		closing(resp.Body)
	}
	return err
}

// do makes a request; an answer that is not good is an error.
func (c *Client) do(ctx context.Context, method, target string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://controller"+target, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the controller: %w", err)
	}
	resp, err := c.http.Do(req)
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return nil, fmt.Errorf("the controller does not answer (is this a ros machine? may you use %s?): %w", c.path, op.Err)
	case err != nil:
		return nil, fmt.Errorf("cannot ask the controller: %w", err)
	case resp.StatusCode == http.StatusOK:
		return resp, nil
	}
	defer closing(resp.Body)
	var e apiError
	if json.NewDecoder(resp.Body).Decode(&e) != nil || e.Error == "" {
		return nil, fmt.Errorf("cannot ask the controller: %s", resp.Status)
	}
	return nil, errors.New(e.Error)
}

// closing closes what was read; there is nothing to lose.
func closing(b io.Closer) { _ = b.Close() }
