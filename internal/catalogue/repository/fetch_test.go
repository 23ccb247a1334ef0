package repository

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/pin"
	"github.com/ros-os/ros/internal/transport"
)

const definition = "nfs:\n  image: nfs:1\n"

// site is a repository that a test serves.
type site struct {
	*httptest.Server
	mux  *http.ServeMux
	hits atomic.Int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// serves has a path answered with a text.
func (s *site) serves(path, text string) {
	s.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

// has makes the repository one with service nfs.
func (s *site) has(text string) *site {
	s.serves("/index.yml", "services: [nfs]\n")
	s.serves("/n/nfs.yml", text)
	return s
}

// config is one with the repositories, in order of their names, and nfs enabled.
func config(repositories ...string) cloudconfig.Config {
	cfg := cloudconfig.Config{}
	cfg.Rancher.Repositories = map[string]cloudconfig.Repo{}
	for i, address := range repositories {
		cfg.Rancher.Repositories["r"+strconv.Itoa(i)] = cloudconfig.Repo{URL: address}
	}
	cfg.Rancher.ServicesInclude = map[string]bool{"nfs": true}
	return cfg
}

func newFetcher(t *testing.T, root string, cfg cloudconfig.Config) *Fetcher {
	t.Helper()
	f := New(Options{Root: root, Config: cfg, Tries: 2, pause: time.Millisecond})
	t.Cleanup(f.Close)
	return f
}

// image is what the machine would run as nfs.
func image(t *testing.T, root string, cfg cloudconfig.Config) string {
	t.Helper()
	documents := catalogue.Load(cfg, catalogue.Options{Root: root}).Documents
	if n := documents["nfs"].Lookup("nfs", "image"); n != nil {
		return n.Value
	}
	return ""
}

func TestADefinitionIsFetchedAndUsed(t *testing.T) {
	root, s := t.TempDir(), newSite(t).has(definition)
	cfg := config(s.URL)
	changed, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs")
	if err != nil || !changed || image(t, root, cfg) != "nfs:1" {
		t.Fatalf("changed %v, %v, image %q", changed, err, image(t, root, cfg))
	}
	changed, err = newFetcher(t, root, cfg).Service(t.Context(), "nfs")
	if err != nil || changed {
		t.Errorf("the same again: changed %v, %v", changed, err)
	}
	s.Close() // without a network what is there is used
	if _, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs"); err == nil || image(t, root, cfg) != "nfs:1" {
		t.Errorf("off line: %v, image %q", err, image(t, root, cfg))
	}
}

func TestServersThatAreBrokenOrHostile(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, row := range []struct {
		name    string
		answer  http.HandlerFunc
		want    string // in the error
		tries   int64  // the transport itself tries a connection that was reused once more
		settled bool   // another try is vain
	}{
		{"404", status(404), "404 Not Found", 1, true},
		{"403", status(403), "the server answers 403 Forbidden", 1, true},
		{"500", status(500), "the server answers 500 Internal Server Error", 2, false},
		{"429", status(429), "the server answers 429 Too Many Requests", 2, false},
		{"304 that nobody asked for", status(304), "the server answers 304 Not Modified", 1, true},
		{"206 of a part", status(206), "the server answers 206 Partial Content", 1, true},
		{"a login page", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "\n<!DOCTYPE html><html><body>Welcome to our network</body></html>")
		}, "a web page came instead", 2, false},
		{"100 MB", func(w http.ResponseWriter, _ *http.Request) {
			chunk := []byte(strings.Repeat("# x\n", 1<<14))
			for range 100 << 20 / len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "it is larger than 1048576 bytes", 1, true},
		{"truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, definition)
		}, "it broke off after 20 bytes", 2, false},
		{"cut off in a chunk", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, definition)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "it broke off after 20 bytes", 2, false},
		{"cut off at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", 3, false},
		{"round and round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, "it is redirected too often", 6, true},
		{"not YAML", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "nfs: {") }, "is not valid YAML", 1, true},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "it is empty", 1, true},
		{"bytes", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe, 0, 1, 2}) }, "cannot use", 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			root, s := t.TempDir(), newSite(t)
			s.serves("/index.yml", "services: [nfs]\n")
			s.mux.HandleFunc("/n/", row.answer)
			cfg := config(s.URL)
			f := newFetcher(t, root, cfg)
			_, err := f.Service(t.Context(), "nfs")
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), s.URL+"/n/nfs.yml") {
				t.Fatalf("error %v, want %q", err, row.want)
			}
			if permanent(err) != row.settled || s.hits.Load()-1 != row.tries {
				t.Errorf("settled %v, %d requests", permanent(err), s.hits.Load()-1)
			}
			if got := image(t, root, cfg); got != "" {
				t.Errorf("image %q", got)
			}
		})
	}
}

func TestASlowServerIsGivenUp(t *testing.T) {
	root, s := t.TempDir(), newSite(t)
	s.serves("/index.yml", "services: [nfs]\n")
	s.mux.HandleFunc("/n/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "nfs:\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	f := newFetcher(t, root, config(s.URL))
	f.client.Timeout = 50 * time.Millisecond
	if _, err := f.Service(t.Context(), "nfs"); err == nil || !strings.Contains(err.Error(), "it broke off after 5 bytes: it takes too long") {
		t.Errorf("got %v", err)
	}
	f.client.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Service(ctx, "nfs"); err == nil {
		t.Error("nobody waits any more, and it goes on")
	}
}

func TestAnAnswerThatNothingHasChangedIsEnough(t *testing.T) {
	for _, row := range []struct{ name, header, value, asks string }{
		{"by ETag", "ETag", `"v1"`, "If-None-Match"},
		{"by date", "Last-Modified", "Fri, 31 Jan 2020 12:00:00 GMT", "If-Modified-Since"},
	} {
		t.Run(row.name, func(t *testing.T) {
			root, s := t.TempDir(), newSite(t)
			full := 0
			s.mux.HandleFunc("/n/nfs.yml", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(row.asks) == row.value {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				full++
				w.Header().Set(row.header, row.value)
				fmt.Fprint(w, definition)
			})
			cfg := config()
			key := s.URL + "/n/nfs.yml"
			for i := range 3 {
				changed, err := newFetcher(t, root, cfg).Service(t.Context(), key)
				if err != nil || changed != (i == 0) {
					t.Fatalf("time %d: changed %v, %v", i, changed, err)
				}
			}
			p, found := catalogue.Cache{Root: root}.Get(key)
			if full != 1 || !found || string(p.Text) != definition || !p.Checked.After(p.Fetched) {
				t.Errorf("sent %d times; copy %+v", full, p)
			}
			// Who pins another version needs all of it.
			if _, err := newFetcher(t, root, cfg).Service(t.Context(), key+"#sha256="+pin.Sum([]byte("x"))); err == nil || full != 2 {
				t.Errorf("sent %d times; %v", full, err)
			}
		})
	}
}

func TestOnlyThePinnedVersionIsKept(t *testing.T) {
	root, s := t.TempDir(), newSite(t).has(definition)
	cfg := config(s.URL)
	demand := func(text string) {
		cfg.Rancher.Repositories["r0"] = cloudconfig.Repo{URL: s.URL, SHA256: map[string]string{"nfs": strings.ToUpper(pin.Sum([]byte(text)))}}
	}
	demand("else")
	_, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs")
	want := "its SHA-256 is " + pin.Sum([]byte(definition)) + ", and not " + pin.Sum([]byte("else")) + " as it is pinned"
	if err == nil || !strings.Contains(err.Error(), want) || !permanent(err) || image(t, root, cfg) != "" {
		t.Errorf("got %v", err)
	}
	demand(definition)
	if _, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs"); err != nil || image(t, root, cfg) != "nfs:1" {
		t.Errorf("got %v", err)
	}
	demand("else") // a good copy of before is no use, and stays where it is
	if _, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs"); err == nil || image(t, root, cfg) != "" {
		t.Errorf("got %v", err)
	}
	demand(definition)
	if image(t, root, cfg) != "nfs:1" {
		t.Error("a failed fetch has done away with the copy")
	}
}

func TestRepositoriesAreAskedInOrder(t *testing.T) {
	first, second, none := newSite(t).has("nfs: {image: first}"), newSite(t).has("nfs: {image: second}"), newSite(t)
	none.serves("/index.yml", "services: [other]\n")
	bare := newSite(t)
	bare.serves("/n/nfs.yml", "nfs: {image: bare}")
	dead := newSite(t)
	dead.Close()
	page := newSite(t)
	page.serves("/index.yml", "<html>login</html>")
	page.serves("/n/nfs.yml", "nfs: {image: page}")
	for _, row := range []struct {
		name  string
		sites []*site
		want  string
		err   string
	}{
		{"the first that has it", []*site{none, first, second}, "first", ""},
		{"one without an index", []*site{bare, first}, "bare", ""},
		{"one that cannot be asked is passed over", []*site{dead, second}, "second", ""},
		{"one with an index that is none, too", []*site{page, second}, "second", ""},
		{"no one has it", []*site{none}, "", `no repository has a service "nfs"`},
		{"what cannot be asked may have it", []*site{none, dead}, "", "connection refused"},
		{"there is no repository", nil, "", `no repository has a service "nfs"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			var addresses []string
			for _, s := range row.sites {
				addresses = append(addresses, s.URL)
			}
			root, cfg := t.TempDir(), config(addresses...)
			_, err := newFetcher(t, root, cfg).Service(t.Context(), "nfs")
			if got := image(t, root, cfg); got != row.want {
				t.Errorf("image %q, want %q (%v)", got, row.want, err)
			}
			if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("error %v, want %q", err, row.err)
			}
		})
	}
	if n := none.hits.Load(); n != 3 {
		t.Errorf("the repository without it was asked %d times, want its index alone", n)
	}
}

func TestADefinitionThatCannotBeUsedReplacesNothing(t *testing.T) {
	root, s := t.TempDir(), newSite(t)
	text := definition
	s.serves("/index.yml", "services: [nfs]\n")
	s.mux.HandleFunc("/n/nfs.yml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	cfg := config(s.URL)
	f := New(Options{Root: root, Config: cfg, Check: func(key string, doc cloudconfig.Document) error {
		if key != "nfs" || doc.Lookup("nfs", "image").Value == "bad" {
			return errors.New("bad is not good")
		}
		return nil
	}})
	defer f.Close()
	if _, err := f.Service(t.Context(), "nfs"); err != nil {
		t.Fatal(err)
	}
	text = "nfs: {image: bad}"
	if _, err := f.Service(t.Context(), "nfs"); err == nil || !strings.Contains(err.Error(), "cannot use "+s.URL+"/n/nfs.yml: bad is not good") {
		t.Errorf("got %v", err)
	}
	if got := image(t, root, cfg); got != "nfs:1" {
		t.Errorf("image %q", got)
	}
}

func TestHostileNamesReachNoServer(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"../x", "..", "a/../../b", "", "x y"} {
		if _, err := newFetcher(t, t.TempDir(), config(s.URL)).Service(t.Context(), name); err == nil || !permanent(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if n := s.hits.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestTheProxyOfTheConfigurationIsUsed(t *testing.T) {
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		fmt.Fprint(w, definition)
	}))
	defer proxy.Close()
	cfg := config()
	cfg.Rancher.Network.HTTPProxy = proxy.URL
	const key = "http://services.example/nfs.yml"
	if _, err := newFetcher(t, t.TempDir(), cfg).Service(t.Context(), key); err != nil || asked != key {
		t.Errorf("the proxy was asked for %q: %v", asked, err)
	}
	asked, cfg.Rancher.Network.NoProxy = "", "services.example"
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := newFetcher(t, t.TempDir(), cfg).Service(ctx, key); err == nil || asked != "" {
		t.Errorf("the proxy was asked for %q: %v", asked, err)
	}
}

func TestEncryptionIsNotGivenUpOnTheWay(t *testing.T) {
	plainSite := newSite(t).has(definition)
	secure := httptest.NewTLSServer(http.RedirectHandler(plainSite.URL+"/n/nfs.yml", http.StatusFound))
	defer secure.Close()
	f := newFetcher(t, t.TempDir(), config())
	client := secure.Client()
	client.CheckRedirect = checkRedirect
	f.client = client
	if _, err := f.Service(t.Context(), secure.URL+"/nfs.yml"); err == nil || !strings.Contains(err.Error(), "which has no encryption") || !permanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestPasswordsInAddressesAreNotTold(t *testing.T) {
	s := newSite(t)
	key := strings.Replace(s.URL, "http://", "http://ann:s3cret@", 1) + "/nfs.yml"
	_, missing := newFetcher(t, t.TempDir(), config()).Service(t.Context(), key)
	s.Close()
	_, dead := newFetcher(t, t.TempDir(), config()).Service(t.Context(), key)
	for _, err := range []error{missing, dead} {
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "ann:xxxxx@") {
			t.Errorf("got %v", err)
		}
	}
}

// TestARepositoryWithAnAuthorityThatComesLaterIsTrusted has ca_certs written after the
// process spoke TLS for the first time.
func TestARepositoryWithAnAuthorityThatComesLaterIsTrusted(t *testing.T) {
	site := newSite(t).has(definition)
	secure := httptest.NewUnstartedServer(site.mux)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	root, cfg := t.TempDir(), config(secure.URL)
	repos, _ := catalogue.Repositories(cfg)
	if _, _, err := newFetcher(t, root, cfg).Index(t.Context(), repos[0]); err == nil {
		t.Error("nobody vouches for it, and its index was taken")
	}
	file := filepath.Join(root, transport.Bundle)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newFetcher(t, root, cfg).Index(t.Context(), repos[0]); err != nil {
		t.Error(err)
	}
}
