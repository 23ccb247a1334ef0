package engine

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/servicectl/plan"
)

func TestStepsWhoseEffectIsThereSucceed(t *testing.T) {
	conflict := answer{http.StatusConflict, `{"message": "is not running"}`}
	missing := answer{http.StatusNotFound, `{"message": "No such container: 1"}`}
	broken := answer{http.StatusInternalServerError, `{"message": "Container 1 is not paused"}`}
	cases := map[string]struct {
		verb   plan.Verb
		call   string
		answer answer
		want   string // the error
	}{
		"start of a running one":           {plan.Start, "POST /containers/1/start", answer{code: http.StatusNotModified}, ""},
		"start of one that is gone":        {plan.Start, "POST /containers/1/start", missing, "cannot start ntp: No such container: 1"},
		"stop of a stopped one":            {plan.Stop, "POST /containers/1/stop", answer{code: http.StatusNotModified}, ""},
		"stop of one that is gone":         {plan.Stop, "POST /containers/1/stop", missing, ""},
		"kill of a stopped one":            {plan.Kill, "POST /containers/1/kill", conflict, ""},
		"kill of one that is gone":         {plan.Kill, "POST /containers/1/kill", missing, ""},
		"unpause of a running one":         {plan.Unpause, "POST /containers/1/unpause", broken, ""},
		"unpause of one that is gone":      {plan.Unpause, "POST /containers/1/unpause", missing, "cannot unpause ntp: No such container: 1"},
		"remove of one that is gone":       {plan.Remove, "DELETE /containers/1", missing, ""},
		"remove of one that somebody does": {plan.Remove, "DELETE /containers/1", conflict, ""},
		"a refusal is told": {
			plan.Remove, "DELETE /containers/1",
			answer{http.StatusInternalServerError, `{"message": "device is busy"}`},
			"cannot remove ntp: device is busy",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.containers = []container.InspectResponse{managed("1", "ntp", "running")}
			f.answers[c.call] = c.answer
			f.answers["POST /containers/1/wait"] = answer{http.StatusOK, `{"StatusCode": 0}`}
			s := step(c.verb, "ntp")
			s.Container = "1"
			err := f.engine(t, Options{}).Do(t.Context(), s, service("ntp", types.ServiceConfig{}))
			if got := text(err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestVolumesAreNeverRemoved(t *testing.T) {
	f := newFakeDaemon(t)
	f.answers["DELETE /containers/1"] = answer{code: http.StatusNoContent}
	s := step(plan.Remove, "ntp")
	s.Container = "1"
	if err := f.engine(t, Options{}).Do(t.Context(), s, service("ntp", types.ServiceConfig{})); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.bodies["DELETE /containers/1?force=1"]; !ok {
		t.Errorf("asked %v", f.bodies)
	}
}

func TestGraceIsRoundedUp(t *testing.T) {
	f := newFakeDaemon(t)
	f.answers["POST /containers/1/stop"] = answer{code: http.StatusNoContent}
	s := step(plan.Stop, "ntp")
	s.Container, s.Grace = "1", plan.Seconds(1500*time.Millisecond)
	if err := f.engine(t, Options{}).Do(t.Context(), s, service("ntp", types.ServiceConfig{})); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.bodies["POST /containers/1/stop?t=2"]; !ok {
		t.Errorf("asked %v", f.bodies)
	}
}

func TestRename(t *testing.T) {
	taken := answer{http.StatusConflict, `{"message": "the name is in use"}`}
	missing := answer{http.StatusNotFound, `{"message": "No such container: ntp.next"}`}
	cases := map[string]struct {
		answer answer
		there  []container.InspectResponse
		want   string
	}{
		"it is done":               {answer{code: http.StatusNoContent}, nil, ""},
		"an earlier try did it":    {missing, []container.InspectResponse{managed("1", "ntp", "created")}, ""},
		"there is nothing of it":   {missing, nil, "cannot rename the container of ntp to ntp: No such container: ntp.next"},
		"the name is another's":    {taken, []container.InspectResponse{managed("1", "ntp.next", "created")}, "cannot rename the container of ntp to ntp: the name is in use"},
		"another has the name too": {missing, []container.InspectResponse{stranger("ntp")}, "cannot rename the container of ntp to ntp: No such container: ntp.next"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.containers = c.there
			f.answers["POST /containers/ntp.next/rename"] = c.answer
			s := step(plan.Rename, "ntp")
			s.From = "ntp.next"
			err := f.engine(t, Options{}).Do(t.Context(), s, service("ntp", types.ServiceConfig{}))
			if got := text(err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// stranger is a container that somebody else made.
func stranger(name string) container.InspectResponse {
	c := managed("9", name, "running")
	c.Config.Labels = nil
	return c
}

func TestAnUnknownStepOrDaemonIsAnError(t *testing.T) {
	e := newFakeDaemon(t).engine(t, Options{})
	s := step("explode", "ntp")
	if err := e.Do(t.Context(), s, service("ntp", types.ServiceConfig{})); err == nil || !strings.Contains(err.Error(), "explode") {
		t.Errorf("got %v", err)
	}
	s.Scope = "third"
	if err := e.Do(t.Context(), s, service("ntp", types.ServiceConfig{})); err == nil || !strings.Contains(err.Error(), "third") {
		t.Errorf("got %v", err)
	}
}
