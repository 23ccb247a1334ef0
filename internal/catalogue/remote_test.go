package catalogue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
)

// noon is when the copies of these tests were made.
var noon = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

// copies puts copies of documents into a machine's cache.
func copies(t *testing.T, root string, documents map[string]string) {
	t.Helper()
	for address, text := range documents {
		if err := (Cache{root}).Put(NewCopy(address, []byte(text), noon)); err != nil {
			t.Fatal(err)
		}
	}
}

func config(t *testing.T, text string) cloudconfig.Config {
	t.Helper()
	layer, report := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml", []byte(text))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	cfg, report := cloudconfig.Merge(layer).Config()
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

const repositories = "rancher:\n  repositories:\n    alpha: {url: https://a.example}\n    beta: {url: https://b.example/x/}\n"

func TestADefinitionComesFromTheFirstThatHasIt(t *testing.T) {
	const (
		alphaIndex, betaIndex = "https://a.example/index.yml", "https://b.example/x/index.yml"
		alpha, beta           = "https://a.example/n/nfs.yml", "https://b.example/x/n/nfs.yml"
	)
	why := func(string) (string, bool) { return "it does not come", false }
	for _, row := range []struct {
		name   string
		cached map[string]string
		file   string // one of the user's
		want   string // the image, "" for none
		report string
	}{
		{"nothing is known yet", nil, "", "", "error: it does not come"},
		{"a file of the user's hides repositories", map[string]string{alpha: "nfs: {image: a}"}, "nfs: {image: file}", "file", ""},
		{"the first repository counts", map[string]string{alpha: "nfs: {image: a}", beta: "nfs: {image: b}"}, "", "a", ""},
		{"the first has no such service", map[string]string{alphaIndex: "services: []", betaIndex: "services: [nfs]", beta: "nfs: {image: b}"}, "", "b", ""},
		{"the first has none any more, the second does", map[string]string{alphaIndex: "services: []", alpha: "nfs: {image: a}", betaIndex: "services: [nfs]", beta: "nfs: {image: b}"}, "", "b", ""},
		{"what the second had will do until the first is asked", map[string]string{betaIndex: "services: [nfs]", beta: "nfs: {image: b}"}, "", "b", ""},
		{"a repository that is gone ends nothing", map[string]string{alphaIndex: "services: []", betaIndex: "services: []", beta: "nfs: {image: b}"}, "", "b", "warning: is in no repository any more: the copy of " + beta + " is used"},
		{"no repository has it", map[string]string{alphaIndex: "services: []", betaIndex: "services: [nfsd]"}, "", "", `error: there is no service file nfs.yml in /usr/share/ros/services or /var/lib/rancher/conf, and no repository has such a service (did you mean "nfsd"?)`},
		{"the copy is listed and not there", map[string]string{alphaIndex: "services: [nfs]", betaIndex: "services: []"}, "", "", "error: it does not come"},
		{"the copy is not YAML", map[string]string{alpha: "nfs: {"}, "", "", "error: is not valid YAML"},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			copies(t, root, row.cached)
			if row.file != "" {
				root = machine(t, map[string]string{"/var/lib/rancher/conf/nfs.yml": row.file})
			}
			loaded := Load(config(t, repositories+"  services_include: {nfs: true}\n"), Options{Root: root, Why: why})
			documents, report := loaded.Documents, loaded.Report
			got := ""
			if doc, found := documents["nfs"]; found {
				got = doc.Lookup("nfs", "image").Value
			}
			if got != row.want {
				t.Errorf("image %q, want %q", got, row.want)
			}
			if told := told(report); !strings.HasPrefix(told, row.report) || row.report == "" && told != "" {
				t.Errorf("report %q, want %q", told, row.report)
			}
		})
	}
}

// told is what a report says, without the places.
func told(report cloudconfig.Report) string {
	var lines []string
	for _, p := range report {
		line := p.Severity.String() + ": " + p.Msg
		if p.Hint != "" {
			line += " (" + p.Hint + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestAnAddressIsAKey(t *testing.T) {
	const address, other = "https://u:secret@c.example/web.yml", "http://c.example/web.yml"
	text := "web:\n  image: x\n"
	for _, row := range []struct{ name, key, want, report string }{
		{"what is there is used", address, "x", ""},
		{"the pinned version is used", address + "#sha256=" + strings.ToUpper(pin.Sum([]byte(text))), "x", ""},
		{"another version than the pinned one is not", address + "#sha256=" + pin.Sum([]byte("y")), "", "error: no"},
		{"without encryption there is a warning", other, "x", "warning: http://c.example/web.yml is fetched without encryption: anybody on the way can change it (use https, or pin it: what is there now has the SHA-256 " + pin.Sum([]byte(text)) + ")"},
		{"pinned there is none", other + "#sha256=" + pin.Sum([]byte(text)), "x", ""},
		{"a sum that is none", other + "#sha256=12", "", "error: what follows #sha256= is not a SHA-256 sum"},
		{"another fragment", other + "#top", "", "error: nothing but sha256= may follow a #"},
		{"another scheme", "file:///etc/shadow", "", "error: is not an address of the web: it has to begin with https:// or http:// and a host"},
		{"no host", "https:///x.yml", "", "error: is not an address of the web: it has to begin"},
		{"not an address at all", "https://[x/", "", "error: is not an address of the web"},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			copies(t, root, map[string]string{address: text, other: text})
			loaded := Load(include(t, `"`+row.key+`": true`), Options{Root: root, Why: func(string) (string, bool) { return "no", false }})
			documents, report := loaded.Documents, loaded.Report
			got := ""
			if doc, found := documents[row.key]; found {
				got = doc.Lookup("web", "image").Value
				if pos := doc.Pos(doc.Lookup("web", "image")).String(); strings.Contains(pos, "secret") || !strings.HasSuffix(pos, "web.yml:2:10") {
					t.Errorf("position %s", pos)
				}
			}
			if told := told(report); got != row.want || !strings.HasPrefix(told, row.report) || row.report == "" && told != "" {
				t.Errorf("image %q, report %q", got, told)
			}
		})
	}
}

func TestWhatIsStillToComeIsWaitedForAndNoProblem(t *testing.T) {
	root := t.TempDir()
	copies(t, root, map[string]string{"https://a.example/n/nfs.yml": "nfs: {image: a}"})
	cfg := config(t, repositories+`  services_include:
    nfs: true
    ntp: true
    zfs: false
    /var/lib/rancher/conf/none.yml: true
    "https://u:secret@c.example/web.yml": true
    "https://c.example/gone.yml": true
`)
	asked := map[string]string{"ntp": "no route", "https://u:secret@c.example/web.yml": ""}
	loaded := Load(cfg, Options{Root: root, Why: func(key string) (string, bool) {
		why, waits := asked[key]
		if !waits {
			return key + ": 404 Not Found", false
		}
		return why, true
	}})
	documents, waiting, report := loaded.Documents, loaded.Waiting, loaded.Report
	if len(documents) != 1 || documents["nfs"].Root == nil {
		t.Errorf("documents %v", documents)
	}
	want := []Waiting{{Key: "https://u:xxxxx@c.example/web.yml"}, {Key: "ntp", Why: "no route"}}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := told(report), "error: there is no such file\nerror: https://c.example/gone.yml: 404 Not Found"; got != want {
		t.Errorf("report %q, want %q", got, want)
	}
}

func TestARepositoryCanPinAndBeWrong(t *testing.T) {
	root := t.TempDir()
	copies(t, root, map[string]string{"https://a.example/n/nfs.yml": "nfs: {image: a}", "https://a.example/n/ntp.yml": "ntp: {image: a}"})
	cfg := config(t, `rancher:
  repositories:
    a:
      url: https://a.example
      sha256: {nfs: `+pin.Sum([]byte("nfs: {image: a}"))+", ntp: "+pin.Sum([]byte("else"))+`}
    b: {url: "ftp://b.example"}
    c: {url: "https://c.example#sha256=`+pin.Sum(nil)+`"}
  services_include: {nfs: true, ntp: true}
`)
	loaded := Load(cfg, Options{Root: root})
	documents, report := loaded.Documents, loaded.Report
	if len(documents) != 1 || documents["nfs"].Root == nil {
		t.Errorf("documents %v", documents)
	}
	var got []string
	for _, p := range report {
		got = append(got, p.String())
	}
	want := []string{
		"cloud-config.yml:6:14: rancher.repositories.b.url: is not an address of the web: it has to begin with https:// or http:// and a host (such as https://services.example.com)",
		"cloud-config.yml:7:14: rancher.repositories.c.url: is of a folder, which has no sum (such as https://services.example.com)",
		"cloud-config.yml:8:38: warning: rancher.services_include.ntp: https://a.example/n/ntp.yml has not been fetched yet: what it says is not checked (ros service enable fetches it)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListShowsWhatRepositoriesHave(t *testing.T) {
	root := machine(t, map[string]string{"/usr/share/ros/services/nfs.yml": "nfs: {image: nfs}\n"})
	copies(t, root, map[string]string{
		"https://a.example/index.yml":   "services: [nfs, zfs, smb]\nengines: [docker-1]\n",
		"https://b.example/x/index.yml": "services: [smb, ../up, waagent]\n",
		"https://a.example/z/zfs.yml":   "zfs: {image: x}\n",
	})
	cfg := config(t, repositories)
	entries, err := List(root, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Name: "nfs", File: "/usr/share/ros/services/nfs.yml"},
		{Name: "smb", Repository: "alpha", URL: "https://a.example/s/smb.yml"},
		{Name: "waagent", Repository: "beta", URL: "https://b.example/x/w/waagent.yml"},
		{Name: "zfs", Repository: "alpha", URL: "https://a.example/z/zfs.yml", Copied: noon},
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	states := States(root, cfg)
	if len(states) != 2 || !states[0].Checked.Equal(noon) || states[1].URL != "https://b.example/x/" {
		t.Errorf("states %+v", states)
	}
}

func TestNamesThatAreNoneReachNoRepository(t *testing.T) {
	r, report := Repositories(config(t, repositories))
	if len(r) != 2 || report != nil {
		t.Fatal(r, report)
	}
	for _, name := range []string{"../x", "..", ".x", "", "a/b", "a b", "a%2fb", "ä", "a\n", strings.Repeat("x", 200), "a?b", "a#b"} {
		if ref, ok := r[0].Definition(name); ok {
			t.Errorf("%q leads to %s", name, ref.URL)
		}
	}
	if ref, ok := r[1].Definition("nfs-4.1_x"); !ok || ref.URL != "https://b.example/x/n/nfs-4.1_x.yml" {
		t.Errorf("got %v, %v", ref, ok)
	}
}

func TestACopyIsWhatWasWrittenOrNone(t *testing.T) {
	root := t.TempDir()
	cache := Cache{root}
	const address = "https://a.example/n/nfs.yml"
	p := NewCopy(address, []byte("nfs: {}\n"), noon)
	p.ETag = "\"1\nx: y\""
	if err := cache.Put(p); err != nil {
		t.Fatal(err)
	}
	got, found := cache.Get(address)
	if diff := cmp.Diff(p, got); !found || diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	file := cache.file(address)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole { // every way to be cut short
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, found := cache.Get(address); found {
			t.Fatalf("%d of %d bytes are taken for the copy", n, len(whole))
		}
	}
	if err := os.WriteFile(file, append(slices.Clone(whole), 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found := cache.Get(address); found {
		t.Error("a changed copy is taken for it")
	}
	if err := cache.Put(NewCopy(address, make([]byte, MaxSize+1), noon)); err == nil {
		t.Error("a copy of any size is kept")
	}
}

func TestOldCopiesGoWhenNobodyWantsThem(t *testing.T) {
	root := t.TempDir()
	cache := Cache{root}
	if err := cache.Prune(nil, noon); err != nil { // no folder yet
		t.Fatal(err)
	}
	copies(t, root, map[string]string{"https://a.example/old.yml": "a", "https://a.example/wanted.yml": "b", "https://a.example/new.yml": "c"})
	touch := func(file string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for address, age := range map[string]time.Duration{"https://a.example/old.yml": 2 * stale, "https://a.example/wanted.yml": 2 * stale, "https://a.example/new.yml": time.Hour} {
		if err := os.Chtimes(cache.file(address), noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	touch(filepath.Join(cache.folder(), ".abc.yml.1.tmp"), 2*time.Hour)
	touch(filepath.Join(cache.folder(), ".abc.yml.2.tmp"), time.Minute)
	touch(filepath.Join(cache.folder(), "0123456789abcdef0123456789abcdef"), 2*stale) // RancherOS's
	if err := cache.Prune(func(address string) bool { return strings.Contains(address, "wanted") }, noon); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(cache.folder())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := []string{
		filepath.Base(cache.file("https://a.example/wanted.yml")), filepath.Base(cache.file("https://a.example/new.yml")),
		".abc.yml.2.tmp", "0123456789abcdef0123456789abcdef",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
