package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// bootConfigs are where a disk that RancherOS was installed on keeps the kernel
// parameters of its boot loader: on a boot partition, or on the state disk.
func bootConfigs() []string { return []string{"/boot/global.cfg", "/state/boot/global.cfg"} }

func (a *app) configSyslinux() *cobra.Command {
	return &cobra.Command{
		Use:   "syslinux",
		Short: "Edit the kernel parameters of the boot loader Syslinux",
		Long: `Edit global.cfg, from which the boot loader Syslinux takes the kernel parameters,
in $VISUAL, $EDITOR or vi. What is said there of rancher.* and cc.* is checked
when the editor ends. It counts from the next boot on.

Where something else starts the machine, the parameters are given there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := a.bootConfig()
			if err != nil {
				return err
			}
			return a.editBootConfig(cmd.Context(), path)
		},
	}
}

// bootConfig finds the boot loader's file.
func (a *app) bootConfig() (string, error) {
	for _, path := range bootConfigs() {
		if info, err := os.Stat(a.path(path)); err == nil && info.Mode().IsRegular() {
			return a.path(path), nil
		}
	}
	return "", fmt.Errorf("cannot find %s: Syslinux does not start this machine from its own disk; "+
		"give kernel parameters where it is started, or write what begins with rancher. into the configuration (ros config set KEY VALUE)",
		strings.Join(bootConfigs(), " or "))
}

// editBootConfig lets a person edit a copy until it is good, or given up.
func (a *app) editBootConfig(ctx context.Context, path string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the boot loader's parameters: %w", err)
	}
	dir, err := os.MkdirTemp("", "ros-syslinux-")
	if err != nil {
		return fmt.Errorf("cannot make a copy to edit: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is private and does no harm
	draft := filepath.Join(dir, filepath.Base(path))
	if err := source.WriteFile(draft, old); err != nil {
		return err
	}
	for {
		text, err := a.runEditor(ctx, draft)
		switch {
		case err != nil:
			return err
		case bytes.Equal(text, old):
			a.complain("ros: nothing was changed\n")
			return nil
		}
		report := checkBootConfig(string(text))
		a.tell(report)
		if report.Err() == nil {
			return source.WriteFile(path, text)
		}
		if a.askAgain(false) == discard {
			return errors.New("nothing was changed")
		}
	}
}

// checkBootConfig looks at the kernel parameters in a file of Syslinux.
func checkBootConfig(text string) cloudconfig.Report {
	var report cloudconfig.Report
	for line := range strings.Lines(text) {
		word, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(word, "append") {
			continue
		}
		layer, found := cloudconfig.ParseCmdline(parameters)
		report = append(report, append(found, cloudconfig.Validate(layer)...)...)
	}
	return report
}
