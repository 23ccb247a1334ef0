package servicectl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// scrape reads the metrics with Prometheus's own parser.
func scrape(t *testing.T, c *servicectl.Controller) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("type %q", w.Header().Get("Content-Type"))
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// values are the values of a family by the values of its labels; of a summary
// its count.
func values(f *dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetValue())
		}
		v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetSummary().GetSampleCount())
		out[strings.Join(labels, " ")] = v
	}
	return out
}

func TestMetricsTellWhatHappened(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behaves(`q"u\`, enginetest.Behaviour{Exits: true, ExitCode: 1})
		r.start(t, append(machine(), svc(`q"u\`, "x:1"))...)
		after(2 * time.Second)
		got := scrape(t, r.c)
		for name, want := range map[string]map[string]float64{
			"ros_state":                  {"converged": 0, "converging": 1, "degraded": 0},
			"ros_docker_up":              {"system": 1, "user": 1},
			"ros_services":               {"running": 5, "done": 1, "backoff": 1},
			"ros_services_ready":         {"": 6},
			"ros_service_restarts_total": {`q"u\`: 3},
		} {
			if v := values(got[name]); !maps.Equal(v, want) {
				t.Errorf("%s: %v, want %v", name, v, want)
			}
		}
		ops := values(got["ros_operation_seconds"])
		if ops["create ok"] != 7 || ops["start ok"] != 10 || ops["pull ok"] == 0 {
			t.Errorf("operations %v", ops)
		}
		for scope, bytes := range values(got["ros_pull_bytes_total"]) {
			pulls := 0
			for _, s := range r.fake.Steps() {
				if s.Verb == plan.Pull && s.Scope == scope {
					pulls++
				}
			}
			if pulls == 0 || bytes != float64(pulls*enginetest.ImageSize) {
				t.Errorf("%d pulls into %s brought %v bytes", pulls, scope, bytes)
			}
		}
		if n := len(values(got["ros_pull_bytes_total"])); n != 2 {
			t.Errorf("pulls into %d daemons are counted", n)
		}
		for _, name := range []string{"ros_pass_seconds", "ros_loop_lag_seconds", "ros_wakes_total"} {
			if values(got[name])[""] == 0 {
				t.Errorf("%s is zero", name)
			}
		}
		r.change(machine()...)
		after(time.Minute)
		got = scrape(t, r.c)
		if v := values(got["ros_convergence_seconds"])[""]; v != 1 {
			t.Errorf("converged %v times", v)
		}
		if took := values(got["ros_last_convergence_seconds"])[""]; took < 2 || took > 60 {
			t.Errorf("it took %v", took)
		}
		if v := values(got["ros_service_restarts_total"]); len(v) != 0 {
			t.Errorf("a service that is no more counts: %v", v)
		}
	})
}

func TestARestartForHealthIsCounted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		ill := svc("ill", "x:1")
		ill.Ready.Kind = compose.ReadyHealth
		r.fake.Behaves("ill", enginetest.Behaviour{Unhealthy: true, ReadyAfter: time.Second})
		r.start(t, ill)
		for range 3 {
			after(10 * time.Second)
			r.fake.Set(compose.System, "ill", func(*plan.Container) {}) // Docker tells of its health
			synctest.Wait()
		}
		v := values(scrape(t, r.c)["ros_service_restarts_total"])
		if n := r.service(t, "ill").Restarts; n == 0 || v["ill"] != float64(n) {
			t.Errorf("%d restarts, counted are %v", n, v)
		}
	})
}

func TestMetricsAreServedWhereTheConfigurationSays(t *testing.T) {
	l := &loader{}
	l.set(svc("ntp", "ntp:1"))
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: l})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	taken, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	listen := func(address string) {
		cfg := cloudconfig.Config{}
		cfg.Rancher.Metrics.Listen = address
		l.configure(cfg)
		c.Reload()
	}
	listen(address)
	waitFor(t, func() bool {
		p := c.Status().Problems
		return len(p) == 1 && strings.Contains(p[0].Msg, "address already in use") && p[0].Severity == cloudconfig.Warning
	})
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	listen("")
	waitFor(t, func() bool { return len(c.Status().Problems) == 0 })
	listen(address)
	waitFor(t, func() bool { return fetch(t, "http://"+address+"/metrics") == http.StatusOK })
	if code := fetch(t, "http://"+address+"/v1/status"); code != http.StatusNotFound {
		t.Errorf("the API is open to all: %d", code)
	}
	listen("")
	waitFor(t, func() bool { return fetch(t, "http://"+address+"/metrics") == 0 })
}

// fetch is the code of an answer, 0 when there is none.
func fetch(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := h.Do(req)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func TestEventsAreServed(t *testing.T) {
	fake := enginetest.New()
	c, path := served(t, fake, svc("ntp", "ntp:1"), svc("web", "web:1"))
	if _, err := c.Wait(t.Context(), 20*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var steps []string
	err := c.Events(ctx, servicectl.EventOptions{Follow: true, Services: []string{"ntp"}}, func(e journal.Event) error {
		if !e.Concerns([]string{"ntp"}) {
			t.Errorf("event %+v", e)
		}
		if e.Kind != journal.Done {
			return nil
		}
		steps = append(steps, e.Step)
		switch e.Step {
		case "start":
			return c.Stop(ctx, "ntp")
		case "stop":
			cancel()
		}
		return nil
	})
	if err == nil || !slices.Equal(steps, []string{"pull", "create", "start", "stop"}) {
		t.Errorf("followed %q, %v", steps, err)
	}
	n := 0
	count := func(journal.Event) error { n++; return nil }
	if err := c.Events(t.Context(), servicectl.EventOptions{Since: time.Now().Add(time.Hour)}, count); err != nil || n != 0 {
		t.Errorf("%d events of the future, %v", n, err)
	}
	if err := c.Events(t.Context(), servicectl.EventOptions{Services: []string{"nobody"}}, count); err != nil || n != 0 {
		t.Errorf("%d events of nobody, %v", n, err)
	}
	if code := request1(t, path, "GET", "/v1/events?since=lately"); code != http.StatusBadRequest {
		t.Errorf("a bad instant answers %d", code)
	}
}

// TestAStatusWithNotesAndLinesCanBeReadBack is the contract with the command.
func TestAStatusWithNotesAndLinesCanBeReadBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		r.fake.Behaves("syslog", enginetest.Behaviour{Exits: true, ExitCode: 2})
		failing, web := job("syslog", "x:1"), svc("web", "x:1")
		web.Needs = append(web.Needs, svc("", "", "syslog").Needs...)
		web.Needs[0].Required = false
		r.start(t, failing, web)
		synctest.Wait()
		data, err := json.Marshal(r.c.Status())
		if err != nil {
			t.Fatal(err)
		}
		var st servicectl.Status
		if err := json.NewDecoder(bytes.NewReader(data)).Decode(&st); err != nil {
			t.Fatal(err)
		}
		if got := st.Services[1].Note; got != "runs without syslog, which failed: exited with status 2" {
			t.Errorf("web: %+v", st.Services[1])
		}
		if got := st.Services[0].LastLog; !slices.Equal(got, []string{"started", "ended"}) {
			t.Errorf("syslog: %+v", st.Services[0])
		}
	})
}

// What the controller itself uses is told under the names that dashboards know.
func TestMetricsOfTheProcess(t *testing.T) {
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: &loader{}})
	got := scrape(t, c)
	for name, least := range map[string]float64{
		"go_goroutines": 1, "go_memstats_heap_alloc_bytes": 1 << 16, "process_open_fds": 3,
		"process_resident_memory_bytes": 1 << 20, "process_cpu_seconds_total": 0.000001,
	} {
		if v := values(got[name])[""]; v < least {
			t.Errorf("%s is %v", name, v)
		}
	}
}
