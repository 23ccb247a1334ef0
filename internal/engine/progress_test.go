package engine

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/compose"
)

func TestProgressInWords(t *testing.T) {
	const a, b = `{"id": "a", "status": "Pulling fs layer"}`, `{"id": "b", "status": "Pulling fs layer"}`
	const half = `{"id": "a", "status": "Downloading", "progressDetail": {"current": 12345678, "total": 28600000}}`
	const other = `{"id": "b", "status": "Downloading", "progressDetail": {"current": 1000000, "total": 2000000}}`
	for name, c := range map[string]struct{ stream, want string }{
		"nothing yet":               {``, "asking the registry"},
		"only news":                 {`{"id": "1", "status": "Pulling from app"}`, "asking the registry"},
		"no bytes yet":              {a, "waiting for the first bytes"},
		"one layer":                 {a + half, "43%, 12.3 of 28.6 MB"},
		"one of unknown size":       {a + b + half, "12.3 of more than 28.6 MB"},
		"two layers":                {a + b + half + other, "43%, 13.3 of 30.6 MB"},
		"one is complete":           {a + b + half + other + `{"id": "a", "status": "Download complete"}`, "96%, 29.6 of 30.6 MB"},
		"one was there":             {a + b + `{"id": "b", "status": "Already exists"}` + half, "43%, 12.3 of 28.6 MB"},
		"all are there":             {a + half + `{"id": "a", "status": "Download complete"}`, "unpacking"},
		"one is unpacked meanwhile": {a + b + half + other + `{"id": "b", "status": "Extracting", "progressDetail": {"current": 1, "units": "s"}}`, "46%, 14.3 of 30.6 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			var all transfers
			way, end := all.begin("app:1")
			if err := messages(io.NopCloser(strings.NewReader(c.stream)), way.note); err != nil {
				t.Fatal(err)
			}
			if got := all.tell(time.Now()); len(got) != 0 {
				t.Errorf("at once it tells %v", got)
			}
			later := time.Now().Add(2 * worthTelling)
			if got := all.tell(later)["app:1"]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			end()
			if got := all.tell(later); len(got) != 0 {
				t.Errorf("in the end it tells %v", got)
			}
		})
	}
}

func TestOfTwoTransfersTheLaterIsTold(t *testing.T) {
	var all transfers
	first, endFirst := all.begin("app:1")
	second, endSecond := all.begin("app:1")
	first.enter("first")
	second.enter("second")
	later := time.Now().Add(2 * worthTelling)
	if got := all.tell(later)["app:1"]; got != "second" {
		t.Errorf("it tells %q", got)
	}
	endSecond()
	if got := all.tell(later)["app:1"]; got != "first" {
		t.Errorf("it tells %q", got)
	}
	endFirst()
}

func TestALoadTellsHowMuchWasSent(t *testing.T) {
	f := newFakeDaemon(t)
	f.answers["POST /images/load"] = answer{http.StatusOK, `{"stream": "Loaded image: app:1\n"}{"stream": "Loaded image ID: sha256:2"}`}
	e := f.engine(t, Options{})
	in, out := io.Pipe()
	told := make(chan string, 1)
	go func() {
		for _, n := range []int{1_000_000, 1} { // the second is read when the first is counted
			_, _ = io.WriteString(out, strings.Repeat("x", n)) // a load that fails says so
		}
		told <- e.daemons[compose.System].under.tell(time.Now().Add(time.Hour))["app.tar"]
		_ = out.Close()
	}()
	got, err := e.LoadArchive(t.Context(), compose.System, "app.tar", in, 4_000_000)
	if err != nil || len(got) != 2 || got[0] != "app:1" || got[1] != "sha256:2" {
		t.Errorf("loaded are %v, %v", got, err)
	}
	if got := <-told; got != "25%, 1.0 of 4.0 MB" {
		t.Errorf("it tells %q", got)
	}
	f.answers["POST /images/load"] = answer{http.StatusOK, ``}
	if _, err := e.LoadArchive(t.Context(), compose.System, "x", strings.NewReader(""), 0); err == nil {
		t.Error("an archive without an image is loaded")
	}
	if _, err := e.LoadArchive(t.Context(), "none", "x", strings.NewReader(""), 0); err == nil {
		t.Error("there is a third daemon")
	}
}

func TestAStalledPullIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all transfers
		way, end := all.begin("app:1")
		defer end()
		begun := time.Now()
		err := all.unlessStalled(t.Context(), way, func(ctx context.Context) error {
			way.sent(1, 2)
			other, endOther := all.begin("other:1")
			time.AfterFunc(time.Minute, func() {
				other.sent(2, 2)
				endOther()
				way.sent(2, 2)
			})
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, errStalled) {
			t.Errorf("it ends with %v", err)
		}
		if took := time.Since(begun); took < defaultStall+time.Minute || took > defaultStall+2*time.Minute {
			t.Errorf("it is given up after %s", took)
		}
	})
	failed := errors.New("failed")
	var all transfers
	if err := all.unlessStalled(t.Context(), &transfer{}, func(context.Context) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("it ends with %v", err)
	}
}

// Of two pulls that have lost the network both are given up in time, though one is
// tried again, without anything arriving, before it is the other's turn.
// A daemon fetches a few layers at a time: a pull whose layers wait for their turn is
// not dead as long as others arrive, and one that is fetched and does not arrive is.
func TestAPullThatQueuesIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all transfers
		busy, end := all.begin("busy:1")
		defer end()
		try := func(ref string, messages ...message) (took time.Duration, err error) {
			way, end := all.begin(ref)
			defer end()
			for _, m := range messages {
				way.note(m)
			}
			begun := time.Now()
			err = all.unlessStalled(t.Context(), way, func(ctx context.Context) error {
				for i := range int64(60) {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(10 * time.Second):
						busy.sent(i, 100)
					}
				}
				return nil
			})
			return time.Since(begun), err
		}
		part := message{ID: "b", Status: "Downloading"}
		part.Progress.Current, part.Progress.Total = 1, 9
		waiting := message{ID: "a", Status: "Pulling fs layer"}
		if _, err := try("queues:1", waiting); err != nil {
			t.Errorf("a pull that waits for its turn ends with %v", err)
		}
		for ref, messages := range map[string][]message{"dead:1": {waiting, part}, "unheard:1": nil} {
			if took, err := try(ref, messages...); !errors.Is(err, errStalled) || took > defaultStall+defaultStall/4 {
				t.Errorf("%s ends with %v after %s", ref, err, took)
			}
		}
	})
}

func TestAStalledPullIsGivenUpWhileOthersBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all transfers
		stuck := func(ref string) {
			way, end := all.begin(ref)
			defer end()
			way.enter("waiting for preloaded images")
			way.enter("")
			begun := time.Now()
			err := all.unlessStalled(t.Context(), way, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			if !errors.Is(err, errStalled) {
				t.Errorf("%s ends with %v", ref, err)
			}
			if took := time.Since(begun); took > defaultStall+defaultStall/8 {
				t.Errorf("%s is given up after %s", ref, took)
			}
		}
		var both sync.WaitGroup
		both.Go(func() { stuck("first:1") })
		both.Go(func() {
			time.Sleep(time.Second)
			stuck("second:1")
			time.Sleep(250 * time.Millisecond)
			stuck("second:1")
		})
		both.Wait()
	})
}

func FuzzMessages(f *testing.F) {
	f.Add(`{"id": "a", "status": "Downloading", "progressDetail": {"current": 1, "total": 2}}`)
	f.Add(`{"id": "a", "status": "Extracting", "progressDetail": {"current": -1, "total": 0}}{"error": "x"}`)
	f.Fuzz(func(t *testing.T, stream string) {
		var all transfers
		way, end := all.begin("x")
		defer end()
		if err := messages(io.NopCloser(strings.NewReader(stream)), way.note); err == nil && strings.HasSuffix(stream, `{"id`) {
			t.Error("a stream that is cut off is taken for a whole one")
		}
		if got := way.tell(time.Now().Add(time.Hour)); got == "" || strings.Contains(got, "\n") {
			t.Errorf("it tells %q", got)
		}
	})
}
