package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/host"
)

// accelCommand is for scripts that start QEMU by themselves.
func accelCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "accel KERNEL",
		Short:  "Print QEMU's arguments for the fastest processor that runs a kernel here",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			line, err := host.AccelArguments(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
}
