package setting

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a machine whose background runs.
type running struct {
	*host
	changed chan struct{}
	stop    func()
}

func (h *host) start() *running {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{host: h, changed: make(chan struct{}, 100)}
	var all sync.WaitGroup
	all.Go(func() {
		if err := h.m.Run(ctx, func() { r.changed <- struct{}{} }); err != nil {
			h.t.Errorf("the background ended with %v", err)
		}
	})
	r.stop = func() { cancel(); all.Wait() }
	h.t.Cleanup(r.stop)
	return r
}

// eventually waits until ok.
func (h *host) eventually(what string, ok func() bool) {
	h.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			h.t.Fatalf("%s: not within 20 s; the record is\n%s", what, h.read(RecordFile))
		case <-tick.C:
		}
	}
}

// recorded is the record of a module; nil while it runs, or has not begun.
func (h *host) recorded(name string) *ModuleRecord {
	h.t.Helper()
	record, err := ReadRecord(h.m.path(RecordFile))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range record.Modules {
		if m.Name == name && !m.Running {
			return &m
		}
	}
	return nil
}

func (h *host) script(path, text string) {
	h.t.Helper()
	h.write(path, text)
	if err := os.Chmod(h.m.path(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

// ordered is a configuration whose commands write down their order.
func (h *host) ordered() string {
	log := h.m.path("/order")
	h.script(scriptFolder+"/002", "#!/bin/sh\necho script2 >> "+log)
	h.script(scriptFolder+"/001", "echo script1 >> "+log) // does not say for whom
	h.script(startScript, "#!/bin/sh\necho start >> "+log)
	h.script(rcLocal, "#!/bin/sh\necho rc >> "+log)
	return fmt.Sprintf(`
runcmd: ["echo run1 >> %[1]s; echo said", "", [sh, -c, "echo run2 >> %[1]s; exit 3"], "echo run3 >> %[1]s"]
bootcmd: ["echo boot >> %[1]s"]
final_message: "up, $datasource"
`, log)
}

func TestCommandsRunOnceABootInTheirOrder(t *testing.T) {
	h := newHost(t)
	text := h.ordered()
	h.settle("i-1")
	h.clean(text)
	r := h.start()
	h.eventually("the end", func() bool { return h.recorded("power_state") != nil })
	h.eventually("the record says so", func() bool {
		record, err := ReadRecord(h.m.path(RecordFile))
		return err == nil && record.Finished
	})
	const want = "boot\nrun1\nrun2\nrun3\nscript1\nscript2\nstart\nrc\n"
	if got := h.read("/order"); got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
	if got := h.read(outputFile); !strings.Contains(got, "said\n") || !strings.Contains(got, "up, ") {
		t.Errorf("the log is %q", got)
	}
	if m := h.recorded("runcmd.2"); m == nil || !strings.Contains(m.Problem, "cloud-config.yml:3:") || !strings.Contains(m.Problem, "runcmd.2: it ended with exit status 3") {
		t.Errorf("the record of the command that failed is %+v", m)
	}
	if m := h.recorded("runcmd.0"); m == nil || m.Problem != "" || m.Begin <= 0 {
		t.Errorf("the record of the first command is %+v", m)
	}
	select {
	case <-r.changed:
	case <-time.After(10 * time.Second):
		t.Error("nobody was told of the command that failed")
	}
	if got := h.apply(text); !strings.Contains(got, "runcmd.2: it ended with exit status 3") {
		t.Errorf("the next application tells %q", got)
	}
	r.stop()

	again := New(h.m.root) // the controller starts again
	again.kernel, again.late.quiet = h.m.kernel, time.Millisecond
	h.m = again
	h.clean(text + "# changed\n")
	h.start()
	h.eventually("the end", func() bool { m := h.recorded("power_state"); return m != nil && len(again.late.again) == 0 })
	if got := h.read("/order"); got != want {
		t.Errorf("in the same boot it ran %q again", strings.TrimPrefix(got, want))
	}
}

// Scripts made for cloud-init know the instance, and wait for the end of the boot.
func TestCommandsKnowTheInstanceAndTheEndOfTheBoot(t *testing.T) {
	h := newHost(t)
	h.write("/var/lib/cloud/instances/i-0/boot-finished", "of the last boot\n")
	if err := os.Symlink("instances/i-0", h.m.path(cloudInstance)); err != nil {
		t.Fatal(err)
	}
	h.settle("i-1")
	h.clean(fmt.Sprintf("runcmd: ['echo $INSTANCE_ID > %s; test ! -e %s']\n", h.m.path("/id"), h.m.path(bootFinished)))
	r := h.start()
	h.eventually("the end", func() bool { return h.recorded("power_state") != nil })
	if got := h.read("/id"); got != "i-1\n" || h.recorded("runcmd.0").Problem != "" {
		t.Errorf("the command knows %q, and its record is %+v", got, h.recorded("runcmd.0"))
	}
	if got := h.read("/var/lib/cloud/instances/i-1/boot-finished"); !strings.HasSuffix(got, " - v. ros\n") || h.read(bootFinished) != got {
		t.Errorf("the boot is told to have ended by %q", got)
	}
	h.eventually("the record says so", func() bool {
		record, err := ReadRecord(h.m.path(RecordFile))
		return err == nil && record.Finished
	})
	r.stop()

	h.m = func() *Machine { m := New(h.m.root); m.kernel, m.late.quiet = h.m.kernel, time.Millisecond; return m }()
	if err := h.m.beginBoot(); err != nil || !h.m.exists(bootFinished) { // the controller starts again
		t.Errorf("in the same boot it is gone: %v", err)
	}
}

func TestCommandsOfAnInstanceRunOnceForIt(t *testing.T) {
	h := newHost(t)
	text := fmt.Sprintf("runcmd: ['echo x >> %s']\nrancher: {cloud_init: {runcmd: per-instance}}\n", h.m.path("/order"))
	for boot, want := range []string{"x\n", "x\n", "x\nx\n"} {
		h.settle([]string{"i-1", "i-1", "i-2"}[boot])
		if err := os.RemoveAll(h.m.path(bootStamps)); err != nil {
			t.Fatal(err)
		}
		h.write(RecordFile, "{}")
		h.m = func() *Machine { m := New(h.m.root); m.kernel, m.late.quiet = h.m.kernel, time.Millisecond; return m }()
		h.clean(text)
		r := h.start()
		h.eventually("the end", func() bool { return h.recorded("power_state") != nil })
		r.stop()
		if got := h.read("/order"); got != want {
			t.Errorf("after boot %d it is %q, want %q", boot+1, got, want)
		}
	}
}

func TestACommandThatNeverEndsIsKilledWithAllItStarted(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	text := fmt.Sprintf("runcmd: ['sleep 3117 & echo $! > %s; trap \"\" TERM; wait; sleep 3118', 'echo next > %s']\nrancher: {cloud_init: {command_timeout: 1}}\n",
		h.m.path("/child"), h.m.path("/next"))
	h.clean(text)
	h.start()
	h.eventually("the end", func() bool { return h.recorded("runcmd") != nil })
	if m := h.recorded("runcmd.0"); m == nil || !strings.Contains(m.Problem, "it did not end within 1s and was killed") {
		t.Errorf("the record is %+v", m)
	}
	if h.read("/next") != "next\n" {
		t.Error("the next command did not run")
	}
	child := strings.TrimSpace(h.read("/child"))
	h.eventually("the child is gone", func() bool {
		line, err := os.ReadFile("/proc/" + child + "/cmdline")
		return err != nil || !strings.Contains(string(line), "3117")
	})
}

func TestCommandsWaitForTheDatasource(t *testing.T) {
	h := newHost(t)
	text := fmt.Sprintf("runcmd: ['echo x > %s']\n", h.m.path("/ran"))
	h.clean("rancher: {debug: false}")
	h.start()
	h.eventually("the background", func() bool { return h.recorded("mounts") != nil })
	if h.m.exists("/ran") {
		t.Error("a command ran before it was there")
	}
	h.clean(text)
	h.settle("i-1")
	h.eventually("the command", func() bool { return h.recorded("runcmd") != nil && h.m.exists("/ran") })
}

func TestTheMachineGoesDownOnceForEachInstance(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	p := func(text string) *pass { return h.m.pass(config(t, text)) }
	p("power_state: {mode: reboot, condition: 'false'}").powerState(t.Context())
	if len(h.ran) != 0 {
		t.Errorf("without its condition it ran %q", h.ran)
	}
	for range 2 {
		p("power_state: {mode: poweroff, condition: 'true', message: bye}").powerState(t.Context())
	}
	if got := h.since(0); got != "signal user defined signal 2" || !strings.Contains(h.read(outputFile), "bye\n") {
		t.Errorf("ran %q, log %q", got, h.read(outputFile))
	}
}

func TestPhoneHome(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	h.write(hostKeyFolder+"/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA\n")
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		calls = append(calls, r.URL.Path+" "+r.PostForm.Encode())
		if len(calls) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	text := "hostname: box.example.com\nphone_home: {url: '" + server.URL + "/up/$INSTANCE_ID', post: [instance_id, hostname, pub_key_ed25519], tries: 2}"
	for range 2 {
		p := h.m.pass(config(t, text))
		p.phoneHome(t.Context())
		if len(p.report) != 0 {
			t.Errorf("problems %v", p.report)
		}
	}
	if want := "/up/i-1 hostname=box&instance_id=i-1&pub_key_ed25519=ssh-ed25519+AAAA"; len(calls) != 2 || calls[1] != want {
		t.Errorf("calls %q, want the second to be %q", calls, want)
	}
	h.settle("i-2")
	p := h.m.pass(config(t, "phone_home: {url: 'http://127.0.0.1:1/', tries: 1}"))
	p.phoneHome(t.Context())
	if got := lines(p.report); !strings.Contains(got, "cannot call home, tried 1 times") {
		t.Errorf("problems %q", got)
	}
}

// A command that never stops talking must not fill the disk.
func TestTheLogOfCommandsHasAnEnd(t *testing.T) {
	h := newHost(t)
	h.m.late.look = 10 * time.Millisecond
	h.settle("i-1")
	h.m.late.hand(config(t, "runcmd: ['yes 0123456789012345678901234567890123456789012345678901234567890 | head -c 30000000; sleep 1; echo the end']"))
	h.start()
	h.eventually("runcmd", func() bool { return h.recorded("runcmd") != nil })
	h.eventually("the log is short", func() bool {
		st, err := os.Stat(h.m.path(outputFile))
		return err == nil && st.Size() <= largestOutput
	})
	aside, err := os.Stat(h.m.path(outputFile + ".1"))
	if err != nil || aside.Size() != largestOutput || aside.Mode().Perm() != 0o600 {
		t.Errorf("aside is %v, %v", aside, err)
	}
	if got := h.read(outputFile) + h.read(outputFile+".1"); !strings.Contains(got, "the end\n") {
		t.Error("what was said last is lost")
	}
}
