package setting

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
)

// applied applies a configuration again whenever the background has something to
// tell, as the controller does, until ok.
func (r *running) applied(text, what string, ok func() bool) {
	r.t.Helper()
	r.apply(text)
	r.eventually(what, func() bool {
		select {
		case <-r.changed:
			r.apply(text)
		default:
		}
		return ok()
	})
}

// reboot is the machine as it starts again.
func (h *host) reboot() {
	h.t.Helper()
	if err := os.RemoveAll(h.m.path("/run/ros/done")); err != nil {
		h.t.Fatal(err)
	}
	again := New(h.m.root)
	again.kernel, again.late.quiet, again.late.network = h.m.kernel, time.Millisecond, time.Millisecond
	h.m = again
}

func TestFilesComeFromTheirSource(t *testing.T) {
	h := newHost(t)
	var fails atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails.Load() || r.Header.Get("X-Token") != "t" {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, "from %s\n", r.URL.Path) // the client tells
	}))
	defer server.Close()
	text := fmt.Sprintf(`
write_files:
- {path: /etc/far, permissions: "0600", source: {uri: "%[1]s/far?sig=secret", headers: {X-Token: t}}}
- {path: /etc/late, defer: true, source: {uri: "%[1]s/late", headers: {X-Token: t}}}
- {path: /etc/near, content: near, source: {uri: "%[1]s/refused"}}
`, server.URL)
	h.settle("i-1")
	r := h.start()
	r.applied(text, "the files", func() bool {
		return h.read("/etc/far") == "from /far\n" && h.read("/etc/late") == "from /late\n" && h.recorded("fetch") != nil
	})
	problems := ""
	if got := h.attributes("/etc/far"); got != "0600 0:0" {
		t.Errorf("the file is %s", got)
	}
	if got := h.read("/etc/near"); got != "near" {
		t.Errorf("in the place of what cannot be fetched is %q", got)
	}
	r.eventually("what is wrong", func() bool { problems = r.apply(text); return problems != "" })
	if !strings.Contains(problems, "cloud-config.yml:6:") || !strings.Contains(problems, "write_files.2.source.uri: cannot be fetched: "+server.URL+"/refused: ") ||
		strings.Contains(problems, "secret") || strings.Count(problems, "\n") != 0 {
		t.Errorf("problems\n%s", problems)
	}
	r.stop()

	fails.Store(true)
	h.reboot()
	h.write("/etc/far", "changed by hand")
	r = h.start()
	r.apply(text)
	if got := h.read("/etc/far"); got != "from /far\n" {
		t.Errorf("without the server, what it gave before is not used: %q", got)
	}
	r.eventually("what is wrong", func() bool {
		problems = r.apply(text)
		return strings.Contains(problems, "warning: write_files.0.source.uri: cannot be fetched, what it gave before is used")
	})
	r.stop()

	fails.Store(false)
	h.reboot()
	r = h.start()
	r.applied("hostname: x", "what nobody names is forgotten", func() bool {
		entries, err := os.ReadDir(h.m.path(fetchedFolder))
		return err == nil && len(entries) == 0
	})
}

func TestNothingIsFetchedBeforeTheNetworkIsUp(t *testing.T) {
	h := newHost(t)
	h.m.late.network = time.Hour
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte("x")) // the client tells
	}))
	defer server.Close()
	text := "write_files: [{path: /etc/far, source: {uri: '" + server.URL + "'}}]\nruncmd: ['true']\n"
	h.settle("i-1")
	r := h.start()
	r.clean(text)
	r.eventually("the commands", func() bool { return h.recorded("runcmd") != nil })
	if asked.Load() != 0 {
		t.Error("the server was asked before")
	}
	h.write(network.ReadyFile, "")
	r.applied(text, "the file", func() bool { return h.read("/etc/far") == "x" })
	if got := Preview(t.Context(), config(t, text), h.m.root); len(got) != 0 && got[0].Module == "fetch" {
		t.Errorf("still to be done is %v", got)
	}
}

func TestWhatIsFetchedIsToldBefore(t *testing.T) {
	h := newHost(t)
	text := "write_files: [{path: /etc/far, source: {uri: 'https://example.com/x?sig=1'}}, {path: /etc/b, source: {uri: 'https://example.com/x?sig=1'}}]\nssh_import_id: [gh:ann]\n"
	var got []string
	for _, c := range Preview(t.Context(), config(t, text), h.m.root) {
		if c.Module == "fetch" {
			got = append(got, c.What)
		}
	}
	if want := "fetch https://example.com/x, fetch https://github.com/ann.keys"; strings.Join(got, ", ") != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// keep has a document as if it had been fetched.
func (h *host) keep(address, text string) {
	h.write(path.Join(fetchedFolder, fetch{address: address}.name()), text)
}

// keyE is another key than keyA and keyB, which are one.
const keyE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICsSaTiyX7NMW8t0OGZK2urODrvheIz6zCryh4SniHUg e"

func TestKeysOfAccountsElsewhere(t *testing.T) {
	h := newHost(t)
	h.keep("https://github.com/ann.keys", keyA+"\n")
	h.keep("https://launchpad.net/~ben/+sshkeys", "command=\"rm\" "+keyE+" \r\n# a remark\n")
	h.clean("ssh_import_id: gh:ann\nusers: [default, {name: carl, ssh_import_id: [ben, 'lp:nobody']}]\n")
	short := func(key string) string { return strings.Join(strings.Fields(key)[:2], " ") }
	for _, user := range []string{"rancher", "docker"} {
		if got := h.read("/home/" + user + "/.ssh/authorized_keys"); !strings.Contains(got, short(keyA)+" gh:ann\n") || strings.Contains(got, short(keyE)) {
			t.Errorf("%s has the keys %q", user, got)
		}
	}
	if got := h.read("/home/carl/.ssh/authorized_keys"); !strings.Contains(got, "\n"+short(keyE)+" ben\n") || strings.Contains(got, "command") {
		t.Errorf("carl has the keys %q", got)
	}
	h.clean("ssh_import_id: []\n")
	if got := h.read("/home/rancher/.ssh/authorized_keys"); strings.Contains(got, "gh:ann") {
		t.Errorf("keys that nobody imports stay: %q", got)
	}
}

func TestKeyAddress(t *testing.T) {
	for id, want := range map[string]string{
		"gh:ann": "https://github.com/ann.keys", "github:ann": "https://github.com/ann.keys",
		"lp:ann": "https://launchpad.net/~ann/+sshkeys", "ann": "https://launchpad.net/~ann/+sshkeys",
		"gh:a/../b": "https://github.com/a%2F..%2Fb.keys", "gl:ann": "",
	} {
		if got, err := keyAddress(id); got != want || (err != nil) != (want == "") {
			t.Errorf("keyAddress(%q) = %q, %v; want %q", id, got, err, want)
		}
	}
}

func TestFetchedIsForgottenWithTheInstances(t *testing.T) {
	h := newHost(t)
	h.keep("https://example.com/", "x")
	if err := source.ForgetInstances(h.m.root); err != nil {
		t.Fatal(err)
	}
	if h.m.exists(fetchedFolder) {
		t.Error("it stays")
	}
}

// FuzzImportedKeys: whatever a server gives, only whole keys without options come
// of it, each on a line of its own.
func FuzzImportedKeys(f *testing.F) {
	f.Add([]byte(keyA + "\n" + keyB + "\n"))
	f.Add([]byte("command=\"x\",no-pty " + keyA + "\r\n"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := importedKeys(data, "gh:ann")
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, key := range keys {
			if strings.ContainsAny(key, "\n\r\"") || !strings.HasSuffix(key, " gh:ann") || len(strings.Fields(key)) != 3 {
				t.Errorf("key %q", key)
			}
		}
	})
}
