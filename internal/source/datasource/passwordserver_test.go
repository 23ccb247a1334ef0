package datasource

import (
	"bufio"
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

// stack is a machine in a CloudStack whose password server is another one's.
func stack(t *testing.T, root string, passwords http.Handler) *cloudStack {
	t.Helper()
	_, meta := serve(t, "cloudstack")
	server := httptest.NewServer(passwords)
	t.Cleanup(server.Close)
	return &cloudStack{
		web: plainWeb(), base: meta.URL, passwords: func(string) string { return server.URL + "/" },
		passwordServer: passwordServer{get: plainWeb().get, root: root},
	}
}

// boots asks a datasource as a boot does, and returns the hash that is in use then.
func boots(t *testing.T, root string, d Datasource) (hash, problem string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, "run")); err != nil {
		t.Fatal(err)
	}
	return asks(t, root, d)
}

func asks(t *testing.T, root string, d Datasource) (hash, problem string) {
	t.Helper()
	p := &pass{runner: New(Options{Root: root, Log: quietLog()}), changed: func() {}}
	seed, err := d.Fetch(t.Context())
	p.adopt(answer{seed: seed, err: err, asked: source.Asked{Name: "test"}, from: d})
	p.tellCloud(t.Context())
	now, _, err := source.GivenPassword(root)
	if err != nil {
		t.Fatal(err)
	}
	return now.Hash, p.record.Problem
}

// nowhere fails the test when a text is in a file below root.
func nowhere(t *testing.T, root, text string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			t.Errorf("%s has the password: %s", path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPasswordIsGivenOnce(t *testing.T) {
	const first, second = "fir5t-Password", "s3cond-Password"
	server := &cloudtest.PasswordServer{}
	root := t.TempDir()
	d := stack(t, root, server)
	if hash, problem := boots(t, root, d); hash != "" || problem != "" || server.Told() != 0 {
		t.Errorf("a machine without a password: %q, %q, told %d times", hash, problem, server.Told())
	}
	server.Reset(first)
	hash, problem := boots(t, root, d)
	if !crypt.Matches(hash, first) || problem != "" || server.Told() != 1 {
		t.Errorf("the first password: %q, %q, told %d times", hash, problem, server.Told())
	}
	if again, problem := boots(t, root, d); again != hash || problem != "" || server.Told() != 1 {
		t.Errorf("at the next boot: %q, %q, told %d times", again, problem, server.Told())
	}
	server.Reset(second)
	if hash, problem := boots(t, root, d); !crypt.Matches(hash, second) || problem != "" || server.Told() != 2 {
		t.Errorf("after a reset: %q, %q, told %d times", hash, problem, server.Told())
	}
	nowhere(t, root, first)
	nowhere(t, root, second)
}

func TestExoscalesPasswordIsAskedForAtItsPath(t *testing.T) {
	_, meta := serve(t, "exoscale")
	passwords := &cloudtest.PasswordServer{Root: "/1.0/"}
	passwords.Reset("a-Password")
	server := httptest.NewServer(passwords)
	defer server.Close()
	root := t.TempDir()
	d, err := openExoscale(opening{arg: meta.URL, web: plainWeb(), root: root})
	if err != nil {
		t.Fatal(err)
	}
	if of := d.(*exoscale); of.passwords != "" {
		t.Errorf("a service with a port of its own has a password server, %s", of.passwords)
	} else {
		of.passwords = server.URL + "/1.0/"
	}
	if hash, problem := boots(t, root, d); !crypt.Matches(hash, "a-Password") || problem != "" || passwords.Told() != 1 {
		t.Errorf("%q, %q, told %d times", hash, problem, passwords.Told())
	}
}

func TestWhereAPasswordServerIs(t *testing.T) {
	for base, want := range map[string]string{
		"http://10.1.1.1": "http://10.1.1.1:8080/", "http://[fe80::1]": "http://[fe80::1]:8080/", "http://10.1.1.1:80": "", "": "",
	} {
		if got := passwordsBeside(base, "/"); got != want {
			t.Errorf("beside %q: %q, want %q", base, got, want)
		}
	}
}

// A password that the server was not told of is given again, and is the same.
func TestAPasswordServerThatDoesNotListen(t *testing.T) {
	passwords, deaf := &cloudtest.PasswordServer{}, true
	passwords.Reset("a-Password")
	root := t.TempDir()
	d := stack(t, root, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if deaf && r.Header.Get("DomU_Request") == "saved_password" {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		passwords.ServeHTTP(w, r)
	}))
	hash, problem := boots(t, root, d)
	if !crypt.Matches(hash, "a-Password") || !strings.Contains(problem, "cannot tell the password server") {
		t.Errorf("%q, %q", hash, problem)
	}
	if again, _ := boots(t, root, d); again != hash {
		t.Errorf("at the next boot: %q, was %q", again, hash)
	}
	deaf = false
	if again, problem := asks(t, root, d); again != hash || problem != "" || passwords.Told() != 1 {
		t.Errorf("a minute later: %q, %q, told %d times", again, problem, passwords.Told())
	}
}

// What a password server may do costs the password alone.
func TestAPasswordServerThatIsNone(t *testing.T) {
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		told   string // that is wrong
	}{
		"another server":  {answer: http.NotFound},
		"a refusal":       {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusForbidden) }},
		"a login page":    {answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>log in</html>")) }},
		"nothing":         {answer: func(http.ResponseWriter, *http.Request) {}},
		"a broken server": {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) }, told: "502"},
		"two lines": {
			answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("one\ntwo")) }, told: "what it gives is no password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			seed, err := stack(t, root, row.answer).Fetch(t.Context())
			if len(seed.UserData) == 0 || len(seed.Password) > 0 || (err != nil) != (row.told != "") || err != nil && !strings.Contains(err.Error(), row.told) {
				t.Errorf("user-data %q, password %s, %v; want %q", seed.UserData, seed.Password, err, row.told)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		d := stack(t, t.TempDir(), nil)
		d.passwords = func(string) string { return "http://127.0.0.1:1/" }
		if seed, err := d.Fetch(t.Context()); err != nil || len(seed.UserData) == 0 {
			t.Errorf("user-data %q, %v", seed.UserData, err)
		}
	})
}

// A server that is a script compares the header's name letter by letter.
func TestThePasswordIsAskedForToTheLetter(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	found := make(chan bool, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			found <- false
			return
		}
		defer conn.Close()
		seen := false
		for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != ""; {
			seen = seen || lines.Text() == "DomU_Request: send_my_password"
		}
		found <- seen
		_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\na-Password\n"))
	}()
	d := stack(t, t.TempDir(), nil)
	d.passwords = func(string) string { return "http://" + l.Addr().String() + "/" }
	if seed, err := d.Fetch(t.Context()); err != nil || len(seed.Password) == 0 || !<-found {
		t.Errorf("password %s, %v", seed.Password, err)
	}
}
