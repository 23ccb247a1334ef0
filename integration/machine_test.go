//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Kind is the flag of `rosmachine start` for one kind of machine.
type Kind string

// The kinds of machine.
const (
	NS Kind = "--ns"
	VM Kind = "--vm"
)

// Machine is one machine under test. Its methods fail the test that it is used
// in when what they do cannot be done.
type Machine struct {
	t     *testing.T
	name  string
	kind  Kind
	flags []string

	cleaned bool // with the test
	gone    bool // before it ends
}

// NewMachine describes a machine, and says in a sentence what is intended with
// it. It is started by [Machine.Start] or [Machine.StartDegraded], and removed
// with the test.
func NewMachine(t *testing.T, kind Kind, intent string) *Machine {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, strings.TrimPrefix(t.Name(), "Test"))
	name = strings.Trim(name[:min(len(name), 40)], "-")
	t.Logf("%s: %s", name, intent)
	return &Machine{t: t, name: name, kind: kind}
}

// In is the same machine, in the hands of a subtest.
func (m *Machine) In(t *testing.T) *Machine {
	t.Helper()
	own := *m
	own.t = t
	return &own
}

// CloudConfig is the machine's user-data.
func (m *Machine) CloudConfig(text string) *Machine {
	m.t.Helper()
	return m.Flags("--cloud-config", m.file("cloud-config.yml", text))
}

// Flags adds flags to `rosmachine start`.
func (m *Machine) Flags(flags ...string) *Machine {
	m.flags = append(m.flags, flags...)
	return m
}

// file writes a file on the host that lives as long as the test.
func (m *Machine) file(name, text string) string {
	m.t.Helper()
	path := filepath.Join(m.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// Start boots the machine until it is ready.
func (m *Machine) Start() *Machine {
	m.t.Helper()
	if r := m.boot(); r.Code != 0 {
		m.t.Fatalf("the machine is not ready: exit status %d\n%s", r.Code, r.Stderr)
	}
	return m
}

// StartDegraded boots a machine that is expected to come up with problems.
func (m *Machine) StartDegraded() *Machine {
	m.t.Helper()
	if r := m.boot(); r.Code != 2 {
		m.t.Fatalf("want a degraded machine, exit status 2, got %d\n%s", r.Code, r.Stderr)
	}
	return m
}

func (m *Machine) boot(flags ...string) Result {
	m.t.Helper()
	if !m.cleaned {
		m.cleaned = true
		m.t.Cleanup(m.clean)
	}
	args := append([]string{"start", string(m.kind), "--name", m.name, "--image", shop.image}, append(m.flags, flags...)...)
	return m.rosmachine("", args...)
}

// Again starts the machine that was stopped or killed, until it is ready.
func (m *Machine) Again() {
	m.t.Helper()
	m.Must("start", "--name", m.name)
}

// Remove takes the machine away before the test ends.
func (m *Machine) Remove() {
	m.t.Helper()
	m.Must("rm", "-f", m.name)
	m.gone = true
}

// clean removes the machine, after showing what is known about a failure.
func (m *Machine) clean() {
	if m.gone {
		return
	}
	if m.t.Failed() {
		m.artifacts()
		if os.Getenv("KEEP") != "" {
			return
		}
	}
	if r := m.rosmachine("", "rm", "-f", m.name); r.Code != 0 {
		m.t.Errorf("cannot remove the machine: %s", r.Stderr)
	}
}

// artifacts prints what one would look at first.
func (m *Machine) artifacts() {
	show := func(title, text string) { m.t.Logf("--- %s\n%s", title, text) }
	lines := func(r Result) string {
		all := strings.Split(strings.TrimRight(r.Stdout+r.Stderr, "\n"), "\n")
		return strings.Join(all[max(0, len(all)-40):], "\n")
	}
	show("rosmachine list", lines(m.rosmachine("", "list")))
	show("supervisor's log", lines(m.rosmachine("", "log", "--supervisor", m.name)))
	show("console", lines(m.rosmachine("", "log", m.name))+m.crashes())
	for _, command := range []string{
		"ros status", "system-docker ps -a", "tail -n 40 /var/log/ros.log", "tail -n 20 /var/log/system-docker.log",
	} {
		show(command, lines(m.Try("init", "sh", "-c", command)))
	}
}

// Result is how a command ended.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// commandTime bounds every command; the longest is a boot under emulation.
const commandTime = 8 * time.Minute

func (m *Machine) rosmachine(stdin string, args ...string) Result {
	return m.host(stdin, append([]string{shop.program}, args...)...)
}

// host runs a command on the host.
func (m *Machine) host(stdin string, argv ...string) Result {
	return m.hostReading(strings.NewReader(stdin), argv...)
}

func (m *Machine) hostReading(stdin io.Reader, argv ...string) Result {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "ROSMACHINE_HOME="+shop.home)
	cmd.Stdin = stdin
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
	case err != nil:
		r.Code, r.Stderr = -1, r.Stderr+err.Error()
	}
	return r
}

// Must runs a command of rosmachine and returns its output.
func (m *Machine) Must(args ...string) string {
	m.t.Helper()
	r := m.rosmachine("", args...)
	if r.Code != 0 {
		m.t.Fatalf("rosmachine %s: exit status %d\n%s%s", strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Try runs a command as root in a service, "init" being outside of all.
func (m *Machine) Try(service string, argv ...string) Result {
	return m.rosmachine("", append([]string{"exec", m.name, "--in", service, "--"}, argv...)...)
}

// Exec runs a command as root in the console and returns its output without
// the last line's end.
func (m *Machine) Exec(argv ...string) string {
	m.t.Helper()
	r := m.Try("console", argv...)
	if r.Code != 0 {
		m.t.Fatalf("%s: exit status %d\n%s%s", strings.Join(argv, " "), r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimRight(r.Stdout, "\n")
}

// Sh runs a line of shell as root in the console and returns its output.
func (m *Machine) Sh(script string) string {
	m.t.Helper()
	return m.Exec("sh", "-c", script)
}

// Ros runs a command of ros and returns its output.
func (m *Machine) Ros(args ...string) string {
	m.t.Helper()
	return m.Exec(append([]string{"ros"}, args...)...)
}

// Put writes a file in the console.
func (m *Machine) Put(path, text string) {
	m.t.Helper()
	m.Must("cp", m.file("file", text), m.name+":"+path)
}

// SSH runs a command of the host's SSH client with the machine as its last
// word; options say how to log in.
func (m *Machine) SSH(options []string, command ...string) Result {
	m.t.Helper()
	argv := []string{
		"ssh", "-F", "/dev/null", "-l", "rancher", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20",
	}
	listed := m.Listed()
	if m.kind == NS {
		argv = append([]string{"nsenter", "--target", listed.pid(), "--net", "--"}, argv...)
	} else {
		_, port, _ := strings.Cut(listed.SSH, ":")
		argv = append(argv, "-p", port)
	}
	return m.host("", append(append(append(argv, options...), "127.0.0.1"), command...)...)
}
