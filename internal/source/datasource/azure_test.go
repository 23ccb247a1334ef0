package datasource

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

func TestAzureIsToldThatTheMachineIsReady(t *testing.T) {
	wire := &cloudtest.WireServer{}
	server := httptest.NewServer(wire)
	defer server.Close()
	if err := (&azure{web: plainWeb(), wire: server.URL}).Report(t.Context()); err != nil || !wire.Ready() {
		t.Errorf("%v, told that it is ready: %v", err, wire.Ready())
	}
}

func TestAzureThatDoesNotListenIsAProblem(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no document":    http.NotFound,
		"an empty goal":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<GoalState/>") },
		"no XML":         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"a broken host":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusInternalServerError) },
		"a refused word": refusesReports,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			err := (&azure{web: plainWeb(), wire: server.URL}).Report(t.Context())
			if err == nil || !strings.Contains(err.Error(), "cannot tell Azure that the machine is ready") {
				t.Errorf("%v", err)
			}
		})
	}
}

// refusesReports says what is wanted, and takes no report.
func refusesReports(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		http.Error(w, "", http.StatusGone)
		return
	}
	(&cloudtest.WireServer{}).ServeHTTP(w, r)
}

func TestAReportThatIsNotHeardIsMadeAgain(t *testing.T) {
	p := &pass{runner: New(Options{Root: t.TempDir(), Log: quietLog()}), changed: func() {}}
	deaf := httptest.NewServer(http.NotFoundHandler())
	a := &azure{web: plainWeb(), wire: deaf.URL}
	p.report = a.Report
	p.tellCloud(t.Context())
	deaf.Close()
	if p.report == nil || !strings.Contains(p.record.Problem, "cannot tell Azure") {
		t.Errorf("a report that was not heard is over: %q", p.record.Problem)
	}
	wire := &cloudtest.WireServer{}
	server := httptest.NewServer(wire)
	defer server.Close()
	a.wire = server.URL
	p.tellCloud(t.Context())
	if p.report != nil || !wire.Ready() {
		t.Error("the cloud was not told again")
	}
}
