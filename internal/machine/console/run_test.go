package console

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bench is a console that runs in a folder.
type bench struct {
	t     *testing.T
	paths paths
}

func startConsole(t *testing.T, settings Settings, cmdline string) (b *bench, stop func()) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sshd", "agetty"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	b = &bench{t: t, paths: paths{
		settings: at("console.json"), ready: at("console.ready"), namespaced: at("namespaced"),
		cmdlines: []string{at("missing"), at("cmdline")}, dev: at("dev"), keys: at("keys"),
		sshd: at("sshd"), sshdConfig: at("sshd_config"), sshdRun: at("run/sshd"),
		agetty: at("agetty"), issue: at("issue"), motd: at("motd"),
	}}
	b.write("cmdline", cmdline)
	b.set(settings)
	if err := os.MkdirAll(at("dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write("dev/tty1", "")
	b.write("dev/ttyS0", "")
	return b, b.run()
}

func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- newService(b.paths).run(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("the console ended with %v", err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) dir() string { return filepath.Dir(b.paths.settings) }

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir(), name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) set(s Settings) {
	b.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("console.json", string(data))
}

func (b *bench) gettys() []string {
	f, err := os.Open(filepath.Join(b.dir(), "getty.log"))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var lines []string
	for scan := bufio.NewScanner(f); scan.Scan(); {
		lines = append(lines, scan.Text())
	}
	return lines
}

func (b *bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(8 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			b.t.Fatalf("%s: not within 8 s", what)
		case <-tick.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func TestTheConsoleIsReadyWhenSSHDAnswers(t *testing.T) {
	port := freePort(t)
	b, stop := startConsole(t, Settings{SSH: SSH{Port: port}, Autologin: []string{"ttyS0"}}, "quiet console=ttyS0 console=hvc0\n")
	b.eventually("ready", func() bool { return exists(b.paths.ready) })
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if !answers(t.Context(), address) {
		t.Error("ready before sshd answers")
	}
	b.eventually("both gettys", func() bool { return len(b.gettys()) == 2 })
	text := strings.Join(b.gettys(), "\n")
	if !strings.Contains(text, "--noclear tty1 linux") || !strings.Contains(text, "--autologin rancher --local-line --keep-baud ttyS0") {
		t.Errorf("gettys:\n%s", text)
	}
	if text, err := os.ReadFile(b.paths.issue); err != nil || !strings.Contains(string(text), "ssh-ed25519 SHA256:") {
		t.Errorf("issue is %q, %v", text, err)
	}
	stop()
	if exists(b.paths.ready) || answers(t.Context(), address) {
		t.Errorf("after the stop: ready %v, sshd answers %v", exists(b.paths.ready), answers(t.Context(), address))
	}
}

func TestAnotherPortStartsOnlySSHDAnew(t *testing.T) {
	first, second := freePort(t), freePort(t)
	b, _ := startConsole(t, Settings{SSH: SSH{Port: first}}, "console=ttyS0")
	b.eventually("both gettys and sshd", func() bool { return len(b.gettys()) == 2 && exists(b.paths.ready) })
	b.set(Settings{SSH: SSH{Port: second}})
	b.eventually("sshd on the new port", func() bool {
		return answers(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(second)))
	})
	if answers(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(first))) {
		t.Error("sshd still answers on the old port")
	}
	if got := b.gettys(); len(got) != 2 {
		t.Errorf("gettys were started again: %q", got)
	}
}

func TestWithoutSSHDTheConsoleIsReadyToo(t *testing.T) {
	b, _ := startConsole(t, Settings{SSH: SSH{Disabled: true}}, "console=ttyS0")
	b.eventually("ready", func() bool { return exists(b.paths.ready) })
	if exists(b.paths.sshdConfig) {
		t.Error("sshd was configured")
	}
}

func TestInNamespacesNoTerminalOfTheHostIsTaken(t *testing.T) {
	b, stop := startConsole(t, Settings{SSH: SSH{Disabled: true}}, "console=ttyS0")
	b.eventually("ready", func() bool { return exists(b.paths.ready) })
	stop()
	before := len(b.gettys())
	b.write("namespaced", "")
	stop = b.run()
	b.eventually("ready", func() bool { return exists(b.paths.ready) })
	stop()
	if got := b.gettys(); len(got) != before {
		t.Errorf("gettys ran: %q", got)
	}
}
