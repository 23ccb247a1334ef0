package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/catalogue"
)

// updating is an Updater that runs until the test ends, and how often it told
// that something has changed.
func updating(t *testing.T, root string) (u *Updater, changes chan struct{}) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	u = NewUpdater(UpdaterOptions{Root: root, Log: logrus.NewEntry(log)})
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}, 64), make(chan error, 1)
	go func() { ended <- u.Run(ctx, func() { changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return u, changes
}

func awaitChange(t *testing.T, changes chan struct{}) {
	t.Helper()
	select {
	case <-changes:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing has changed")
	}
}

func TestWhatIsEnabledComesWhenTheNetworkDoes(t *testing.T) {
	root, s := t.TempDir(), newSite(t)
	var up atomic.Bool
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !up.Load():
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/index.yml":
			fmt.Fprint(w, "services: [nfs]\n")
		case r.URL.Path == "/n/nfs.yml":
			fmt.Fprint(w, definition)
		}
	})
	cfg := config(s.URL)
	u, changes := updating(t, root)
	u.o.Online = up.Load
	if why, waits := u.Why("nfs"); why != "" || !waits {
		t.Errorf("before anybody has tried: %q, waits %v", why, waits)
	}
	u.Want(cfg)
	awaitChange(t, changes) // the reason is another one now
	if why, waits := u.Why("nfs"); !strings.HasPrefix(why, "cannot fetch "+s.URL+"/index.yml: ") || !waits {
		t.Errorf("without a network: %q, waits %v", why, waits)
	}
	up.Store(true)
	u.NetworkChanged(true)
	awaitChange(t, changes)
	if got := image(t, root, cfg); got != "nfs:1" {
		t.Errorf("image %q", got)
	}
	hits := s.hits.Load()
	u.Want(cfg) // nothing is due
	u.NetworkChanged(true)
	<-time.After(50 * time.Millisecond)
	if n := s.hits.Load(); n != hits || len(changes) > 0 {
		t.Errorf("%d requests more, %d changes, for what is fresh", n-hits, len(changes))
	}
}

func TestTheNetworkThatGoesHasFailuresJudgedAnew(t *testing.T) {
	u, changes := updating(t, t.TempDir())
	dead := newSite(t)
	dead.Close()
	u.Want(config(dead.URL))
	awaitChange(t, changes)
	u.NetworkChanged(false)
	awaitChange(t, changes) // a reading would say that it waits, where it was a problem
}

func TestWhatWaitsAndWhatIsAProblem(t *testing.T) {
	now := time.Now()
	odd := errors.New("the server answers 502 Bad Gateway")
	away := fmt.Errorf("cannot fetch x: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", unix.ENETUNREACH)})
	fails := func(err error, times int) func(*board) {
		return func(b *board) {
			for range times {
				b.failed(task{key: "x"}, err, 6, now)
			}
		}
	}
	for _, row := range []struct {
		name            string
		prepare         func(*board)
		offline, online bool // waits
	}{
		{"nobody has tried", func(*board) {}, true, true},
		{"a first failure", fails(odd, 1), true, true},
		{"failures enough", fails(odd, patience), true, false},
		{"there is no way out, whatever is said of the network", fails(away, 10), true, true},
		{"there has been no way out for long", func(b *board) {
			fails(away, 10)(b)
			b.failed(task{key: "x"}, away, 6, now.Add(hope))
		}, false, false},
		{"the network came after a long time", func(b *board) {
			fails(away, 10)(b)
			b.failed(task{key: "x"}, away, 6, now.Add(hope))
			b.forgive(now.Add(hope))
			b.failed(task{key: "x"}, away, 6, now.Add(hope))
		}, true, true},
		{"what is there is not what is meant", fails(permanentError{odd}, 1), false, false},
		{"it is not there", fails(permanentError{errAbsent}, 1), false, false},
		{"the network came back since", func(b *board) { fails(odd, 10)(b); b.forgive(now) }, true, true},
		{"it was fetched since", func(b *board) { fails(permanentError{odd}, 10)(b); b.done("x", true) }, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBoard()
			row.prepare(&b)
			_, offline := b.why("x", false)
			_, online := b.why("x", true)
			if offline != row.offline || online != row.online {
				t.Errorf("waits off line %v, on line %v", offline, online)
			}
		})
	}
}

func TestTheFailureThatMakesAProblemIsTold(t *testing.T) {
	b := newBoard()
	var told []bool
	for range patience + 2 {
		b.failed(task{key: "x"}, errors.New("the same"), 6, time.Now())
		told = append(told, b.take())
	}
	if want := []bool{true, false, true, false, false}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	b.failed(task{key: "x"}, errors.New("the same"), 6, time.Now().Add(hope))
	if !b.take() {
		t.Error("it is not told that it has failed for long")
	}
}

func TestAChangedConfigurationIsTriedAtOnce(t *testing.T) {
	root, s := t.TempDir(), newSite(t).has(definition)
	dead := newSite(t)
	dead.Close()
	u, changes := updating(t, root)
	u.Want(config(dead.URL))
	awaitChange(t, changes)
	u.Want(config(dead.URL, s.URL))
	awaitChange(t, changes)
	if got := image(t, root, config(dead.URL, s.URL)); got != "nfs:1" {
		t.Errorf("image %q", got)
	}
}

func TestOldCopiesAreLookedAfter(t *testing.T) {
	root, s := t.TempDir(), newSite(t).has("nfs: {image: new}")
	old := catalogue.NewCopy(s.URL+"/n/nfs.yml", []byte("nfs: {image: old}"), time.Now().Add(-2*interval))
	if err := (catalogue.Cache{Root: root}).Put(old); err != nil {
		t.Fatal(err)
	}
	cfg := config(s.URL)
	if got := image(t, root, cfg); got != "old" {
		t.Fatalf("image %q", got)
	}
	u, changes := updating(t, root)
	u.Want(cfg)
	awaitChange(t, changes)
	if got := image(t, root, cfg); got != "new" {
		t.Errorf("image %q", got)
	}
}

func TestWhenATaskIsDue(t *testing.T) {
	now := time.Now()
	fail := fmt.Errorf("no network")
	for _, row := range []struct {
		name     string
		prepare  func(b *board)
		checked  time.Time
		from, to time.Duration // after now; 0 is at once
	}{
		{"never fetched", func(*board) {}, time.Time{}, 0, 0},
		{"just fetched", func(*board) {}, now, interval * 8 / 10, interval * 12 / 10},
		{"fetched in the future, by a wrong clock", func(*board) {}, now.Add(48 * time.Hour), 0, 0},
		{"failed once", func(b *board) { b.failed(task{key: "x"}, fail, 6, now) }, time.Time{}, time.Second, 3 * time.Second},
		{"failed often", func(b *board) {
			for range 5 {
				b.failed(task{key: "x"}, fail, 6, now)
			}
		}, time.Time{}, 20 * time.Second, 40 * time.Second},
		{"failed as often as the configuration says", func(b *board) {
			for range 100 {
				b.failed(task{key: "x"}, fail, 6, now)
			}
		}, time.Time{}, 7 * time.Minute, 13 * time.Minute},
		{"what is there is wrong", func(b *board) { b.failed(task{key: "x"}, permanentError{fail}, 6, now) }, time.Time{}, 7 * time.Minute, 13 * time.Minute},
		{"failed, and the network came up", func(b *board) { b.failed(task{key: "x"}, fail, 6, now); b.forgive(now) }, time.Time{}, 0, 0},
		{"fresh when the network came up", func(b *board) { b.forgive(now) }, now.Add(-time.Minute), interval * 8 / 10, interval * 12 / 10},
		{"old when the network came up", func(b *board) { b.forgive(now) }, now.Add(-2 * time.Hour), 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBoard()
			row.prepare(&b)
			due := b.due(task{key: "x", checked: row.checked})
			if row.to == 0 && due.IsZero() {
				return
			}
			if row.to == 0 || due.Before(now.Add(row.from)) || due.After(now.Add(row.to)) {
				t.Errorf("due %s from now", due.Sub(now))
			}
		})
	}
}
