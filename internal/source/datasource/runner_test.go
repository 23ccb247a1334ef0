package datasource

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/pin"
	"github.com/ros-os/ros/internal/source"
)

// desk is a machine whose datasources are asked.
type desk struct {
	t       *testing.T
	root    string
	runner  *Runner
	changed atomic.Int32
	stop    func()
}

func quietLog() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func newDesk(t *testing.T, root string, sources string) *desk {
	t.Helper()
	d := &desk{t: t, root: root, runner: New(Options{Root: root, Log: quietLog()})}
	d.put(source.CloudConfigFile, "#cloud-config\nrancher: {cloud_init: {datasources: ["+sources+"]}}\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.runner.Run(ctx, func() { d.changed.Add(1); d.want() }); err != nil {
			t.Error(err)
		}
	}()
	d.stop = func() { cancel(); <-ended }
	d.want()
	return d
}

// want is what the controller does at each reading of the layers.
func (d *desk) want() {
	layers, _ := source.Layers(d.root)
	d.runner.Want(layers)
}

func (d *desk) put(file, text string) {
	d.t.Helper()
	path := filepath.Join(d.root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// reboot forgets what a reboot forgets.
func (d *desk) reboot() {
	d.t.Helper()
	d.stop()
	if err := os.RemoveAll(filepath.Join(d.root, "run")); err != nil {
		d.t.Fatal(err)
	}
}

// stands fails the test unless the machine stands as it should.
func (d *desk) stands(state, hostname string, cached bool) {
	d.t.Helper()
	record, err := source.ReadRecord(d.root)
	cfg, _ := source.Load(d.root)
	if err != nil || record.State != state || cfg.Hostname != hostname || record.Cached != cached {
		d.t.Errorf("state %q, host name %q, cached %v, %v; want %q, %q, %v", record.State, cfg.Hostname, record.Cached, err, state, hostname, cached)
	}
}

func TestWithoutADatasourceAMachineIsSettledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "'*', ec2")
		defer d.stop()
		synctest.Wait()
		d.stands(source.Settled, "", false)
		folder, settled := source.Instance(d.root)
		if !settled || folder != source.InstancesDir+"/default" {
			t.Errorf("instance %q", folder)
		}
		time.Sleep(time.Hour)
		if n := d.changed.Load(); n != 1 {
			t.Errorf("a change was told %d times", n)
		}
	})
}

func TestWhatADatasourceSaidIsUsedWhenItDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		d := newDesk(t, root, "'file:/seed'")
		d.put("/seed", "#cloud-config\nhostname: first\n")
		time.Sleep(time.Second)
		d.stands(source.Settled, "first", false)

		d.reboot()
		if err := os.Remove(filepath.Join(root, "seed")); err != nil {
			t.Fatal(err)
		}
		d = newDesk(t, root, "'file:/seed'")
		defer func() { d.stop() }()
		time.Sleep(cachePatience - time.Second)
		d.stands(source.Asking, "", false)
		time.Sleep(2 * time.Second)
		d.stands(source.Asking, "first", true)
		time.Sleep(defaultLimit)
		d.stands(source.Failed, "first", true)
		if p := source.RecordProblems(root); len(p) != 1 || p.Err() != nil || !strings.Contains(p[0].Msg, "does not answer") {
			t.Errorf("problems %v, want a warning", p)
		}

		d.put("/seed", "#cloud-config\nhostname: second\n") // it comes after all
		time.Sleep(again + againLimit)
		d.stands(source.Settled, "second", false)
	})
}

func TestADatasourceThatNeverAnswersIsAskedOnInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "'file:/seed'")
		defer d.stop()
		time.Sleep(time.Second)
		d.stands(source.Asking, "", false)
		time.Sleep(defaultLimit)
		d.stands(source.Failed, "", false)
		if p := source.RecordProblems(d.root); p.Err() == nil || !strings.Contains(p[0].Msg, "file:/seed") {
			t.Errorf("problems %v, want an error that names it", p)
		}
		time.Sleep(time.Hour)
		d.put("/seed", "#cloud-config\nhostname: late\n")
		time.Sleep(again + againLimit)
		d.stands(source.Settled, "late", false)
	})
}

func TestANewInstanceIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		for _, id := range []string{"one", "one", "two/../x"} {
			before := desk{t: t, root: root}
			before.put("/s/meta-data", "instance-id: "+id+"\n")
			before.put("/run/ros/cmdline", "ds=nocloud;s=file:///s/")
			d := newDesk(t, root, "")
			d.runner.NetworkUp()
			time.Sleep(time.Minute)
			folder, _ := source.Instance(root)
			want := source.InstancesDir + "/" + strings.ReplaceAll(id, "/", "%2F")
			if folder != want {
				t.Errorf("instance %q, want %q", folder, want)
			}
			if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
				t.Error(err)
			}
			d.reboot()
		}
	})
}

func TestADiskIsNotOvertakenByTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		if err := source.SaveSeed(root, "nocloud", source.Seed{UserData: []byte("#cloud-config\nhostname: disk\n")}); err != nil {
			t.Fatal(err)
		}
		if err := source.SaveRecord(root, source.Record{State: source.Settled, Source: "nocloud", Disk: true}); err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, root, "'file:/seed'")
		d.put("/seed", "#cloud-config\nhostname: other\n")
		defer d.stop()
		time.Sleep(time.Hour)
		d.stands(source.Settled, "disk", false)
	})
}

// bootWithDisk is the machine as PID 1 hands it over, with a disk that names an
// address for the rest.
func bootWithDisk(t *testing.T, root, id string) *desk {
	t.Helper()
	record, err := source.SaveDisk(root, "nocloud", source.Seed{
		MetaData: []byte("instance-id: " + id + "\nseedfrom: file:///s/\n"), UserData: []byte("#cloud-config\nhostname: disk\n"),
	})
	if err == nil {
		err = source.SaveRecord(root, record)
	}
	if err != nil {
		t.Fatal(err)
	}
	return newDesk(t, root, "'file:/other'")
}

func TestADiskLeadsToAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		d := bootWithDisk(t, root, "one")
		d.put("/other", "#cloud-config\nhostname: other\n")
		d.put("/s/user-data", "#cloud-config\nhostname: rest\n")
		synctest.Wait()
		d.stands(source.Asking, "disk", false)
		d.runner.NetworkUp()
		time.Sleep(time.Second)
		d.stands(source.Settled, "rest", false)
		if folder, settled := source.Instance(root); !settled || folder != source.InstancesDir+"/one" {
			t.Errorf("instance %q, settled %v", folder, settled)
		}

		d.reboot() // and the address does not answer
		if err := os.RemoveAll(filepath.Join(root, "s")); err != nil {
			t.Fatal(err)
		}
		d = bootWithDisk(t, root, "one")
		time.Sleep(networkPatience + cachePatience)
		d.stands(source.Failed, "rest", true)

		d.reboot()
		d = bootWithDisk(t, root, "two") // what the first instance was told is not for this one
		defer func() { d.stop() }()
		time.Sleep(networkPatience + cachePatience)
		d.stands(source.Failed, "disk", false)
		if p := source.RecordProblems(root); p.Err() == nil || !strings.Contains(p[0].Msg, "nocloud: file:///s/ has neither meta-data nor user-data") {
			t.Errorf("problems %v", p)
		}
		d.put("/s/user-data", "#cloud-config\nhostname: late\n")
		time.Sleep(again + againLimit)
		d.stands(source.Settled, "late", false)
	})
}

func TestAnotherConfigurationAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "")
		defer d.stop()
		synctest.Wait()
		d.stands(source.Settled, "", false)
		d.put("/seed", "#cloud-config\nhostname: late\n")
		d.put(source.CloudConfigFile, "rancher: {cloud_init: {datasources: ['file:/seed']}}\n")
		d.want()
		synctest.Wait()
		d.stands(source.Settled, "late", false)
	})
}

// What user-data includes is fetched, through several servers' faults.
func TestIncludesAreFetched(t *testing.T) {
	var server *httptest.Server
	root := t.TempDir()
	asked := map[string]int{}
	const pinned = "#cloud-config\nrancher: {debug: true}\n"
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		if _, settled := source.Instance(root); settled && asked[r.URL.Path] == 1 {
			t.Error("what is done once begins before all is there")
		}
		text := map[string]string{
			"/user-data": "#include\n" + server.URL + "/a\n" + server.URL + "/list?token=secret\n" + server.URL + "/login\n" +
				server.URL + "/b#sha256=" + pin.Sum([]byte(pinned)) + "\n" + server.URL + "/b#sha256=" + pin.Sum(nil) + "\n",
			"/a":      "#cloud-config\nhostname: a\n",
			"/b":      pinned,
			"/list":   "#include " + server.URL + "/script\n" + server.URL + "/list?token=secret\n",
			"/script": "#!/bin/sh\necho hello\n",
			"/login":  "<html>",
		}[r.URL.Path]
		if r.URL.Path == "/script" && asked[r.URL.Path] == 1 {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprint(w, text) // the client tells
	}))
	defer server.Close()
	d := newDesk(t, root, "'url:"+server.URL+"/user-data'")
	defer d.stop()
	d.runner.NetworkUp()
	deadline := time.After(5 * time.Second)
	for {
		if _, settled := source.Instance(root); settled {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the includes do not come")
		case <-time.After(10 * time.Millisecond):
		}
	}
	reading := source.Read(d.root)
	cfg, report := reading.Load()
	if cfg.Hostname != "a" || !cfg.Rancher.Debug {
		t.Errorf("host name %q, debug %t", cfg.Hostname, cfg.Rancher.Debug)
	}
	if scripts := reading.Scripts(); len(scripts) != 1 || !strings.Contains(scripts[0].From, "part 2.1 from "+server.URL+"/script") {
		t.Errorf("scripts %v", scripts)
	}
	told := fmt.Sprint(report, source.RecordProblems(d.root))
	for _, want := range []string{"includes itself", "an HTML page", "/login", "as it is pinned"} {
		if !strings.Contains(told, want) {
			t.Errorf("problems %s, want %q", told, want)
		}
	}
	if strings.Contains(told, "secret") {
		t.Errorf("problems %s show a secret", told)
	}
}

func TestTheDatasourceDoesNotDecideWhetherItIsAsked(t *testing.T) {
	r := New(Options{Root: t.TempDir()})
	l, _ := cloudconfig.ParseLayer("user-data", "user-data", []byte("rancher: {cloud_init: {datasources: [ec2], allow_http: true}}"))
	r.Want([]cloudconfig.Layer{l})
	if want, _ := r.wanted(); want.allowHTTP || len(want.sources) > 0 {
		t.Errorf("wanted is %v", want)
	}
}
