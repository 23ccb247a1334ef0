package servicectl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
	"github.com/ros-os/ros/servicectl/plan"
)

// served is a controller that answers on a socket, in real time.
func served(t *testing.T, fake *enginetest.Fake, services ...compose.Service) (client *servicectl.Client, path string) {
	t.Helper()
	l := &loader{}
	l.set(services...)
	c := servicectl.New(servicectl.Options{Engine: fake, Loader: l})
	ctx, cancel := context.WithCancel(t.Context())
	path = t.TempDir() + "/controller.sock"
	ended := make(chan error, 2)
	go func() { ended <- c.Run(ctx) }()
	go func() { ended <- c.Serve(ctx, path) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left")
		}
	})
	waitFor(t, func() bool { _, err := os.Lstat(path); return err == nil })
	return servicectl.Dial(path), path
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatal("waited in vain")
		case <-ticker.C:
		}
	}
}

func TestTheAPIAnswers(t *testing.T) {
	fake := enginetest.New()
	c, path := served(t, fake, machine()...)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := c.Wait(ctx, 20*time.Second, nil)
	must(err)
	if st.State != servicectl.Converged || len(st.Services) != 6 {
		t.Fatalf("status %+v", st)
	}
	if mode, err := os.Lstat(path); err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v (%v)", mode.Mode(), err)
	}
	p, err := c.Plan(ctx)
	must(err)
	if len(p.Steps) != 0 {
		t.Errorf("plan\n%s", p)
	}
	must(c.Stop(ctx, "ntp"))
	_, err = c.Wait(ctx, 20*time.Second, []string{"ntp"})
	must(err)
	st, err = c.Status(ctx)
	must(err)
	if s := st.Services[2]; s.Name != "ntp" || s.State != plan.StateStopped {
		t.Errorf("ntp: %+v", s)
	}
	must(c.Start(ctx, "ntp"))
	must(c.Restart(ctx, "syslog"))
	must(c.Reload(ctx))
	st, err = c.Wait(ctx, 20*time.Second, nil)
	must(err)
	if st.State != servicectl.Converged {
		t.Errorf("status %+v", st)
	}
	var log bytes.Buffer
	must(c.Logs(ctx, "syslog", servicectl.LogOptions{Tail: -1}, &log))
	if log.String() != "started\nended\nstarted\n" {
		t.Errorf("log %q", log.String())
	}
}

func TestWhatIsNewCanBeNamedAfterAReload(t *testing.T) {
	l := &loader{}
	l.set(svc("ntp", "ntp:1"))
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: l})
	server := httptest.NewServer(c.Handler())
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	post := func(path string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for i := range 50 {
		name := "new" + strconv.Itoa(i)
		l.set(svc("ntp", "ntp:1"), svc(name, "x:1"))
		if reload, start := post("/v1/reload"), post("/v1/services/"+name+"/start"); reload != http.StatusOK || start != http.StatusOK {
			t.Fatalf("%s: %d, %d", name, reload, start)
		}
	}
	l.report(nil, errors.New("no disk"))
	if began := time.Now(); post("/v1/reload") != http.StatusOK || time.Since(began) > 4*time.Second {
		t.Error("it waits for what cannot be read")
	}
}

// Nobody has told the controller yet that there is something new.
func TestWaitingIsForTheConfigurationOfNow(t *testing.T) {
	l := &loader{}
	l.set(svc("ntp", "ntp:1"))
	happened := journal.Open(journal.Options{})
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: l, Journal: happened})
	path := t.TempDir() + "/controller.sock"
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() {
		if err := c.Serve(ctx, path); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer cancel()
	waitFor(t, func() bool { _, err := os.Lstat(path); return err == nil })
	client := servicectl.Dial(path)
	wait := func() servicectl.Status {
		t.Helper()
		st, err := client.Wait(ctx, 20*time.Second, nil)
		if err != nil || st.State != servicectl.Converged {
			t.Fatalf("%+v, %v", st, err)
		}
		return st
	}
	wait()
	l.set(svc("ntp", "ntp:1"), svc("web", "web:1"))
	if st := wait(); len(st.Services) != 2 || !st.Services[1].Ready {
		t.Errorf("%+v", st)
	}
	l.set(svc("ntp", "ntp:1"), svc("new", "web:1"))
	if _, err := client.Wait(ctx, 20*time.Second, []string{"new"}); err != nil {
		t.Error(err)
	}
	wait()
	events, _ := happened.After(0)
	for range 20 {
		wait()
	}
	if now, _ := happened.After(0); len(now) != len(events) {
		t.Errorf("waiting for what is there is told: %+v", now[len(events):])
	}
}

func TestTheAPITellsWhatIsWrong(t *testing.T) {
	fake := enginetest.New()
	fake.Forget("gone:1")
	c, path := served(t, fake, svc("lost", "gone:1"))
	if err := c.Stop(t.Context(), "nobody"); err == nil || err.Error() != `no such service: "nobody"` {
		t.Errorf("stop: %v", err)
	}
	if _, err := c.Wait(t.Context(), time.Second, []string{"nobody"}); err == nil {
		t.Error("waiting for nobody is no error")
	}
	st, err := c.Wait(t.Context(), 50*time.Millisecond, nil)
	if err != nil || st.State != servicectl.Converging || !strings.Contains(st.Problems[0].Msg, "service lost: ") {
		t.Errorf("wait: %+v, %v", st, err)
	}
	if err := c.Logs(t.Context(), "lost", servicectl.LogOptions{}, io.Discard); err == nil {
		t.Error("a log of no container is no error")
	}
	for request, code := range map[string]int{
		"GET /v1/nothing":                     404,
		"POST /v1/status":                     404,
		"GET /v1/wait?timeout=soon":           400,
		"GET /v1/services/lost/logs?tail=all": 400,
	} {
		method, target, _ := strings.Cut(request, " ")
		if got := request1(t, path, method, target); got != code {
			t.Errorf("%s answers %d", request, got)
		}
	}
	gone := servicectl.Dial(t.TempDir() + "/none.sock")
	if _, err := gone.Status(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "the controller does not answer (is this a ros machine?") {
		t.Errorf("without a controller: %v", err)
	}
}

// request1 makes one request and returns the code; the answer has to be an error
// in JSON.
func request1(t *testing.T, path, method, target string) int {
	t.Helper()
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://x"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var e struct{ Error string }
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || e.Error == "" {
		t.Errorf("%s %s: %+v, %v", method, target, e, err)
	}
	return resp.StatusCode
}

func TestWatchShowsEveryState(t *testing.T) {
	fake := enginetest.New()
	fake.Latency = 5 * time.Millisecond
	c, _ := served(t, fake, svc("ntp", "ntp:1"))
	stop := errors.New("seen enough")
	var states []string
	err := c.Watch(t.Context(), func(st servicectl.Status) error {
		if len(states) == 0 || states[len(states)-1] != st.State {
			states = append(states, st.State)
		}
		switch {
		case st.State == servicectl.Converged && len(states) > 2:
			return stop
		case st.State == servicectl.Converged:
			fake.Delete(compose.System, "ntp")
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if got := strings.Join(states, " "); !strings.HasSuffix(got, "converged converging converged") {
		t.Errorf("states %s", got)
	}
}

func TestAFollowedLogEndsWithItsReader(t *testing.T) {
	c, _ := served(t, enginetest.New(), svc("ntp", "ntp:1"))
	if _, err := c.Wait(t.Context(), 20*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := c.Logs(ctx, "ntp", servicectl.LogOptions{Follow: true}, writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	}))
	if ctx.Err() == nil || err == nil {
		t.Errorf("following ended by itself: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// FuzzRequests throws paths at the API: whatever comes is answered, and nothing
// but the four requests that change something does.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{"/v1/status", "/v1/plan", "/v1/wait?timeout=1ms", "/v1/services/ntp/logs?tail=-1", "/v1/services/%2e%2e/stop", "//", "/v1/services/a%2fb/start?x=%zz"} {
		f.Add("GET", s)
		f.Add("POST", s)
	}
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: &loader{}})
	h := c.Handler()
	f.Fuzz(func(t *testing.T, method, target string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "http://controller", nil)
		if err != nil {
			return
		}
		path, query, _ := strings.Cut(target, "?")
		req.URL.Path, req.URL.RawQuery = path, query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("%s %s answers %d", method, target, w.Code)
		}
	})
}
