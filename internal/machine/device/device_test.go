package device

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/renameio/v2"

	"github.com/ros-os/ros/internal/golden"
)

// TestMain is also the udevd, udevadm and chronyd of these tests, when it is
// called by such a name. Each writes its arguments beside itself.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "udevd", "chronyd":
		os.Exit(fakeDaemon())
	case "udevadm":
		os.Exit(note())
	}
	os.Exit(m.Run())
}

func fakeDaemon() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if note() != 0 || os.WriteFile(filepath.Join(filepath.Dir(os.Args[0]), "control"), nil, 0o600) != nil {
		return 1
	}
	<-term
	return 0
}

func note() int {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(os.Args[0]), "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	if _, err := fmt.Fprintln(f, filepath.Base(os.Args[0]), strings.Join(os.Args[1:], " ")); err != nil {
		return 1
	}
	if len(os.Args) > 1 && exists(filepath.Join(filepath.Dir(os.Args[0]), "fail-"+os.Args[1])) {
		return 1
	}
	return 0
}

type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{t: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"udevd", "udevadm", "chronyd"} {
		if err := os.Symlink(self, b.at(name)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b bench) at(name string) string { return filepath.Join(b.dir, name) }

// write replaces a file in one instant, as those do who write it on a machine.
func (b bench) write(name, text string) {
	b.t.Helper()
	if err := renameio.WriteFile(b.at(name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// log is what programs ran, with the folder taken out.
func (b bench) log() string {
	data, err := os.ReadFile(b.at("log"))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(data), b.dir+"/", "")
}

func (b bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(8 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			b.t.Fatalf("%s: not within 8 s; ran\n%s", what, b.log())
		case <-tick.C:
		}
	}
}

// start runs a service; stop ends it and gives its error.
func (b bench) start(run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var result error
	done := false
	stop = func() error {
		if !done {
			done = true
			cancel()
			result = <-ended
		}
		return result
	}
	b.t.Cleanup(func() { _ = stop() }) // tests that care look at it
	return stop
}

func (b bench) udev() udev {
	return udev{
		udevd: b.at("udevd"), udevadm: b.at("udevadm"), control: b.at("control"),
		ready: b.at("udev.ready"), namespaced: b.at("namespaced"), mediaPoll: b.at("poll"), processors: time.Millisecond,
	}
}

func TestUdevIsReadyWhenTheDevicesAreSetUp(t *testing.T) {
	b := newBench(t)
	b.write("udev.ready", "") // of a run that was killed
	stop := b.start(b.udev().run)
	want := fmt.Sprintf("udevd --children-max=%d\n", workers()) +
		"udevadm trigger --type=devices --action=add --prioritized-subsystem=block,net --subsystem-nomatch=cpu --subsystem-nomatch=" + strings.Join(inert, " --subsystem-nomatch=") + "\nudevadm settle --timeout=30\n" + "udevadm trigger --action=add --subsystem-match=cpu\n"
	b.eventually("ready", func() bool { return b.log() == want && exists(b.at("udev.ready")) })
	if err := stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if exists(b.at("udev.ready")) {
		t.Error("ready is left behind")
	}
}

func TestNewMediaAreLookedForUnlessSomebodyChoseOtherwise(t *testing.T) {
	for text, want := range map[string]string{"0\n": "2000", "500\n": "500\n"} {
		b := newBench(t)
		b.write("poll", text)
		b.start(b.udev().run)
		b.eventually("ready", func() bool { return exists(b.at("udev.ready")) })
		if got, err := os.ReadFile(b.at("poll")); err != nil || string(got) != want {
			t.Errorf("%q became %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestASlowDeviceDoesNotHoldUpUdev(t *testing.T) {
	b := newBench(t)
	b.write("fail-settle", "")
	b.start(b.udev().run)
	b.eventually("ready", func() bool { return exists(b.at("udev.ready")) })
}

func TestUdevEndsWithAnErrorWhenDevicesCannotBeSetUp(t *testing.T) {
	b := newBench(t)
	b.write("fail-trigger", "")
	err := b.udev().run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cannot set up the devices: cannot run udevadm trigger") {
		t.Errorf("it ended with %v", err)
	}
}

func TestInNamespacesUdevTouchesNoDevice(t *testing.T) {
	b := newBench(t)
	b.write("namespaced", "")
	stop := b.start(b.udev().run)
	b.eventually("ready", func() bool { return exists(b.at("udev.ready")) })
	if err := stop(); err != nil || b.log() != "" || exists(b.at("udev.ready")) {
		t.Errorf("it ended with %v, ran %q, ready %v", err, b.log(), exists(b.at("udev.ready")))
	}
}

func TestChronyConf(t *testing.T) {
	golden.Equal(t, "testdata/chrony.conf", chronyConf("/var/lib/chrony", Time{}, []string{"10.0.2.4"}, false))
	golden.Equal(t, "testdata/chrony.conf.namespaced", chronyConf("/var/lib/chrony", Time{}, nil, true))
}

func TestChronyConfTakesTheServersOfTheConfiguration(t *testing.T) {
	conf := chronyConf("/var/lib/chrony", Time{
		Servers: []string{"a.example.com", "b\nallow all"}, Pools: []string{"p.example.com"}, Allow: []string{"10.0.0.0/8"},
	}, nil, false)
	for _, want := range []string{"pool p.example.com iburst\n", "server a.example.com iburst\n", "allow 10.0.0.0/8\n"} {
		if !strings.Contains(conf, want) {
			t.Errorf("there is no %q in\n%s", want, conf)
		}
	}
	if strings.Contains(conf, "debian") || strings.Contains(conf, "allow all") {
		t.Errorf("the configuration is\n%s", conf)
	}
}

func TestChronydTakesTheServersOfTheConfiguration(t *testing.T) {
	b := newBench(t)
	b.write("ntp.json", `{"servers": ["10.9.9.9"]}`)
	stop := b.start(b.ntp().keep)
	b.eventually("chronyd", func() bool { return strings.Count(b.log(), "chronyd -d -u ") == 1 })
	if conf, err := os.ReadFile(b.at("chrony.conf")); err != nil || !strings.Contains(string(conf), "server 10.9.9.9 iburst") {
		t.Errorf("chrony.conf is %q, %v", conf, err)
	}
	b.write("ntp.json", `{"disabled": true}`)
	b.write("ntp.json", `{"servers": ["10.8.8.8"]}`)
	b.eventually("chronyd anew", func() bool { return strings.Count(b.log(), "chronyd -d -u ") == 2 })
	if err := stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func (b bench) ntp() ntp {
	return ntp{
		chronyd: b.at("chronyd"), conf: b.at("chrony.conf"), state: b.at("state"), run: b.at("run"),
		namespaced: b.at("namespaced"), network: b.at("status.json"), settings: b.at("ntp.json"),
	}
}

func TestChronydTakesTheServersThatDHCPGives(t *testing.T) {
	b := newBench(t)
	stop := b.start(b.ntp().keep)
	b.eventually("chronyd", func() bool { return strings.Count(b.log(), "chronyd -d -u ") == 1 })
	b.write("status.json", `{"ready": true}`) // tells nothing of time
	b.write("status.json", `{"ntp": ["10.0.2.4", "evil\nserver x"]}`)
	b.eventually("chronyd anew", func() bool { return strings.Count(b.log(), "chronyd -d -u ") == 2 })
	conf, err := os.ReadFile(b.at("chrony.conf"))
	if err != nil || !strings.Contains(string(conf), "\nserver 10.0.2.4 iburst prefer\n") || strings.Contains(string(conf), "evil") {
		t.Errorf("chrony.conf is %q, %v", conf, err)
	}
	if err := stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAChronydThatWasKilledIsInNobodysWay(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(b.at("run"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.write("run/chronyd.pid", "1\n")
	b.start(b.ntp().keep)
	b.eventually("chronyd", func() bool { return strings.Contains(b.log(), "chronyd -d -u ") })
	if exists(b.at("run/chronyd.pid")) {
		t.Error("its number is still there")
	}
}

func TestInNamespacesChronydLeavesTheClockAlone(t *testing.T) {
	b := newBench(t)
	b.write("namespaced", "")
	b.start(b.ntp().keep)
	b.eventually("chronyd", func() bool { return strings.HasSuffix(b.log(), "-f chrony.conf -x\n") })
}

func TestAStatusThatCannotBeReadStopsNoClock(t *testing.T) {
	b := newBench(t)
	b.write("status.json", "{")
	b.start(b.ntp().keep)
	b.eventually("chronyd", func() bool { return strings.Contains(b.log(), "chronyd -d") })
}
