package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/supervise"
)

// recoverIfAsked opens the recovery console for rancher.recovery; leaving it
// goes on with the boot.
func recoverIfAsked(ctx context.Context, b *Boot) error {
	if !b.config.Rancher.Recovery {
		return nil
	}
	return b.recover(ctx, "rancher.recovery is set")
}

// shells are tried in this order. They read no profile: it would hide that this
// is the recovery console, and may be what is broken.
var shells = [][]string{{"/bin/bash", "--noprofile", "--norc"}, {"/bin/sh"}, {"/bin/busybox", "sh"}}

// recover tells the reason and gives a person a shell until they leave it. In
// namespaces there is no console to do that on.
func (b *Boot) recover(ctx context.Context, reason string) error {
	if b.Namespaced {
		return fmt.Errorf("cannot open a recovery console in namespaces: %s", reason)
	}
	logrus.Error("the recovery console is opened: " + reason)
	b.say(recoveryText(reason, kernelErrors(10)))
	shell := findShell()
	if shell == nil {
		b.say("There is no shell yet. The boot is tried again in 30 seconds; ctrl-alt-del reboots.\n")
		if !sleep(ctx, 30*time.Second) {
			return ctx.Err()
		}
		return nil
	}
	return b.runShell(ctx, shell)
}

// runShell runs the shell until it exits with status 0, as after "exit".
func (b *Boot) runShell(ctx context.Context, shell []string) error {
	for {
		begun := time.Now()
		err := supervise.Run(ctx, b.reaper, shellCommand(shell))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			b.say("\nThe boot goes on.\n")
			return nil
		}
		b.say(fmt.Sprintf("\nThe shell ended (%v) and is opened again. \"exit 0\" goes on with the boot.\n", err))
		// A shell that cannot run must not fill the screen.
		if time.Since(begun) < time.Second && !sleep(ctx, 2*time.Second) {
			return ctx.Err()
		}
	}
}

func shellCommand(shell []string) *exec.Cmd {
	cmd := exec.Command(shell[0], shell[1:]...) //nolint:noctx // Run ends it with ctx, through the reaper
	cmd.Env = append(environ(), "PS1=recovery# ")
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The console as controlling terminal makes ctrl-c and job control work.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return cmd
}

func findShell() []string {
	for _, s := range shells {
		if _, err := os.Stat(s[0]); err == nil {
			return s
		}
	}
	return nil
}

func (b *Boot) say(text string) {
	if _, err := os.Stderr.WriteString(strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		logrus.WithField("err", err).Debug("the console takes no text")
	}
}

func recoveryText(reason, kernel string) string {
	var t strings.Builder
	t.WriteString("\n" + strings.Repeat("=", 72) + "\nRECOVERY CONSOLE\n\n" + reason + "\n")
	if kernel != "" {
		t.WriteString("\nThe last errors of the kernel:\n" + kernel + "\n")
	}
	t.WriteString("\n\"exit\" goes on with the boot, from where it stopped; \"reboot -f\" and\n" +
		"\"poweroff -f\" leave it. The boot's record is " + RecordFile + ".\n" + strings.Repeat("=", 72) + "\n")
	return t.String()
}

// kernelErrors are the last lines of the kernel's log at level "error" or above.
func kernelErrors(lines int) string {
	size, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
	if err != nil {
		return ""
	}
	buf := make([]byte, size)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, buf)
	if err != nil {
		return ""
	}
	return errorLines(string(buf[:n]), lines)
}

// errorLines picks "<3>[ 1.2] text" out of a kernel log; the level is the lower
// three bits of the number.
func errorLines(log string, lines int) string {
	var out []string
	for line := range strings.Lines(log) {
		var priority int
		if _, err := fmt.Sscanf(line, "<%d>", &priority); err == nil && priority&7 <= 3 {
			_, text, _ := strings.Cut(strings.TrimRight(line, "\n"), ">")
			out = append(out, text)
		}
	}
	return strings.Join(out[max(0, len(out)-lines):], "\n")
}
