package console

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/ros-os/ros/internal/supervise"
)

const (
	defaultPort = 22
	// searchPath is what commands over SSH find, with a login shell or not.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

func (s SSH) port() int {
	if s.Port <= 0 || s.Port > 65535 {
		return defaultPort
	}
	return s.Port
}

// sshdConfig is the configuration of sshd: keys only unless passwords are asked
// for, and only the users that are made for people. PAM is left out: keys need it not, and each login is faster.
func sshdConfig(s SSH, keys []hostKey) string {
	var b strings.Builder
	b.WriteString("# made by ros from rancher.ssh; changes are lost\n")
	fmt.Fprintf(&b, "Port %d\n", s.port())
	if address := s.listenAddress(); address != "" {
		fmt.Fprintf(&b, "ListenAddress %s\n", address)
	}
	for _, key := range keys {
		fmt.Fprintf(&b, "HostKey %s\n", key.Path)
		if key.Certificate != "" {
			fmt.Fprintf(&b, "HostCertificate %s\n", key.Certificate)
		}
	}
	fmt.Fprintf(&b, "PidFile none\nAllowUsers %s\nPermitRootLogin %s\n", strings.Join(s.users(), " "), s.rootLogin())
	fmt.Fprintf(&b, "PubkeyAuthentication yes\nPasswordAuthentication %s\n", yesNo(s.Passwords))
	b.WriteString(`KbdInteractiveAuthentication no
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
UseDNS no
X11Forwarding no
PrintMotd yes
PrintLastLog no
AcceptEnv LANG LC_* COLORTERM
SetEnv PATH=` + searchPath + `
Subsystem sftp internal-sftp
`)
	return b.String()
}

// users are those that may log in. A name that is none would end the line.
func (s SSH) users() []string {
	all := []string{"rancher", "docker"}
	for _, name := range s.Users {
		if !strings.ContainsAny(name, " \t\r\n\"'*?!@#") && name != "" {
			all = append(all, name)
		}
	}
	if s.Root {
		all = append(all, "root")
	}
	return all
}

func (s SSH) rootLogin() string {
	if s.Root {
		return "prohibit-password"
	}
	return "no"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// listenAddress is the configured address, or nothing when it is none: sshd then
// listens everywhere, since a machine that nobody can reach helps nobody.
func (s SSH) listenAddress() string {
	if net.ParseIP(s.ListenAddress) == nil {
		return ""
	}
	return s.ListenAddress
}

// probeAddress is where sshd answers to this machine.
func (s SSH) probeAddress() string {
	host := "127.0.0.1"
	if ip := net.ParseIP(s.listenAddress()); ip != nil && !ip.IsUnspecified() {
		host = ip.String()
	} else if ip != nil && ip.To4() == nil {
		host = "::1"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.port()))
}

func (s *service) sshdProgram(config string) supervise.Program {
	return supervise.Program{
		Name: "sshd", Argv: []string{s.paths.sshd, "-D", "-e", "-f", s.paths.sshdConfig}, Inputs: config,
	}
}

// answers says whether an SSH server greets at the address, before ctx ends.
func answers(ctx context.Context, address string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }() // its answer is known
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return false
		}
	}
	greeting := make([]byte, 4)
	n, err := conn.Read(greeting)
	return err == nil && bytes.HasPrefix(greeting[:n], []byte("SSH"))
}
