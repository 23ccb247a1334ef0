package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// powerSignals are what PID 1 understands.
var powerSignals = map[string]unix.Signal{
	"reboot":   unix.SIGINT,
	"poweroff": unix.SIGTERM,
	"halt":     unix.SIGUSR1,
}

// powerVerbs are what reboot(2) understands, for -f.
var powerVerbs = map[string]int{
	"reboot":   unix.LINUX_REBOOT_CMD_RESTART,
	"poweroff": unix.LINUX_REBOOT_CMD_POWER_OFF,
	"halt":     unix.LINUX_REBOOT_CMD_HALT,
}

// powerEffects says what each name does, for the help.
var powerEffects = map[string]string{
	"reboot":   "start the machine again",
	"poweroff": "switch the machine off",
	"halt":     "halt the machine",
	"shutdown": "switch the machine off (-r: start it again)",
}

// powerCommand answers to reboot, poweroff, halt and shutdown.
func (a *app) powerCommand(name string) *cobra.Command {
	var force, reboot, halt, poweroff bool
	cmd := &cobra.Command{
		Use:   name,
		Short: "Stop every service in order, then " + powerEffects[name],
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "now" && args[0] != "+0" {
				return fmt.Errorf("cannot %s at %q: only \"now\" is known", name, args[0])
			}
			verb := name
			switch {
			case name != "shutdown":
			case reboot:
				verb = "reboot"
			case halt:
				verb = "halt"
			default:
				verb = "poweroff"
			}
			return power(verb, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "at once, without stopping anything; file systems are only synced")
	if name == "shutdown" {
		cmd.Flags().BoolVarP(&reboot, "reboot", "r", false, "start the machine again")
		cmd.Flags().BoolVarP(&halt, "halt", "H", false, "halt the machine")
		cmd.Flags().BoolVarP(&poweroff, "poweroff", "P", false, "switch the machine off (the default; -h too)")
		cmd.Flags().BoolP("power-off-h", "h", false, "the same as --poweroff")
		cmd.Flags().Lookup("power-off-h").Hidden = true
	}
	return cmd
}

func power(verb string, force bool) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("cannot %s: %w", verb, os.ErrPermission)
	}
	if force {
		unix.Sync()
		return os.NewSyscallError("reboot", unix.Reboot(powerVerbs[verb]))
	}
	if err := unix.Kill(1, powerSignals[verb]); err != nil {
		return fmt.Errorf("cannot tell PID 1 to %s: %w", verb, err)
	}
	return nil
}
