package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Where a command runs in a machine. The zero value is root in the console.
type Where struct {
	User    string // empty: root
	Service string // empty: [ServiceConsole]
	TTY     bool   // standard input and output are a terminal
}

// Services that mean something to [Machine.Command].
const (
	ServiceConsole = "console"
	// ServiceInit is no service but PID 1's own place, outside every container.
	ServiceInit = "init"
)

const systemDockerHost = "unix:///var/run/system-docker.sock"

// Command prepares a command in the machine. Its standard input, output and
// error, and its exit status, are those of the command there.
func (m *Machine) Command(ctx context.Context, w Where, argv ...string) (*exec.Cmd, error) {
	run, err := m.running()
	if err != nil {
		return nil, err
	}
	if w.Service == "" {
		w.Service = ServiceConsole
	}
	if w.User == "" {
		w.User = "root"
	}
	if m.Spec.Kind == VirtualMachine {
		return m.ssh(ctx, run, w.TTY, "rancher", quote(remoteArgv(w, argv))), nil
	}
	return m.enter(ctx, run, localArgv(w, argv)), nil
}

// SSHCommand prepares a login as user over SSH, with the machine's key;
// words are passed on as ssh does it, joined by spaces.
func (m *Machine) SSHCommand(ctx context.Context, user string, tty bool, words ...string) (*exec.Cmd, error) {
	run, err := m.running()
	if err != nil {
		return nil, err
	}
	return m.ssh(ctx, run, tty, user, strings.Join(words, " ")), nil
}

func (m *Machine) running() (*Run, error) {
	run, err := m.Run()
	if err != nil {
		return nil, err
	}
	if run.State != Running {
		return nil, fmt.Errorf("cannot reach machine %q: it is %s", m.Spec.Name, run.State)
	}
	return &run, nil
}

// localArgv is the command to run in PID 1's namespaces.
func localArgv(w Where, argv []string) []string {
	if w.Service == ServiceInit {
		if w.User == "root" {
			return argv
		}
		return append([]string{"sudo", "-n", "-u", w.User, "--"}, argv...)
	}
	docker := []string{"docker", "-H", systemDockerHost}
	return append(append(docker, dockerExec(w)...), argv...)
}

// remoteArgv is the command to run as the user whom SSH lets in, who is in the
// console.
func remoteArgv(w Where, argv []string) []string {
	switch w.Service {
	case ServiceConsole:
		if w.User == "rancher" {
			return argv
		}
		return append([]string{"sudo", "-n", "-u", w.User, "--"}, argv...)
	case ServiceInit:
		enter := []string{"sudo", "-n", "--", "nsenter", "-t", "1", "-m", "-u", "-i", "-n", "-p", "--"}
		return append(enter, localArgv(w, argv)...)
	}
	docker := append([]string{"sudo", "-n", "--", "system-docker"}, dockerExec(w)...)
	return append(docker, argv...)
}

func dockerExec(w Where) []string {
	args := []string{"exec", "-i"}
	if w.TTY {
		args = append(args, "-t")
	}
	return append(args, "-u", w.User, w.Service)
}

// stopGrace is how long a cancelled command may hold on to its output.
const stopGrace = time.Second

// enter runs argv in all namespaces of PID 1.
func (m *Machine) enter(ctx context.Context, run *Run, argv []string) *exec.Cmd {
	args := []string{
		"--target", strconv.Itoa(run.Main.PID),
		"--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, argv...)...)
	cmd.Env = append(machineEnv(), "HOME=/root", "TERM="+os.Getenv("TERM"))
	cmd.WaitDelay = stopGrace
	return cmd
}

// ssh runs the SSH client; for a machine in namespaces, inside its network.
func (m *Machine) ssh(ctx context.Context, run *Run, tty bool, user, command string) *exec.Cmd {
	args := []string{
		"ssh", "-F", "/dev/null", "-i", m.key(), "-l", user,
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15",
		// The machine is one's own and reached over loopback.
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
	}
	if tty {
		args = append(args, "-t")
	}
	if m.Spec.Kind == Namespaces {
		args = append([]string{"nsenter", "--target", strconv.Itoa(run.Main.PID), "--net", "--"}, args...)
	} else {
		args = append(args, "-p", strconv.Itoa(run.SSHPort),
			"-o", "ControlMaster=auto", "-o", "ControlPath="+connection(user), "-o", "ControlPersist=60")
	}
	args = append(args, "127.0.0.1")
	if command != "" {
		args = append(args, "--", command)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = m.dir // for the control socket, whose name must be short
	cmd.WaitDelay = stopGrace
	return cmd
}

// connection is the socket of the connection that is kept open for the next command
// of the same user: another one has to be let in himself.
func connection(user string) string { return "ssh-" + user + ".sock" }

// hangUp ends the connections that are kept open for the next command.
func (m *Machine) hangUp(ctx context.Context) {
	open, _ := filepath.Glob(m.path(connection("*"))) // the pattern is sound
	for _, socket := range open {
		cmd := exec.CommandContext(ctx, "ssh", "-F", "/dev/null", "-o", "ControlPath="+filepath.Base(socket), "-O", "exit", "127.0.0.1")
		cmd.Dir = m.dir
		_ = cmd.Run() // no master, nothing to end
	}
}

// quote makes one line for a shell that stands for exactly these words.
func quote(argv []string) string {
	quoted := make([]string, len(argv))
	for i, word := range argv {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

// SSHAddress tells where the machine's SSH server is reached.
func (m *Machine) SSHAddress(run *Run) string {
	if m.Spec.Kind == VirtualMachine {
		return fmt.Sprintf("127.0.0.1:%d", run.SSHPort)
	}
	return fmt.Sprintf("%s:22 in its own network", address(0))
}
