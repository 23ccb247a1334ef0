package datasource

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

func TestAzureIsToldThatTheMachineIsReady(t *testing.T) {
	wire := &cloudtest.WireServer{}
	server := httptest.NewServer(wire)
	defer server.Close()
	if err := (&azure{web: plainWeb(), wire: server.URL}).Report(t.Context()); err != nil || !wire.Ready() {
		t.Errorf("%v, told that it is ready: %v", err, wire.Ready())
	}
}

func TestAzureThatDoesNotListenIsAProblem(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no document":    http.NotFound,
		"an empty goal":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<GoalState/>") },
		"no XML":         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"a broken host":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusInternalServerError) },
		"a refused word": refusesReports,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			err := (&azure{web: plainWeb(), wire: server.URL}).Report(t.Context())
			if err == nil || !strings.Contains(err.Error(), "cannot tell Azure that the machine is ready") {
				t.Errorf("%v", err)
			}
		})
	}
}

// refusesReports says what is wanted, and takes no report.
func refusesReports(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		http.Error(w, "", http.StatusGone)
		return
	}
	(&cloudtest.WireServer{}).ServeHTTP(w, r)
}

func TestAReportThatIsNotHeardIsMadeAgain(t *testing.T) {
	p := &pass{runner: New(Options{Root: t.TempDir(), Log: quietLog()}), changed: func() {}}
	deaf := httptest.NewServer(http.NotFoundHandler())
	a := &azure{web: plainWeb(), wire: deaf.URL}
	p.report = a.Report
	p.tellCloud(t.Context())
	deaf.Close()
	if p.report == nil || !strings.Contains(p.record.Problem, "cannot tell Azure") {
		t.Errorf("a report that was not heard is over: %q", p.record.Problem)
	}
	wire := &cloudtest.WireServer{}
	server := httptest.NewServer(wire)
	defer server.Close()
	a.wire = server.URL
	p.tellCloud(t.Context())
	if p.report != nil || !wire.Ready() {
		t.Error("the cloud was not told again")
	}
}

// The disc that comes with a new machine has the password of its user, in clear.
func TestAzuresPasswordIsNotKept(t *testing.T) {
	const secret = `se<cret> & "more"`
	const inXML = `se&lt;<!-- in pieces -->cret&gt; <![CDATA[& "more"]]>`
	root := t.TempDir()
	_, server := serve(t, "azure")
	d, err := openAzure(opening{arg: server.URL, web: plainWeb(), root: root})
	if err != nil {
		t.Fatal(err)
	}
	d.(*azure).wire = server.URL
	insert := func(elements, ssh string) {
		t.Helper()
		putOVF(t, root, "azure")
		path := filepath.Join(root, source.OVFFile)
		data, err := os.ReadFile(path)
		text := strings.Replace(string(data), "<UserName>", elements+"<UserName>", 1)
		text = strings.Replace(text, ">true</DisableSshPasswordAuthentication>", ">"+ssh+"</DisableSshPasswordAuthentication>", 1)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	given := func() source.Password {
		t.Helper()
		seed, err := d.Fetch(t.Context())
		if err != nil || len(seed.UserData) == 0 {
			t.Errorf("user-data %q, %v", seed.UserData, err)
		}
		if len(seed.Password) == 0 {
			return source.Password{}
		}
		p, err := source.ParsePassword(seed.Password)
		if err != nil {
			t.Error(err)
		}
		return p
	}
	insert("<UserPassword>"+inXML+"</UserPassword>", "false")
	first := given()
	if !crypt.Matches(first.Hash, secret) || !first.SSH {
		t.Errorf("%+v", first)
	}
	nowhere(t, root, "cret")
	if again := given(); again != first {
		t.Errorf("asked again it is %+v, before %+v", again, first)
	}
	insert("<UserPassword>other cret</UserPassword><UserPassword>"+inXML+"</UserPassword>", "true")
	if p := given(); !crypt.Matches(p.Hash, secret) || p.SSH {
		t.Errorf("not over SSH: %+v", p)
	}
	nowhere(t, root, "cret")
	for _, none := range []string{"", "<UserPassword/>", "<UserPassword> </UserPassword>", "<UserPassword>REDACTED</UserPassword>"} {
		insert(none, "false")
		if p := given(); p.Hash != "" {
			t.Errorf("%q is a password: %+v", none, p)
		}
	}
	// The disc has gone by the next boot.
	insert("<UserPassword>"+inXML+"</UserPassword>", "false")
	hash, _ := asks(t, root, d)
	if again, _ := boots(t, root, d); again != hash || !crypt.Matches(again, secret) {
		t.Errorf("at the next boot it is %q, before %q", again, hash)
	}
	insert("<UserPassword>"+inXML+"</UserPassword>", "false")
	if again, _ := asks(t, root, d); again != hash {
		t.Errorf("with the disc at a later boot it is %q, before %q", again, hash)
	}
}

// While Azure sets up the service of a new machine it answers 404 or 410.
func TestAzuresServiceMayCome(t *testing.T) {
	for _, code := range []int{http.StatusNotFound, http.StatusGone} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			c, _ := serve(t, "azure")
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked <= 2 {
					w.WriteHeader(code)
					return
				}
				c.ServeHTTP(w, r)
			}))
			defer server.Close()
			d, err := openAzure(opening{arg: server.URL, web: plainWeb(), root: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			a := ask(t.Context(), candidate{name: "azure", source: d}, time.Minute)
			if a.err != nil || asked != 3 || len(a.seed.MetaData) == 0 {
				t.Errorf("asked %d times: %q, %v", asked, a.seed.MetaData, a.err)
			}
		})
	}
}
