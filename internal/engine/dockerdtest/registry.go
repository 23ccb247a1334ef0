package dockerdtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Host is an address in the daemon's network that is not the loopback's, which
// Docker trusts without TLS.
const Host = "10.213.8.1"

// Registry says how a registry is run in the daemon's network. Several may have
// the same images.
type Registry struct {
	Port   string // on Host
	Images string // folder
	// Passwords is a file of htpasswd's; empty: everybody may pull and push.
	Passwords string
	// Certificate and Key are files; empty: it speaks HTTP without TLS.
	Certificate, Key string
}

// Address is what the registry is called in references.
func (r Registry) Address() string { return net.JoinHostPort(Host, r.Port) }

// Serve runs Debian's docker-registry, which ends with the test.
func (d *Daemon) Serve(tb testing.TB, r Registry) {
	tb.Helper()
	d.Network(tb)
	http := map[string]any{"addr": r.Address(), "secret": "of these tests"}
	if r.Certificate != "" {
		http["tls"] = map[string]any{"certificate": r.Certificate, "key": r.Key}
	}
	doc := map[string]any{
		"version": "0.1", "http": http, "log": map[string]any{"level": "error", "accesslog": map[string]any{"disabled": true}},
		"storage": map[string]any{"filesystem": map[string]any{"rootdirectory": r.Images}},
	}
	if r.Passwords != "" {
		doc["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "test", "path": r.Passwords}}
	}
	config, err := json.Marshal(doc) // which is YAML
	if err != nil {
		tb.Fatal(err)
	}
	path := d.Path("registry-" + r.Port + ".yml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		tb.Fatal(err)
	}
	d.serve(tb, r, path)
}

func (d *Daemon) serve(tb testing.TB, r Registry, config string) {
	tb.Helper()
	cmd := d.inside(registryProgram(tb), "serve", config)
	log, err := os.Create(config + ".log")
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			tb.Error(err)
		}
		_ = cmd.Wait()  // by the signal
		_ = log.Close() // nothing else is written
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := d.Dial(ctx, r.Address())
		if err == nil {
			_ = c.Close() // it was only to see
			return
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(config + ".log")
			tb.Fatalf("docker-registry does not answer: %v\n%s", err, text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// registryProgram is docker-registry, as it is installed or as `make deps` keeps
// it.
func registryProgram(tb testing.TB) string {
	tb.Helper()
	if path, err := exec.LookPath("docker-registry"); err == nil {
		return path
	}
	root, err := moduleRoot()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(root, "build/tools/docker-registry")
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("there is no docker-registry; `make deps` fetches it: %v", err)
	}
	return path
}

// Network gives the daemon's network the address [Host].
func (d *Daemon) Network(tb testing.TB) {
	tb.Helper()
	d.Within(tb, func() error {
		out, err := exec.Command("ip", "address", "replace", Host+"/32", "dev", "lo").CombinedOutput() //nolint:noctx // it ends at once
		if err != nil {
			return fmt.Errorf("cannot add an address: %w: %s", err, out)
		}
		return nil
	})
}

// Dial connects to an address in the daemon's network.
func (d *Daemon) Dial(ctx context.Context, address string) (net.Conn, error) {
	var conn net.Conn
	err := d.within(func() (err error) {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, "tcp", address)
		return err
	})
	return conn, err
}
