package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ros-os/ros/internal/host"
)

func sshCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "ssh NAME [COMMAND…]",
		Short: "Log in over SSH, with the machine's own key",
		Example: `  rosmachine ssh dev
  rosmachine ssh dev docker ps
  rosmachine ssh --user root dev`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeNames,
		RunE: throughMachine(func(ctx context.Context, m *host.Machine, args []string) (*exec.Cmd, error) {
			return m.SSHCommand(ctx, user, len(args) == 0 && interactive(), args...)
		}),
	}
	cmd.Flags().StringVar(&user, "user", "rancher", "whom to log in as")
	cmd.Flags().SetInterspersed(false) // what follows the name is the command's
	return cmd
}

func execCommand() *cobra.Command {
	var where host.Where
	cmd := &cobra.Command{
		Use:   "exec NAME [--user USER] [--in SERVICE] -- COMMAND…",
		Short: "Run a command in the console, or in another service",
		Long: `Runs a command in the machine's console, as root. Standard input, output and
error and the exit status pass through; 125 says that it was not run.
` + "`--in init`" + ` runs it outside of every container, where PID 1 is.`,
		Example: `  rosmachine exec dev -- ros status -o json
  rosmachine exec dev --user rancher -- docker run --rm alpine true
  rosmachine exec dev --in syslog -- ps`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: completeNames,
		RunE: throughMachine(func(ctx context.Context, m *host.Machine, args []string) (*exec.Cmd, error) {
			where.TTY = interactive()
			return m.Command(ctx, where, args...)
		}),
	}
	cmd.Flags().StringVar(&where.User, "user", "root", "whom to run it as")
	cmd.Flags().StringVar(&where.Service, "in", host.ServiceConsole, "the service to run it in")
	return cmd
}

func interactive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// throughMachine runs a command in a machine with this process's own input and
// output. Whatever goes wrong is a [remoteError], so that its exit status cannot
// be mistaken for one of rosmachine's.
func throughMachine(command func(context.Context, *host.Machine, []string) (*exec.Cmd, error)) func(*cobra.Command, []string) error {
	run := onMachine(func(cmd *cobra.Command, m *host.Machine, args []string) error {
		remote, err := command(cmd.Context(), m, args)
		if err != nil {
			return err
		}
		remote.Stdin, remote.Stdout, remote.Stderr = os.Stdin, os.Stdout, os.Stderr
		return remote.Run()
	})
	return func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return &remoteError{err}
		}
		return nil
	}
}

func copyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy a file or folder into a machine's console, or out of it",
		Example: `  rosmachine cp web.yml dev:/var/lib/rancher/conf/
  rosmachine cp dev:/var/log/ros.log .`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, source, isFrom := remotePath(args[0])
			to, destination, isTo := remotePath(args[1])
			if isFrom == isTo {
				return errors.New("cannot copy: exactly one of the two must be NAME:PATH")
			}
			m, err := open(from + to)
			if err != nil {
				return err
			}
			if isTo {
				return m.Upload(cmd.Context(), source, destination)
			}
			return m.Download(cmd.Context(), source, destination)
		},
	}
}

// remotePath reads NAME:PATH. A path with a slash before the colon is local.
func remotePath(word string) (name, path string, remote bool) {
	name, path, remote = strings.Cut(word, ":")
	if !remote || strings.Contains(name, "/") {
		return "", word, false
	}
	return name, path, true
}

func consoleCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "console NAME",
		Short:             "Sit down at the machine's console; ctrl-] leaves it",
		Example:           "  rosmachine console dev",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(cmd *cobra.Command, m *host.Machine, _ []string) error {
			if interactive() {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "console of %s; ctrl-] leaves it\n", m.Spec.Name)
			}
			return m.Attach(cmd.Context(), os.Stdin, cmd.OutOrStdout())
		}),
	}
}

func logCommand() *cobra.Command {
	var follow, supervisor bool
	cmd := &cobra.Command{
		Use:   "log NAME",
		Short: "Print what the console showed since the last start",
		Example: `  rosmachine log dev
  rosmachine log -f dev
  rosmachine log --supervisor dev`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(cmd *cobra.Command, m *host.Machine, _ []string) error {
			path := m.ConsoleLog()
			if supervisor {
				path = m.SupervisorLog()
			}
			if follow {
				return host.Follow(cmd.Context(), path, cmd.OutOrStdout())
			}
			return host.Show(path, cmd.OutOrStdout())
		}),
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	cmd.Flags().BoolVar(&supervisor, "supervisor", false, "what rosmachine's own process did instead")
	return cmd
}
