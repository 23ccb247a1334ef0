package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// configWriters are the commands that change the user's layer.
func (a *app) configWriters() []*cobra.Command {
	return []*cobra.Command{
		a.configSet(), a.configAppend(), a.configUnset(), a.configMerge(), a.configEdit(), a.configRollback(),
		a.configHistory(), a.configDiff(), a.configConfirm(), a.configCancel(),
	}
}

func (a *app) configSet() *cobra.Command {
	cmd := a.valueCommand("set", cloudconfig.SetValue)
	cmd.Short = "Set a value in the user's layer"
	cmd.Long = `Set a value in the user's layer. VALUE is YAML; text that is not YAML is taken as
it is, and - is what standard input says. Keys that hold dots are quoted.

` + refusal
	cmd.Example = `  ros config set hostname web1
  ros config set rancher.network.dns.nameservers '[9.9.9.9, 1.1.1.1]'
  ros config set 'rancher.network.interfaces."eth1.100".dhcp' true
  ros config set --try 2m rancher.network.interfaces.eth0.address 10.0.0.2/24
  ros config set rancher.docker.server_key - < key.pem`
	return cmd
}

func (a *app) configAppend() *cobra.Command {
	cmd := a.valueCommand("append", func(doc []byte, path []string, value string) ([]byte, error) {
		base, _ := cloudconfig.Merge(source.Below(a.root)...).Get(path...)
		return cloudconfig.AppendValueOver(doc, path, base, value)
	})
	cmd.Short = "Add an item to a list in the user's layer"
	cmd.Long = `Add an item to the end of a list. Lists of layers replace each other; so where the
user's layer has none yet it begins with what the layers below have in it.

` + refusal
	cmd.Example = `  ros config append ssh_authorized_keys "$(cat id_ed25519.pub)"
  ros config append rancher.modules - < module`
	return cmd
}

// valueCommand is a command that does something with a key and a value.
func (a *app) valueCommand(verb string, edit func(doc []byte, path []string, value string) ([]byte, error)) *cobra.Command {
	var how writeFlags
	cmd := &cobra.Command{
		Use:  verb + " KEY VALUE",
		Args: cobra.ExactArgs(2),
		RunE: onKey(func(cmd *cobra.Command, path, rest []string) error {
			value, err := a.value(rest[0])
			if err != nil {
				return err
			}
			return a.write(cmd.Context(), writing{
				writeFlags: how, command: verb + " " + cloudconfig.JoinPath(path...),
				edit: func(old []byte) ([]byte, error) { return edit(old, path, value) },
			})
		}),
		ValidArgsFunction: a.completeKey,
	}
	how.add(cmd)
	return cmd
}

// value is a value from the command line, or from standard input. The end of a
// single line is the shell's, not the value's.
func (a *app) value(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	data, err := io.ReadAll(a.in)
	text := string(data)
	if strings.Count(text, "\n") == 1 {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
	return text, err
}

func (a *app) configUnset() *cobra.Command {
	var how writeFlags
	cmd := &cobra.Command{
		Use:     "unset KEY",
		Short:   "Remove a value from the user's layer",
		Long:    "Remove a value from the user's layer; what lower layers say shows again.\n\n" + refusal,
		Example: "  ros config unset rancher.network.dns",
		Args:    cobra.ExactArgs(1),
		RunE: onKey(func(cmd *cobra.Command, path, _ []string) error {
			return a.write(cmd.Context(), writing{
				writeFlags: how, command: "unset " + cloudconfig.JoinPath(path...),
				edit: func(old []byte) ([]byte, error) { return cloudconfig.UnsetValue(old, path) },
			})
		}),
		ValidArgsFunction: a.completeKey,
	}
	how.add(cmd)
	return cmd
}

func (a *app) configMerge() *cobra.Command {
	var how writeFlags
	var input string
	cmd := &cobra.Command{
		Use:     "merge",
		Short:   "Merge a cloud-config into the user's layer",
		Long:    "Merge a cloud-config into the user's layer: maps key by key, lists and scalars\nreplace what is there.\n\n" + refusal,
		Example: "  ros config merge -i web.yml\n  ros config merge --try 1m < network.yml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			patch, err := a.patch(input)
			if err != nil {
				return err
			}
			return a.write(cmd.Context(), writing{
				writeFlags: how, command: "merge -i " + input,
				edit: func(old []byte) ([]byte, error) { return cloudconfig.MergeInto(old, patch) },
			})
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "the `FILE` to merge; - is standard input")
	how.add(cmd)
	return cmd
}
