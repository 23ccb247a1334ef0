package main

import (
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
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := open(args[0])
			if err != nil {
				return &remoteError{err}
			}
			remote, err := m.SSHCommand(cmd.Context(), user, len(args) == 1 && interactive(), args[1:]...)
			if err != nil {
				return &remoteError{err}
			}
			return pass(remote)
		},
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
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := open(args[0])
			if err != nil {
				return &remoteError{err}
			}
			where.TTY = interactive()
			remote, err := m.Command(cmd.Context(), where, args[1:]...)
			if err != nil {
				return &remoteError{err}
			}
			return pass(remote)
		},
	}
	cmd.Flags().StringVar(&where.User, "user", "root", "whom to run it as")
	cmd.Flags().StringVar(&where.Service, "in", host.ServiceConsole, "the service to run it in")
	return cmd
}

func interactive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// pass runs a command with this process's own input and output.
func pass(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return &remoteError{err}
	}
	return nil
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
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := open(args[0])
			if err != nil {
				return err
			}
			if interactive() {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "console of %s; ctrl-] leaves it\n", args[0])
			}
			return m.Attach(cmd.Context(), os.Stdin, cmd.OutOrStdout())
		},
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
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := open(args[0])
			if err != nil {
				return err
			}
			path := m.ConsoleLog()
			if supervisor {
				path = m.SupervisorLog()
			}
			if follow {
				return host.Follow(cmd.Context(), path, cmd.OutOrStdout())
			}
			return host.Show(path, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	cmd.Flags().BoolVar(&supervisor, "supervisor", false, "what rosmachine's own process did instead")
	return cmd
}
