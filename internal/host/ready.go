package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// NotReadyError says why a machine that was started is not ready.
type NotReadyError struct {
	Machine  string
	Why      string
	Degraded bool   // it runs, with problems that it knows itself
	Status   string // what `ros status` says
	Console  string // the last lines of the console
}

// Error tells all that is known.
func (e *NotReadyError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "machine %q is not ready: %s", e.Machine, e.Why)
	if e.Status != "" {
		fmt.Fprintf(&text, "\n\n`ros status`:\n%s", e.Status)
	}
	if e.Console != "" && !e.Degraded {
		fmt.Fprintf(&text, "\n\nlast lines of its console:\n%s", e.Console)
	}
	return text.String()
}

// degradedStatus is the exit status of `ros wait` and `ros status` for a
// machine that is up, with problems.
const degradedStatus = 2

const readyPoll = 200 * time.Millisecond

// Each greeting that is asked for costs the machine a process of its SSH server,
// which on a slow one takes longer than any fixed patience: asking again and
// again would keep it from ever getting ready.
const (
	greetingFirst = 2 * time.Second
	greetingLast  = 16 * time.Second
)

// WaitReady returns nil when `ros wait` in the machine does, else a
// [*NotReadyError].
func (m *Machine) WaitReady(ctx context.Context, timeout time.Duration, progress func(string)) error {
	deadline := time.Now().Add(timeout)
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	boots, last, patience := 0, "nothing answered in it", greetingFirst
	for {
		run, err := m.Run()
		if err != nil {
			return err
		}
		if !run.up() {
			return m.notReady(ctx, fmt.Sprintf("it %s: %s", run.State, run.Reason), false)
		}
		if boots != 0 && boots != run.Boots {
			progress(lastLine(m.SupervisorLog()))
		}
		boots = run.Boots
		code, text := m.tryWait(bounded, deadline, &run, patience)
		switch code {
		case 0:
			return nil
		case degradedStatus:
			return m.notReady(ctx, "it is degraded", true)
		case unreachable:
			patience = min(2*patience, greetingLast)
		default:
			if now := firstLine(text); now != last {
				last = now
				progress(last)
			}
		}
		if pause(bounded, readyPoll) != nil {
			return m.notReady(ctx, fmt.Sprintf("%s passed; last: %s", timeout, last), false)
		}
	}
}

// unreachable stands for a machine in which no command can be run yet.
const unreachable = -1

// tryWait runs `ros wait` in the machine once.
func (m *Machine) tryWait(ctx context.Context, deadline time.Time, run *Run, patience time.Duration) (code int, output string) {
	if m.Spec.Kind == VirtualMachine && !sshAnswers(ctx, run.SSHPort, patience) {
		return unreachable, ""
	}
	left := time.Until(deadline).Truncate(time.Second)
	cmd, err := m.Command(ctx, Where{Service: ServiceInit}, "ros", "wait", "--timeout", max(left, time.Second).String())
	if err != nil {
		return unreachable, err.Error()
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(out)
	case errors.As(err, &exit) && speaks(string(out)):
		return exit.ExitCode(), string(out)
	}
	return unreachable, string(out)
}

// speaks tells the controller's answer, which begins with a state, from the
// complaint of a client, a shell or a tool on the way that there is none.
func speaks(output string) bool {
	return slices.Contains([]string{"converging", "degraded"}, firstLine(output))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// sshAnswers reports whether an SSH server greets in time: QEMU takes connections
// long before the machine does.
func sshAnswers(ctx context.Context, port int, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok && conn.SetReadDeadline(deadline) != nil {
		return false
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 256)).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "SSH-")
}

// statusTime bounds the question for `ros status` of a machine that may hang.
const statusTime = 10 * time.Second

func (m *Machine) notReady(ctx context.Context, why string, degraded bool) error {
	e := &NotReadyError{Machine: m.Spec.Name, Why: why, Degraded: degraded, Console: tail(m.ConsoleLog(), 20)}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	if cmd, err := m.Command(ctx, Where{Service: ServiceInit}, "ros", "status"); err == nil {
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err == nil || errors.As(err, &exit) {
			e.Status = strings.TrimRight(string(out), "\n")
		}
	}
	return e
}

// tail returns the last lines of a file, or nothing if it cannot be read.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
