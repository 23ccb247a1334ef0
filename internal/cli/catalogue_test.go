package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

// TestAServiceOfARepositoryComesWithTheNetwork boots without a network: what
// needs none runs, and what is missing waits. When the network is up, it is a
// problem that the repository does not have it, and it comes when that does.
func TestAServiceOfARepositoryComesWithTheNetwork(t *testing.T) {
	var answer atomic.Int32 // 200: it has nfs
	answer.Store(http.StatusBadGateway)
	repo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case answer.Load() != http.StatusOK:
			w.WriteHeader(int(answer.Load()))
		case r.URL.Path == "/index.yml":
			fmt.Fprint(w, "services: [nfs]\n")
		case r.URL.Path == "/n/nfs.yml":
			fmt.Fprint(w, "nfs:\n  image: nfs:1\n  restart: always\n  labels: {io.rancher.os.scope: system}\n")
		}
	}))
	defer repo.Close()
	root := t.TempDir()
	for _, dir := range []string{source.ConfDir, filepath.Dir(network.ReadyFile)} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeSecret(t, root, source.CloudConfigFile, sessionConfig+"  repositories: {core: {url: \""+repo.URL+"\"}}\n  services_include: {nfs: true}\n")
	log := logrus.New()
	log.SetOutput(io.Discard)
	updates := newUpdater(root, logrus.NewEntry(log))
	c := servicectl.New(servicectl.Options{Engine: enginetest.New(), Loader: &loader{root: root, updates: updates}})
	ctx, cancel := context.WithCancel(t.Context())
	ready := filepath.Join(root, network.ReadyFile)
	ended := make(chan error, 3)
	go func() { ended <- c.Run(ctx) }()
	go func() { ended <- updates.Run(ctx, c.Reload) }()
	go func() { ended <- watchNetwork(ctx, ready, updates.NetworkChanged) }()
	defer func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	await := func(what string, done func(servicectl.Status) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !done(c.Status()); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, c.Status())
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	readies := func(st servicectl.Status) int {
		n := 0
		for _, s := range st.Services {
			if s.Ready {
				n++
			}
		}
		return n
	}
	await("what needs no network runs, and what is missing waits", func(st servicectl.Status) bool {
		waits := false
		for _, s := range st.Services {
			waits = waits || s.Name == "nfs" && slices.Equal(s.WaitingFor, []string{"the network"}) && s.State == plan.StateWaiting &&
				s.Note == "cannot fetch "+repo.URL+"/index.yml: the server answers 502 Bad Gateway"
		}
		return waits && readies(st) == 2 && st.State == servicectl.Converging && len(st.Problems) == 0
	})
	comesUp := func(done func(servicectl.Status) bool) {
		t.Helper()
		await("the network is up", func(st servicectl.Status) bool {
			if err := source.WriteFile(ready, nil); err != nil { // the watch may not have begun
				t.Fatal(err)
			}
			<-time.After(100 * time.Millisecond)
			return done(st)
		})
	}
	answer.Store(http.StatusNotFound)
	comesUp(func(st servicectl.Status) bool {
		told := false
		for _, p := range st.Problems {
			told = told || strings.HasSuffix(p.String(), "rancher.services_include.nfs: cannot fetch "+repo.URL+"/n/nfs.yml: 404 Not Found")
		}
		return told && readies(st) == 2 && st.State == servicectl.Degraded
	})
	answer.Store(http.StatusOK)
	comesUp(func(st servicectl.Status) bool { return st.State == servicectl.Converged })
	if n := readies(c.Status()); n != 3 {
		t.Errorf("%d services are ready", n)
	}
}
