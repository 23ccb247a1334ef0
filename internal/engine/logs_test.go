package engine

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl"
)

func TestLogsAreOneStream(t *testing.T) {
	var both bytes.Buffer
	for kind, line := range map[stdcopy.StdType]string{stdcopy.Stdout: "out\n", stdcopy.Stderr: "err\n"} {
		if _, err := stdcopy.NewStdWriter(&both, kind).Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		tty  bool
		sent string
	}{
		"both outputs": {false, both.String()},
		"a terminal's": {true, "out\nerr\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			ntp := managed("1", "ntp", "running")
			ntp.Config.Tty = c.tty
			f.containers = []container.InspectResponse{ntp}
			f.answers["GET /containers/1/logs"] = answer{http.StatusOK, c.sent}
			var got strings.Builder
			err := f.engine(t, Options{}).Logs(t.Context(), compose.System, "1", servicectl.LogOptions{}, &got)
			if err != nil {
				t.Fatal(err)
			}
			if s := got.String(); len(s) != len("out\nerr\n") || !strings.Contains(s, "out\n") || !strings.Contains(s, "err\n") {
				t.Errorf("got %q", s)
			}
		})
	}
}

func TestTail(t *testing.T) {
	for lines, want := range map[int]string{0: "100", -1: "all", 5: "5"} {
		if got := tail(lines); got != want {
			t.Errorf("%d: got %s, want %s", lines, got, want)
		}
	}
}

func TestTheLogOfNoContainerIsAnError(t *testing.T) {
	e := newFakeDaemon(t).engine(t, Options{})
	err := e.Logs(t.Context(), compose.System, "ntp", servicectl.LogOptions{}, &strings.Builder{})
	if got, want := text(err), "cannot read the log of ntp: no such thing"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
