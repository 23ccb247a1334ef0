package preload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

// fakeDaemon loads what does not begin with "bad".
type fakeDaemon struct {
	mu     sync.Mutex
	id     string // empty: it does not answer
	loads  []string
	loaded chan string
}

func newFake(id string) *fakeDaemon { return &fakeDaemon{id: id, loaded: make(chan string, 100)} }

func (d *fakeDaemon) ID(context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.id == "" {
		return "", errors.New("connection refused")
	}
	return d.id, nil
}

func (d *fakeDaemon) Load(_ context.Context, name string, archive io.Reader, size int64) ([]string, error) {
	text, err := io.ReadAll(archive)
	if err != nil {
		return nil, err
	}
	if int64(len(text)) != size {
		return nil, errors.New("the size is another")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loads = append(d.loads, name)
	d.loaded <- name
	if bytes.HasPrefix(text, []byte("bad")) {
		return nil, errors.New("unexpected EOF")
	}
	return []string{string(text)}, nil
}

func (d *fakeDaemon) becomes(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.id = id
}

// awaits waits until a file was given to the daemon.
func (d *fakeDaemon) awaits(t *testing.T, name string) {
	t.Helper()
	select {
	case got := <-d.loaded:
		if got != name {
			t.Fatalf("%s was loaded, not %s", got, name)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s was not loaded", name)
	}
}

// idle says that nothing was given to the daemon but what was awaited.
func (d *fakeDaemon) idle(t *testing.T) {
	t.Helper()
	select {
	case got := <-d.loaded:
		t.Fatalf("%s was loaded once too often", got)
	default:
	}
}

// rig is a machine's folders with two daemons.
type rig struct {
	dir          string
	system, user *fakeDaemon
	told         chan cloudconfig.Report
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{
		dir: filepath.Join(t.TempDir(), "preload"), system: newFake("a"), user: newFake("b"),
		told: make(chan cloudconfig.Report, 100),
	}
}

// run runs until the test ends or stop is called.
func (r *rig) run(t *testing.T) (p *Preloader, stop func()) {
	t.Helper()
	p = New(Options{
		Dir: r.dir, Daemons: map[string]Daemon{SystemFolder: r.system, UserFolder: r.user},
		Tell: func(report cloudconfig.Report) { r.told <- report },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return p, stop
}

// ready waits until the first files of both folders are loaded.
func ready(t *testing.T, p *Preloader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, folder := range []string{SystemFolder, UserFolder} {
		if err := p.Wait(ctx, folder); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
	}
}

// put writes a file that has been there for a while.
func (r *rig) put(t *testing.T, name, text string, age time.Duration) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	// A new file in the place of the old, as it is there whole at once.
	if err := os.WriteFile(path+".done", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path+".done", at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".done", path); err != nil {
		t.Fatal(err)
	}
}

func TestEachFolderIsLoadedIntoItsDaemonOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(t, "system-docker/one.tar", "one:1", time.Hour)
	r.put(t, "docker/two.tar.gz", "two:1", time.Hour)
	r.put(t, "docker/.three.tar.part", "three:1", time.Hour)
	p, stop := r.run(t)
	ready(t, p)
	r.system.awaits(t, "one.tar")
	r.user.awaits(t, "two.tar.gz")
	if got, _ := p.memory.get("docker/two.tar.gz"); !slices.Equal(got.Images, []string{"two:1"}) {
		t.Errorf("remembered is %+v", got)
	}
	stop()
	p, _ = r.run(t)
	ready(t, p)
	r.system.idle(t)
	r.user.idle(t)
}

func TestAFileIsLoadedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, r *rig)
		again  bool
	}{
		"when it has changed":                        {func(t *testing.T, r *rig) { r.put(t, "docker/x.tar", "newer:2", time.Minute) }, true},
		"when it has other content of the same size": {func(t *testing.T, r *rig) { r.put(t, "docker/x.tar", "NEW:1", time.Minute) }, true},
		"when the daemon has other data":             {func(_ *testing.T, r *rig) { r.user.becomes("c") }, true},
		"when nobody knows any more": {func(t *testing.T, r *rig) {
			if err := os.WriteFile(filepath.Join(r.dir, stateFile), []byte("{half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, true},
		"but not when it was only touched": {func(t *testing.T, r *rig) { r.put(t, "docker/x.tar", "new:1", time.Minute) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.put(t, "docker/x.tar", "new:1", time.Hour)
			p, stop := r.run(t)
			ready(t, p)
			r.user.awaits(t, "x.tar")
			stop()
			c.change(t, r)
			p, stop = r.run(t)
			ready(t, p)
			if c.again {
				r.user.awaits(t, "x.tar")
			}
			stop()
			r.user.idle(t)
			p, _ = r.run(t)
			ready(t, p)
			r.user.idle(t)
			if got, _ := p.memory.get("docker/x.tar"); len(got.Images) != 1 {
				t.Errorf("remembered is %+v", got)
			}
		})
	}
}

func TestAFileThatComesWhileTheMachineRunsIsLoaded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p, _ := r.run(t)
	ready(t, p)
	r.put(t, "docker/late.tar", "late:1", time.Hour)
	r.user.awaits(t, "late.tar")
	r.put(t, "docker/late.tar", "late:2", time.Minute)
	r.user.awaits(t, "late.tar")
}

func TestAFileOnItsWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(t, "docker/slow.tar", "slow:1", 0)
	begun := time.Now()
	p, _ := r.run(t)
	ready(t, p)
	r.user.awaits(t, "slow.tar")
	if time.Since(begun) < quiet/2 {
		t.Errorf("it was loaded after %s", time.Since(begun))
	}
}

func TestADaemonThatIsAwayHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user.becomes("")
	r.put(t, "system-docker/one.tar", "one:1", time.Hour)
	r.put(t, "docker/two.tar", "two:1", time.Hour)
	p, _ := r.run(t)
	r.system.awaits(t, "one.tar")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Wait(ctx, UserFolder); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for the absent daemon ends with %v", err)
	}
	r.user.becomes("b")
	ready(t, p)
	r.user.awaits(t, "two.tar")
}

func TestABrokenFileIsToldByNameUntilItIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(t, "docker/broken.tar", "bad", time.Hour)
	r.put(t, "docker/good.tar", "good:1", time.Hour)
	p, _ := r.run(t)
	ready(t, p)
	r.user.awaits(t, "broken.tar")
	r.user.awaits(t, "good.tar")
	path := filepath.Join(r.dir, "docker/broken.tar")
	want := path + ": warning: cannot preload its images: unexpected EOF"
	if got := r.tells(t); len(got) != 1 || got[0].String() != want {
		t.Errorf("told is %v, not %s", got, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := r.tells(t); len(got) != 0 {
		t.Errorf("told is %v", got)
	}
}

func (r *rig) tells(t *testing.T) cloudconfig.Report {
	t.Helper()
	select {
	case report := <-r.told:
		return report
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is told")
		return nil
	}
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(t, "docker/x.tar", "new:1", time.Hour)
	p, stop := r.run(t)
	ready(t, p)
	stop()
	if err := os.Remove(filepath.Join(r.dir, "docker/x.tar")); err != nil {
		t.Fatal(err)
	}
	p, _ = r.run(t)
	ready(t, p)
	if got, ok := p.memory.get("docker/x.tar"); ok {
		t.Errorf("remembered is %+v", got)
	}
}

func TestTriesBecomeRarer(t *testing.T) {
	for n, want := range map[int]time.Duration{1: retryFirst, 2: 2 * retryFirst, 9: 2560 * time.Second, 10: retryLast, 1000: retryLast} {
		if got := doubled(retryFirst, retryLast, n); got != want {
			t.Errorf("after %d failures %s, not %s", n, got, want)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"docker/x.tar": {"size": 3, "modified": "2026-01-02T03:04:05Z", "digest": "sha256:1", "images": ["x:1"]}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseState(text)
		if err == nil && all == nil {
			t.Error("a state that was read cannot be added to")
		}
		if err != nil && !strings.HasPrefix(err.Error(), "cannot read") {
			t.Errorf("it says %v", err)
		}
	})
}
