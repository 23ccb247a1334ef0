package engine

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

func TestWhichEventsMatter(t *testing.T) {
	c := newCache()
	c.forget(c.ask(), nil, wantedOf(wanting("ntp"), compose.System))
	c.keepContainer(c.ask(), plan.Container{ID: "7", Name: "known"})
	c.keepImage(c.ask(), "ros/ntp:1", imageFacts{id: "sha256:1"})
	labels := map[string]string{compose.LabelManaged: "true"}
	of := func(kind events.Type, action events.Action, id string, attributes map[string]string) events.Message {
		return events.Message{Type: kind, Action: action, Actor: events.Actor{ID: id, Attributes: attributes}}
	}
	name := func(n string) map[string]string { return map[string]string{"name": n} }
	cases := map[string]struct {
		event events.Message
		want  bool
	}{
		"a managed container":             {of("container", "die", "1", labels), true},
		"one with a wanted name":          {of("container", "create", "2", name("ntp")), true},
		"one that had a wanted name":      {of("container", "rename", "3", map[string]string{"name": "x", "oldName": "/ntp"}), true},
		"one that a replacement is named": {of("container", "create", "5", name("ntp.next")), true},
		"one that is known":               {of("container", "die", "7", name("known")), true},
		"somebody's container":            {of("container", "die", "4", name("web")), false},
		"a wanted image":                  {of("image", "pull", "ros/ntp:1", nil), true},
		"a wanted image, written in full": {of("image", "tag", "sha256:9", name("docker.io/ros/ntp:1")), true},
		"the ID of a wanted image":        {of("image", "delete", "sha256:1", nil), true},
		"a load":                          {of("image", "load", "sha256:5", name("sha256:5")), true},
		"somebody's image":                {of("image", "pull", "web:1", name("web")), false},
		"the daemon itself":               {of("daemon", "reload", "x", nil), true},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.note(k.event); got != k.want {
				t.Errorf("matters: %t, want %t", got, k.want)
			}
		})
	}
}

func TestEverythingMattersBeforeAnythingIsWanted(t *testing.T) {
	for _, kind := range []events.Type{events.ContainerEventType, events.ImageEventType} {
		if !newCache().note(events.Message{Type: kind}) {
			t.Errorf("an event of a %s does not matter", kind)
		}
	}
}

// nudged counts nudges.
type nudged chan struct{}

func (n nudged) expect(t *testing.T, why string) {
	t.Helper()
	select {
	case <-n:
	case <-time.After(10 * time.Second):
		t.Fatalf("no nudge %s", why)
	}
}

func TestEventsNudgeAndReconnect(t *testing.T) {
	f := newFakeDaemon(t)
	f.containers = []container.InspectResponse{managed("1", "ntp", "running")}
	e := f.engine(t, Options{})
	n := make(nudged, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Events(ctx, compose.System, func() { n <- struct{}{} })
	}()
	n.expect(t, "after the connection")
	f.events <- events.Message{Type: "container", Action: "die", Actor: events.Actor{ID: "1"}}
	n.expect(t, "after an event")
	f.disconnect()
	n.expect(t, "when the daemon went")
	n.expect(t, "after the reconnection")
	f.events <- events.Message{Type: "daemon", Action: "reload"}
	n.expect(t, "after an event on the new connection")
	cancel()
	<-ended
	if e.daemons[compose.System].seen.isLive() {
		t.Error("events count as followed")
	}
}

func TestADaemonThatAnswersIsFollowedAtOnce(t *testing.T) {
	f := newFakeDaemon(t)
	d := f.engine(t, Options{}).daemons[compose.System]
	d.wakeFollower()
	begun := time.Now()
	d.rest(t.Context(), time.Hour)
	if waited := time.Since(begun); waited > time.Minute {
		t.Errorf("it rested for %s", waited)
	}
	d.seen.follow(true)
	d.wakeFollower()
	if len(d.answered) != 0 {
		t.Error("it was woken though it follows")
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	e := newFakeDaemon(t).engine(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.Events(ctx, compose.User, func() { t.Error("nudged by a daemon that is not there") })
	e.Events(t.Context(), "third", func() { t.Error("nudged by a daemon that does not exist") })
}

// A daemon that hangs while it is asked for its version or its events holds up
// nobody: not the follower, nor those who ask it other things.
func TestADaemonThatHangsIsFollowedWhenItAnswers(t *testing.T) {
	for _, path := range []string{"/_ping", "/events"} {
		t.Run(path, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.hang(path)
			e := f.engine(t, Options{Answer: 50 * time.Millisecond})
			n := make(nudged, 100)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				e.Events(ctx, compose.System, func() { n <- struct{}{} })
			}()
			f.hung(t)
			if d := e.Observe(t.Context(), compose.System, wanting("ntp"), true); d.Available != (path == "/events") {
				t.Errorf("got %+v", d)
			}
			f.hang("")
			n.expect(t, "when the daemon answers again")
			if d := e.Observe(t.Context(), compose.System, wanting("ntp"), true); !d.Available {
				t.Errorf("got %+v", d)
			}
			cancel()
			<-ended
		})
	}
}
