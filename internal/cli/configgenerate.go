package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

func (a *app) configGenerate() *cobra.Command {
	var input, output string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Fill in a template of a configuration from the environment",
		Long: `Fill in a template of a configuration: a Go template in which {{.NAME}} is the
variable NAME of the environment. Nothing of the machine is read or changed.`,
		Example: `  SITE=berlin ros config generate -i cloud-config.tpl.yml > cloud-config.yml
  ros config generate < os-config.tpl.yml`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			text, err := a.read(input)
			if err != nil {
				return err
			}
			data, err := fillTemplate(shown(input), string(text), os.Environ())
			if err != nil {
				return err
			}
			return a.deliver(output, data)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "the template's `FILE`; - is standard input")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, readable by its owner alone")
	return cmd
}

// fillTemplate fills in a template; a variable that is not set becomes
// "<no value>", as in RancherOS, so that conditions on it can be written.
func fillTemplate(name, text string, environ []string) ([]byte, error) {
	t, err := template.New(name).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the template: %w", err)
	}
	variables := map[string]string{}
	for _, v := range environ {
		key, value, _ := strings.Cut(v, "=")
		variables[key] = value
	}
	var out bytes.Buffer
	if err := t.Execute(&out, variables); err != nil {
		return nil, fmt.Errorf("cannot fill in the template: %w", err)
	}
	return out.Bytes(), nil
}
