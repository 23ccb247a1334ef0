package console

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/ros-os/ros/internal/golden"
)

// TestMain is also the sshd and the agetty of these tests, when it is called by
// such a name.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "sshd":
		os.Exit(fakeSSHD(os.Args[len(os.Args)-1]))
	case "agetty":
		os.Exit(fakeGetty())
	}
	os.Exit(m.Run())
}

// fakeSSHD greets on the port of its configuration until it is told to end.
func fakeSSHD(config string) int {
	text, err := os.ReadFile(config)
	if err != nil {
		return 1
	}
	port := ""
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "Port "); ok {
			port = value
		}
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		return 1
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return 1
		}
		if _, err := conn.Write([]byte("SSH-2.0-test\r\n")); err != nil {
			return 1
		}
		if err := conn.Close(); err != nil {
			return 1
		}
	}
}

// fakeGetty writes its arguments beside itself and waits for its end.
func fakeGetty() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	f, err := os.OpenFile(filepath.Join(filepath.Dir(os.Args[0]), "getty.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	if _, err := fmt.Fprintln(f, strings.Join(os.Args[1:], " ")); err != nil {
		return 1
	}
	<-term
	return 0
}

func TestSSHDConfig(t *testing.T) {
	keys := []hostKey{{Path: "/var/lib/rancher/ssh/ssh_host_ed25519_key"}, {Path: "/var/lib/rancher/ssh/ssh_host_rsa_key"}}
	golden.Equal(t, "testdata/sshd_config.default", sshdConfig(SSH{}, keys[:1]))
	golden.Equal(t, "testdata/sshd_config.port", sshdConfig(SSH{Port: 2222, ListenAddress: "10.0.0.2"}, keys))
}

func TestWhoMayLogInOverSSH(t *testing.T) {
	config := sshdConfig(SSH{Users: []string{"ann", "b\nPermitRootLogin yes", "*"}, Root: true, Passwords: true}, nil)
	for _, want := range []string{"\nAllowUsers rancher docker ann root\n", "\nPermitRootLogin prohibit-password\n", "\nPasswordAuthentication yes\n"} {
		if !strings.Contains(config, want) {
			t.Errorf("there is no %q in\n%s", want, config)
		}
	}
	if strings.Contains(config, "PermitRootLogin yes") {
		t.Errorf("a name became a line of its own:\n%s", config)
	}
}

func TestListenAddressAndProbe(t *testing.T) {
	tests := []struct {
		name         string
		ssh          SSH
		listen, want string
	}{
		{"everywhere on 22 by default", SSH{}, "", "127.0.0.1:22"},
		{"an address of its own is probed there", SSH{ListenAddress: "10.0.0.2", Port: 2222}, "10.0.0.2", "10.0.0.2:2222"},
		{"everywhere by name is probed locally", SSH{ListenAddress: "0.0.0.0"}, "0.0.0.0", "127.0.0.1:22"},
		{"everywhere by IPv6 is probed locally", SSH{ListenAddress: "::"}, "::", "[::1]:22"},
		{"what is no address is left out", SSH{ListenAddress: "eth0\nPermitRootLogin yes"}, "", "127.0.0.1:22"},
		{"a port that is none is 22", SSH{Port: 70000}, "", "127.0.0.1:22"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.ssh.listenAddress(); got != tt.listen {
				t.Errorf("listens on %q, want %q", got, tt.listen)
			}
			if got := tt.ssh.probeAddress(); got != tt.want {
				t.Errorf("probes %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTerminals(t *testing.T) {
	tests := []struct {
		name, cmdline, want string
	}{
		{"the first screen is always there", "quiet", "tty1"},
		{"serial consoles with and without speed", "console=tty0 console=ttyS0,9600n8 console=hvc0 quiet", "tty1 ttyS0:9600 hvc0"},
		{"each once", "console=ttyS0 console=ttyS0,115200 console=tty1", "tty1 ttyS0"},
		{"with a path", "console=/dev/ttyAMA0", "tty1 ttyAMA0"},
		{"nothing that is no terminal", "console= console=../sda console=--help console=null xconsole=ttyS1", "tty1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, term := range terminals(tt.cmdline) {
				text := term.Name
				if term.Speed > 0 {
					text += ":" + strconv.Itoa(term.Speed)
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

func FuzzTerminals(f *testing.F) {
	f.Add("console=ttyS0,115200n8 console=tty0")
	f.Add("console=,,, console=-x console=99999999999999999999999")
	f.Fuzz(func(t *testing.T, cmdline string) {
		seen := map[string]bool{}
		for _, term := range terminals(cmdline) {
			if !plainTerminal(term.Name) || term.Speed < 0 || seen[term.Name] {
				t.Errorf("%q gives %+v", cmdline, term)
			}
			seen[term.Name] = true
		}
	})
}

func TestGettyPrograms(t *testing.T) {
	var lines []string
	for _, auto := range []bool{false, true} {
		for _, term := range []terminal{{Name: "tty1"}, {Name: "ttyS0"}, {Name: "ttyAMA0", Speed: 9600}, {Name: "hvc0"}} {
			p := gettyProgram("/usr/sbin/agetty", term, auto)
			lines = append(lines, p.Name+": "+strings.Join(p.Argv, " "))
		}
	}
	golden.Equal(t, "testdata/getty", strings.Join(lines, "\n")+"\n")
}

func TestHostKeysAreMadeOnceAndStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ssh")
	first, err := hostKeys(dir, SSH{})
	if err != nil || len(first) != 1 {
		t.Fatalf("keys %v, %v", first, err)
	}
	again, err := hostKeys(dir, SSH{})
	if err != nil || fingerprints(again) != fingerprints(first) {
		t.Errorf("the second time the key is another: %v", err)
	}
	for path, want := range map[string]os.FileMode{"": 0o700, "ssh_host_ed25519_key": 0o600, "ssh_host_ed25519_key.pub": 0o644} {
		st, err := os.Stat(filepath.Join(dir, path))
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %o", path, st.Mode(), err, want)
		}
	}
	pub, err := os.ReadFile(filepath.Join(dir, "ssh_host_ed25519_key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if key, _, _, _, err := ssh.ParseAuthorizedKey(pub); err != nil || string(key.Marshal()) != fingerprints(first) {
		t.Errorf("the public half does not fit: %v", err)
	}
}

func TestACertificateOfAHostKeyIsUsedAndGoes(t *testing.T) {
	dir := t.TempDir()
	keys, err := hostKeys(dir, SSH{})
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(kind uint32, key ssh.PublicKey) string {
		c := &ssh.Certificate{Key: key, CertType: kind, ValidBefore: ssh.CertTimeInfinity}
		if err := c.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		return string(ssh.MarshalAuthorizedKey(c))
	}
	good := SSH{HostKeys: map[string]string{"ed25519-cert": signed(ssh.HostCert, keys[0].Public)}}
	line := "HostCertificate " + keys[0].Path + "-cert.pub\n"
	for range 2 {
		keys, err = hostKeys(dir, good)
		if config := sshdConfig(good, keys); err != nil || !strings.Contains(config, line) {
			t.Errorf("%v, sshd is told\n%s", err, config)
		}
	}
	for text, want := range map[string]string{
		"nonsense": "no key found", signed(ssh.UserCert, keys[0].Public): "no certificate of a host",
		signed(ssh.HostCert, authority.PublicKey()): "of another key", string(ssh.MarshalAuthorizedKey(keys[0].Public)): "no certificate of a host",
	} {
		bad := SSH{HostKeys: map[string]string{"ed25519-cert": text}}
		got, err := hostKeys(dir, bad)
		if err == nil || !strings.Contains(err.Error(), want) || len(got) != 1 || strings.Contains(sshdConfig(bad, got), "HostCertificate") {
			t.Errorf("of %q is told %v, want %q", text, err, want)
		}
	}
	if _, err := hostKeys(dir, SSH{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(keys[0].Path + "-cert.pub"); err == nil {
		t.Error("it stays when the configuration has it no more")
	}
}

func TestABrokenHostKeyIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ssh_host_ed25519_key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if keys, err := hostKeys(dir, SSH{}); err != nil || len(keys) != 1 {
		t.Errorf("keys %v, %v", keys, err)
	}
}

func TestHostKeysOfTheKindsThatAreAskedFor(t *testing.T) {
	dir := t.TempDir()
	if _, err := hostKeys(dir, SSH{}); err != nil { // before anything is known
		t.Fatal(err)
	}
	for _, tt := range []struct{ asked, want string }{
		{"ecdsa rsa", "ecdsa-sha2-nistp256 ssh-rsa"},
		{"ecdsa", "ecdsa-sha2-nistp256"},
		{"", "ssh-ed25519 ecdsa-sha2-nistp256 ssh-rsa"},
	} {
		keys, err := hostKeys(dir, SSH{KeyTypes: strings.Fields(tt.asked)})
		var got []string
		for _, k := range keys {
			got = append(got, k.Public.Type())
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("asked for %q there are %q, %v; want %q", tt.asked, got, err, tt.want)
		}
	}
}

func TestHostKeysOfAnotherInstanceAreNotUsed(t *testing.T) {
	dir := t.TempDir()
	before := ""
	for i, tt := range []struct {
		instance string
		same     bool
	}{
		{"", false},   // made before it is known which machine this is
		{"one", true}, // they are this one's
		{"one", true},
		{"", true},
		{"two", false}, // the disk was copied
		{"two", true},
	} {
		keys, err := hostKeys(dir, SSH{Instance: tt.instance, KeyTypes: []string{"ed25519", "ecdsa"}})
		now := fingerprints(keys)
		if err != nil || len(keys) != 2 || (now == before) != tt.same {
			t.Errorf("%d, instance %q: %d keys, the same %v, %v", i, tt.instance, len(keys), now == before, err)
		}
		before = now
	}
}

func TestConfiguredHostKeysAreUsed(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	configured := map[string]string{
		"ecdsa": string(pem.EncodeToMemory(block)), "ecdsa-pub": "x", "rsa": "not a key", "dsa": "old",
	}
	keys, err := hostKeys(dir, SSH{HostKeys: configured})
	if err == nil || !strings.Contains(err.Error(), "rancher.ssh.keys.rsa") || !strings.Contains(err.Error(), "rancher.ssh.keys.dsa") {
		t.Errorf("error %v", err)
	}
	if len(keys) != 2 || keys[1].Public.Type() != "ecdsa-sha2-nistp256" || keys[1].Path != filepath.Join(dir, "ssh_host_ecdsa_key") {
		t.Errorf("keys %v", keys)
	}
}

func TestTheUsersGreetingStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "issue")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		if err := greet(path, issue(SSH{Disabled: true}, nil)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("issue is %q, %v; want %q", got, err, want)
		}
	}
	check(issueTitle + "\n")
	write("mine\n")
	check("mine\n")
	write("Debian GNU/Linux 12 \\n \\l\n")
	check(issueTitle + "\n")
	write(issueTitle + "an older one\n")
	check(issueTitle + "\n")
}
