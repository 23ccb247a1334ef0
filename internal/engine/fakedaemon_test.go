package engine

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/ros-os/ros/compose"
)

// fakeDaemon answers on a unix socket as a Docker daemon does, as far as these
// tests need, and notes what it was asked.
type fakeDaemon struct {
	socket string

	mu         sync.Mutex
	calls      []string // "GET /containers/json", without those of the version
	bodies     map[string][]byte
	containers []container.InspectResponse
	statuses   map[string]string // container ID → as listed
	images     map[string]string // reference → ID
	networks   []network.Inspect
	volumes    []*volume.Volume
	answers    map[string]answer // by call, before all else
	onPull     func()            // what a pull does to the fake; it holds the mutex
	events     chan events.Message
	hangUp     chan struct{}
	hanging    string        // path of calls that are never answered
	hangs      chan struct{} // a token for each such call
}

type answer struct {
	code int
	body string
}

var version = regexp.MustCompile(`^/v1\.[0-9]+`)

func newFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	f := &fakeDaemon{
		socket:   filepath.Join(t.TempDir(), "docker.sock"),
		bodies:   map[string][]byte{},
		statuses: map[string]string{},
		images:   map[string]string{},
		answers:  map[string]answer{},
		events:   make(chan events.Message),
		hangUp:   make(chan struct{}),
		hangs:    make(chan struct{}, 100),
	}
	f.listen(t)
	return f
}

func (f *fakeDaemon) listen(t *testing.T) {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// engine is an engine whose System Docker is the fake.
func (f *fakeDaemon) engine(t *testing.T, o Options) *Engine {
	t.Helper()
	o.SystemSocket = f.socket
	if o.UserSocket == "" {
		o.UserSocket = filepath.Join(t.TempDir(), "absent.sock")
	}
	if o.ImageDir == "" {
		o.ImageDir = t.TempDir()
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// follow makes the engine believe that it follows the fake's events.
func follow(e *Engine) { e.daemons[compose.System].seen.follow(true) }

// asked returns the calls since the last time.
func (f *fakeDaemon) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	slices.Sort(calls)
	return calls
}

func (f *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := version.ReplaceAllString(r.URL.Path, "")
	f.mu.Lock()
	hangs := path == f.hanging
	f.mu.Unlock()
	if hangs {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller hangs up
		f.hangs <- struct{}{}
		<-r.Context().Done()
		return
	}
	if path == "/_ping" {
		w.Header().Set("Api-Version", "1.51")
		return
	}
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + path
	f.mu.Lock()
	f.calls = append(f.calls, call)
	f.bodies[call+"?"+r.URL.RawQuery] = body
	prepared, ok := f.answers[call]
	if call == "POST /images/create" && f.onPull != nil {
		f.onPull()
	}
	f.mu.Unlock()
	switch {
	case ok:
		reply(w, prepared.code, prepared.body)
	case call == "GET /events":
		f.stream(w, r)
	default:
		f.read(w, call)
	}
}

// read answers questions about containers and images.
func (f *fakeDaemon) read(w http.ResponseWriter, call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call == "GET /containers/json" {
		reply(w, http.StatusOK, f.list())
		return
	}
	if call == "GET /networks" || call == "GET /volumes" {
		reply(w, http.StatusOK, f.resources(call))
		return
	}
	if call == "POST /containers/create" {
		reply(w, http.StatusCreated, container.CreateResponse{ID: "new"})
		return
	}
	for _, c := range f.containers {
		if call == "GET /containers/"+c.ID+"/json" || call == "GET /containers"+c.Name+"/json" {
			reply(w, http.StatusOK, c)
			return
		}
	}
	for ref, id := range f.images {
		if call == "GET /images/"+ref+"/json" {
			reply(w, http.StatusOK, image.InspectResponse{ID: id, RepoTags: []string{ref}})
			return
		}
	}
	reply(w, http.StatusNotFound, map[string]string{"message": "no such thing"})
}

// resources are the networks and volumes of the fake.
func (f *fakeDaemon) resources(call string) any {
	if call == "GET /networks" {
		return slices.Concat([]network.Inspect{}, f.networks)
	}
	return volume.ListResponse{Volumes: f.volumes}
}

func (f *fakeDaemon) list() []container.Summary {
	out := []container.Summary{}
	for _, c := range f.containers {
		s := container.Summary{
			ID: c.ID, Names: []string{c.Name}, Image: c.Config.Image, ImageID: c.Image,
			Labels: c.Config.Labels, State: c.State.Status, Status: f.statuses[c.ID],
		}
		if c.NetworkSettings != nil {
			s.NetworkSettings = &container.NetworkSettingsSummary{Networks: c.NetworkSettings.Networks}
		}
		out = append(out, s)
	}
	return out
}

// stream tells events until the test hangs up.
func (f *fakeDaemon) stream(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	control.Flush()
	f.mu.Lock()
	hangUp := f.hangUp
	f.mu.Unlock()
	for {
		select {
		case m := <-f.events:
			json.NewEncoder(w).Encode(m)
			control.Flush()
		case <-hangUp:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// hang makes calls hang from now on; those of an empty path are none.
func (f *fakeDaemon) hang(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hanging = path
}

// hung waits until a call hangs.
func (f *fakeDaemon) hung(t *testing.T) {
	t.Helper()
	select {
	case <-f.hangs:
	case <-time.After(10 * time.Second):
		t.Fatal("no call hangs")
	}
}

// disconnect ends all streams of events.
func (f *fakeDaemon) disconnect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.hangUp)
	f.hangUp = make(chan struct{})
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if text, ok := body.(string); ok {
		io.WriteString(w, text)
		return
	}
	json.NewEncoder(w).Encode(body)
}
