//go:build dockerd

package bench_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/internal/resident"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/journal"
)

// settings are where a controller finds things.
type settings struct {
	Dir          string // of its own: configuration, state, log, socket
	Images       string
	System, User string // sockets of the daemons
}

func (s settings) config() string { return filepath.Join(s.Dir, "services.yml") }
func (s settings) socket() string { return filepath.Join(s.Dir, "controller.sock") }

// settings are those of a new controller that wants nothing yet.
func (r *rig) settings(b *testing.B) settings {
	b.Helper()
	return settings{
		Dir: r.folder(b), Images: r.images(), System: r.system.Socket(), User: r.user.Socket(),
	}
}

// newController is a controller as the machine has it, without what applies the
// configuration to the host. The file takes its log.
func newController(s settings, out *os.File) (*servicectl.Controller, error) {
	e, err := engine.New(engine.Options{SystemSocket: s.System, UserSocket: s.User, ImageDir: s.Images})
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetOutput(out)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	return servicectl.New(servicectl.Options{
		Engine: e, Loader: fileLoader(s.config()), Log: logrus.NewEntry(log),
		StatePath:  filepath.Join(s.Dir, "controller.json"),
		IntentPath: filepath.Join(s.Dir, "intents.json"),
		Journal:    journal.Open(journal.Options{Path: filepath.Join(s.Dir, "events.jsonl")}),
		AtRest: func() {
			if err := resident.Release(); err != nil {
				log.Error(err)
			}
		},
	}), nil
}

// session is a controller at work in this process.
type session struct {
	*servicectl.Controller
	settings
	stop func() // again does nothing
}

// start starts a controller that wants what its configuration says.
func start(b *testing.B, s settings) *session {
	b.Helper()
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := newController(s, log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		defer log.Close()
		ended <- c.Run(ctx)
	}()
	out := &session{Controller: c, settings: s, stop: func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}}
	b.Cleanup(out.stop)
	return out
}

// settle waits until the controller says that it has converged.
func (s *session) settle(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	st, err := s.Wait(ctx, nil)
	if err != nil || st.State != servicectl.Converged {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		b.Fatalf("the machine is %s: %v, %v\n%s", st.State, st.Problems, err, log)
	}
}
