//go:build dockerd

package torture_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
)

var noTime time.Time

// dataSize is the size of the file systems that get full.
const dataSize = 96 << 20

// TestADiskThatIsFull fills the daemon's disk before an image is loaded, before
// one is pulled, and before a container is replaced. The controller tells of it,
// what runs runs on, and it converges when there is room.
func TestADiskThatIsFull(t *testing.T) {
	r := newRig(t, dataSize)
	d := r.daemons[compose.System]
	serveRegistry(t, d)
	for _, stage := range []struct{ name, before, during string }{
		{"load", "", diskConfig(dockerdtest.Image, "a")},
		{"pull", "", diskConfig(registryAddress+"/test:1", "a")},
		{"create", diskConfig(dockerdtest.Image, "a"), diskConfig(dockerdtest.Image, "b")},
	} {
		t.Run(stage.name, func(t *testing.T) {
			r.empty(t)
			before := compose.Project{}
			if stage.before != "" {
				before = build(t, stage.before)
				s := r.start(t, before)
				if err := r.settle(s, before, bound(2)); err != nil {
					t.Fatal(err)
				}
				s.stop()
			}
			r.fillDuring(t, before, build(t, stage.during))
		})
	}
}

// diskConfig is a service that is replaced when the generation changes, and gets
// a file of some size.
func diskConfig(image, generation string) string {
	return fmt.Sprintf(`services:
  one:
    image: %s
    command: [sleep, infinity]
    network_mode: none
    stop_signal: SIGKILL
    restart: always
    environment: [GENERATION=%s]
    volumes: [data-%s:/data]
    labels: {io.rancher.os.scope: system}
volumes: {data-%s: {}}
`, image, generation, generation, generation)
}

// fillDuring fills the disk of System Docker and changes what is wanted.
func (r *rig) fillDuring(t *testing.T, before, want compose.Project) {
	t.Helper()
	was := r.running(t, before)
	filler := filepath.Join(r.daemons[compose.System].Inside("data"), "filler")
	fill(t, filler)
	defer os.Remove(filler)
	s := r.start(t, want)
	defer s.stop()
	trouble, err := awaitProblem(s)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.scene(s))
	}
	for name, now := range r.running(t, before) {
		if now != was[name] {
			t.Errorf("while the disk was full, %s changed from %+v to %+v", name, was[name], now)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := r.settle(s, want, 3*time.Minute); err != nil {
		s.stop()
		t.Fatalf("after there was room: %v\n%s", err, s.log)
	}
	t.Logf("told %q; converged %.1f s after there was room", trouble, time.Since(begun).Seconds())
}

// awaitProblem waits until the status tells of a problem.
func awaitProblem(s *session) (string, error) {
	deadline := time.After(time.Minute)
	for {
		st := s.Status()
		for _, p := range st.Problems {
			if strings.Contains(p.String(), "no space left") {
				return p.Msg, nil
			}
		}
		select {
		case <-deadline:
			return "", errors.New("nobody tells that the disk is full")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fill writes a file until there is no room.
func fill(tb testing.TB, name string) {
	tb.Helper()
	file, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		for chunk := make([]byte, size); err == nil; {
			_, err = file.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			tb.Fatal(err)
		}
		err = nil
	}
}

// smallDisk is a folder with room for so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestWhatTheControllerRemembersOutlivesAFullDisk stops a service while nothing
// can be written: that is told, and kept as soon as there is room.
func TestWhatTheControllerRemembersOutlivesAFullDisk(t *testing.T) {
	dir := smallDisk(t, 64<<10)
	fake, state := enginetest.New(), filepath.Join(dir, "controller.json")
	c, stop := startOver(t, fake, state)
	awaitState(t, c, servicectl.Converged)
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	if err := c.Stop("calm"); err != nil {
		t.Fatal(err)
	}
	awaitState(t, c, servicectl.Degraded)
	if _, err := os.Stat(state + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file takes the room: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	awaitState(t, c, servicectl.Converged)
	stop()
	c, stop = startOver(t, fake, state)
	defer stop()
	awaitState(t, c, servicectl.Converged)
	for _, s := range c.Status().Services {
		if s.Name == "calm" && s.State != "stopped" {
			t.Errorf("the next controller has forgotten: %+v", s)
		}
	}
}

// awaitState waits until a machine is in a state.
func awaitState(t *testing.T, c *servicectl.Controller, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for c.Status().State != want {
		select {
		case <-ctx.Done():
			t.Fatalf("the machine is not %s: %+v", want, c.Status())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestAConfigurationIsWrittenWholeOrNotAtAll writes a configuration while there
// is no room for it.
func TestAConfigurationIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := smallDisk(t, 256<<10)
	name := filepath.Join(dir, "cloud-config.yml")
	old, long := []byte("hostname: old\n"), []byte("hostname: new\n#"+strings.Repeat("x", 100<<10)+"\n")
	if err := source.WriteFile(name, old); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	for range 3 {
		if err := source.WriteFile(name, long); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("writing without room: %v", err)
		}
		expect(t, name, old)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := source.WriteFile(name, long); err != nil {
		t.Error(err)
	}
	expect(t, name, long)
}

// expect reads a file, beside which there may be nothing but the filler.
func expect(t *testing.T, name string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil || string(got) != string(want) {
		t.Errorf("got %.30q, %v; want %.30q", got, err, want)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(name) && e.Name() != "filler" {
			t.Errorf("%s is left", e.Name())
		}
	}
}
