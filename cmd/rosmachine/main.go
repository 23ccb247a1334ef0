// Command rosmachine runs machines on a developer's host, in namespaces or in
// QEMU. It knows flags and how to print; all else is package host's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/host"
)

// The exit statuses, beside those of commands run in a machine.
const (
	exitFailure  = 1
	exitDegraded = 2   // `start`: the machine is up, with problems
	exitCannot   = 125 // `ssh`, `exec`: the command was not even run
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(exitStatus(err))
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rosmachine",
		Short: "Machines on a developer's host",
		Long: `rosmachine runs machines on a developer's host: in namespaces (--ns, seconds,
needs root) or in QEMU (--vm, a real kernel, real disks).

Machines are kept in $ROSMACHINE_HOME, else ~/.local/share/rosmachine, for root
/var/lib/rosmachine.`,
		Example: `  rosmachine start --ns --name dev
  rosmachine exec dev -- ros status
  rosmachine ssh dev
  rosmachine rm -f dev`,
		SilenceUsage: true, SilenceErrors: true,
	}
	cmd.AddCommand(
		startCommand(), sshCommand(), execCommand(), copyCommand(), consoleCommand(), logCommand(),
		listCommand(), rebootCommand(), killCommand(), plugCommand(true), plugCommand(false), stopCommand(), removeCommand(),
		accelCommand(), superviseCommand(), enterCommand(),
	)
	return cmd
}

// exitStatus prints an error, if there is one to tell, and turns it into the
// process's exit status.
func exitStatus(err error) int {
	var remote *remoteError
	var late *host.NotReadyError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &remote):
		return remote.status()
	case errors.As(err, &late) && late.Degraded:
		fmt.Fprintln(os.Stderr, "rosmachine:", err)
		return exitDegraded
	}
	fmt.Fprintln(os.Stderr, "rosmachine:", err)
	return exitFailure
}

// remoteError is the end of a command in a machine that was not success.
type remoteError struct{ err error }

func (e *remoteError) Error() string { return e.err.Error() }
func (e *remoteError) Unwrap() error { return e.err }

// status passes the command's own exit status on, and says what else happened.
func (e *remoteError) status() int {
	var exit *exec.ExitError
	if errors.As(e.err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "rosmachine:", e.err)
	return exitCannot
}

func open(name string) (*host.Machine, error) {
	store, err := host.OpenStore(host.DefaultHome())
	if err != nil {
		return nil, err
	}
	return store.Open(name)
}

// onMachine is a command that concerns the machine that its first argument names.
func onMachine(run func(cmd *cobra.Command, m *host.Machine, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		m, err := open(args[0])
		if err != nil {
			return err
		}
		return run(cmd, m, args[1:])
	}
}

// completeNames offers the names of machines for the first argument.
func completeNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	store, err := host.OpenStore(host.DefaultHome())
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	machines, err := store.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, m := range machines {
		names = append(names, m.Spec.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
