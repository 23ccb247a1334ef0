package servicectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ros-os/ros/servicectl/journal"
)

// EventOptions say which events are wanted.
type EventOptions struct {
	Follow   bool      // go on with those to come
	Since    time.Time // not older; zero: all that are kept
	Services []string  // about these only, also those that are no more; none is all
}

// events answers with events, a line of JSON each.
func (s server) events(w http.ResponseWriter, r *http.Request) {
	o := EventOptions{Follow: yes(r.FormValue("follow")), Services: r.Form["service"]}
	if text := r.FormValue("since"); text != "" {
		var err error
		if o.Since, err = since(text, time.Now()); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	s.c.Events(r.Context(), o, func(events []journal.Event) error {
		for _, e := range events {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return flush.Flush()
	})
}

func yes(text string) bool { return text == "1" || text == "true" }

// since reads an instant, or how long ago it was.
func since(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("cannot read since when: %q is neither a duration such as 10m nor an instant such as 2006-01-02T15:04:05Z", text)
	}
	return t, nil
}

// Events calls show with the events that are wanted, oldest first, then with
// those to come when they are followed; at least once. It ends with ctx or an
// error of show.
func (c *Controller) Events(ctx context.Context, o EventOptions, show func([]journal.Event) error) {
	var last uint64
	for {
		services := c.meant(o.Services)
		all, more := c.opts.Journal.After(last)
		var wanted []journal.Event
		for _, e := range all {
			last = e.Number
			if e.Concerns(services) && !e.Time.Before(o.Since) {
				wanted = append(wanted, e)
			}
		}
		if show(wanted) != nil || !o.Follow {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		}
	}
}

// Events calls show with every event that is wanted, oldest first. It ends at the
// newest one unless they are followed, with ctx, or with an error of show, which
// it returns.
func (c *Client) Events(ctx context.Context, o EventOptions, show func(journal.Event) error) error {
	q := url.Values{"service": o.Services}
	if o.Follow {
		q.Set("follow", "1")
	}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.Format(time.RFC3339Nano))
	}
	resp, err := c.do(ctx, http.MethodGet, "/v1/events?"+q.Encode())
	if err != nil {
		return err
	}
	defer closing(resp.Body)
	in := json.NewDecoder(resp.Body)
	for {
		var e journal.Event
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot read the events any longer: %w", err)
		}
		if err := show(e); err != nil {
			return err
		}
	}
}

// StopForGood stops a service until it is started for good, also over reboots.
func (c *Client) StopForGood(ctx context.Context, name string) error {
	return c.intend(ctx, name, "stop?persist=1")
}

// StartForGood starts a service that was stopped for good.
func (c *Client) StartForGood(ctx context.Context, name string) error {
	return c.intend(ctx, name, "start?persist=1")
}
