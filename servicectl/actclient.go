package servicectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Grace says how long a service has to end the next time that it is stopped or
// restarted; 0 is the time of its configuration.
func (c *Client) Grace(ctx context.Context, name string, grace time.Duration) error {
	return c.act(ctx, name, "grace", graceQuery(grace))
}

// Remove removes a service's container, until the service is started again, or
// the machine reboots.
func (c *Client) Remove(ctx context.Context, name string, o RemoveOptions) error {
	verb := "remove"
	if o.Force {
		verb = "down"
	}
	return c.act(ctx, name, verb, graceQuery(o.Grace))
}

// Replace makes a new container for a service, even if nothing has changed.
func (c *Client) Replace(ctx context.Context, name string) error {
	return c.act(ctx, name, "replace", nil)
}

// Kill sends a signal to a service.
func (c *Client) Kill(ctx context.Context, name, signal string) error {
	return c.act(ctx, name, "kill", url.Values{"signal": {signal}})
}

// Top lists the processes of a service.
func (c *Client) Top(ctx context.Context, name string) (Processes, error) {
	var list Processes
	err := c.get(ctx, servicePath(name)+"/top", &list)
	return list, err
}

// Pull fetches a service's image from its registry, and tells how far it is.
func (c *Client) Pull(ctx context.Context, name string, tell func(progress string)) error {
	resp, err := c.do(ctx, http.MethodPost, servicePath(name)+"/pull")
	if err != nil {
		return err
	}
	defer closing(resp.Body)
	for in := json.NewDecoder(resp.Body); ; {
		var p pulled
		if err := in.Decode(&p); err != nil {
			return fmt.Errorf("cannot follow the pull for %q: %w", name, err)
		}
		switch {
		case p.Error != "":
			return errors.New(p.Error)
		case p.Done:
			return nil
		}
		tell(p.Progress)
	}
}

func (c *Client) act(ctx context.Context, name, verb string, q url.Values) error {
	return c.post(ctx, servicePath(name)+"/"+verb+"?"+q.Encode())
}

func servicePath(name string) string { return "/v1/services/" + url.PathEscape(name) }

func graceQuery(grace time.Duration) url.Values {
	if grace <= 0 {
		return nil
	}
	return url.Values{"grace": {grace.String()}}
}
