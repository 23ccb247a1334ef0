package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/host"
)

const stopTimeout = 90 * time.Second

func rebootCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               "reboot NAME",
		Short:             "Reboot a machine and wait until it is ready again",
		Example:           "  rosmachine reboot dev",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(cmd *cobra.Command, m *host.Machine, _ []string) error {
			tell := progress(cmd.ErrOrStderr(), time.Now())
			deadline := time.Now().Add(timeout)
			if err := m.Reboot(cmd.Context(), timeout); err != nil {
				return err
			}
			tell("boots again")
			if err := m.WaitReady(cmd.Context(), time.Until(deadline), tell); err != nil {
				return err
			}
			tell("ready")
			return nil
		}),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", startTimeoutVM, "how long to wait until it is ready again")
	return cmd
}

func stopCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop NAME",
		Short: "Have a machine switch itself off",
		Long: `Presses the machine's power button and waits until it is off. One that is not
off in time has its power cut; then the exit status is 1.`,
		Example:           "  rosmachine stop dev",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(cmd *cobra.Command, m *host.Machine, _ []string) error {
			return m.Stop(cmd.Context(), timeout)
		}),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", stopTimeout, "how long to wait before its power is cut")
	return cmd
}

func plugCommand(in bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "plug NAME [INTERFACE]...",
		Short:             "Put the cables of a machine's network interfaces in",
		Example:           "  rosmachine plug dev\n  rosmachine plug dev eth1",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(_ *cobra.Command, m *host.Machine, args []string) error {
			return m.Plug(in, args...)
		}),
	}
	if !in {
		cmd.Use, cmd.Short = "unplug NAME [INTERFACE]...", "Take the cables of a machine's network interfaces out"
		cmd.Example = "  rosmachine unplug dev && sleep 60 && rosmachine plug dev"
	}
	return cmd
}

func killCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "kill NAME",
		Short:             "Cut a machine's power",
		Example:           "  rosmachine kill dev && rosmachine start --name dev",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: onMachine(func(cmd *cobra.Command, m *host.Machine, _ []string) error {
			return m.Kill(cmd.Context())
		}),
	}
}

func removeCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:               "rm NAME…",
		Short:             "Remove machines, with their disks",
		Example:           "  rosmachine rm -f dev",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				m, err := open(name)
				if err != nil {
					return err
				}
				if err := m.Remove(cmd.Context(), force); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "cut the power of one that runs")
	return cmd
}

func superviseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "__supervise DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Orders come as signals; they must not end the context of main.
			return host.Supervise(context.WithoutCancel(cmd.Context()), args[0])
		},
	}
}

func enterCommand() *cobra.Command {
	return &cobra.Command{
		Use: "__enter DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return host.EnterMachine(cmd.Context(), args[0])
		},
	}
}
