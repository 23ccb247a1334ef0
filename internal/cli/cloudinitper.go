package cli

import (
	"context"
	"errors"
	"os/exec"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/internal/machine/setting"
)

// cloudInitPer is the program cloud-init-per.
func (a *app) cloudInitPer() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cloud-init-per once|instance|always NAME COMMAND [ARG]...",
		Short: "Run a command once on this machine, once for each instance, or always",
		Long: `Run a command unless it was run before under that name: once on this machine,
or once for each instance that its datasource tells. It counts as run whatever its
exit status, which is this program's, too. 'ros cloud-init clean' forgets it.`,
		Example: "  cloud-init-per instance mydisk mkfs.ext4 /dev/vdb",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := setting.Per(cmd.Context(), a.root, args[0], args[1], func() error { return a.runThrough(cmd.Context(), args[2:]) })
			var code exit
			if errors.As(err, &code) && err.Error() != code.Error() {
				a.complain("ros: %v\n", err) // that it ran could not be noted, too
			}
			return err
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&a.root, "root", "/", "act on the machine whose files are below `DIR`")
	if err := cmd.Flags().MarkHidden("root"); err != nil {
		a.complain("ros: %v\n", err)
	}
	return cmd
}

// runThrough runs a command in the place of this program, and ends as it does.
func (a *app) runThrough(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.out, a.err
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case !errors.As(err, &ended) && err != nil:
		a.complain("ros: cannot run %s: %v\n", argv[0], err)
		return exit(127) // as a shell says it
	case err == nil:
		return nil
	}
	if status, ok := ended.Sys().(unix.WaitStatus); ok && status.Signaled() {
		return exit(128 + int(status.Signal()))
	}
	return exit(ended.ExitCode())
}
