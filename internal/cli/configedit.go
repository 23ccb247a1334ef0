package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/source"
)

func (a *app) configEdit() *cobra.Command {
	var how writeFlags
	cmd := &cobra.Command{
		Use:   "edit",
		Short: "Edit the user's layer in an editor",
		Long: `Edit a copy of cloud-config.yml in $VISUAL, $EDITOR or vi. It is checked when the
editor ends; when it has errors you can edit again or discard what you wrote.

` + refusal,
		Example: "  ros config edit\n  EDITOR=nano ros config edit --try 5m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.interactive() {
				return errors.New("cannot edit without a terminal ('ros config set' and 'ros config merge' need none)")
			}
			return a.editOwn(cmd.Context(), how)
		},
	}
	how.add(cmd)
	return cmd
}

// draft is a private copy of the user's file.
type draft struct {
	base []byte // what the file held
	path string
	keep bool // it holds what cannot be saved and must not be lost
}

// editOwn lets a person edit until the text is good, or given up.
func (a *app) editOwn(ctx context.Context, how writeFlags) error {
	d, err := a.newDraft()
	if err != nil {
		return err
	}
	defer d.close()
	for {
		text, err := a.runEditor(ctx, d.path)
		switch {
		case err != nil:
			return err
		case bytes.Equal(text, d.base) || d.base == nil && string(text) == emptyConfig:
			a.complain("ros: nothing was changed\n")
			return nil
		}
		weighed := a.weigh(d.base, text)
		if weighed.refused() {
			a.tell(weighed.brought)
			switch a.askAgain(how.force) {
			case again:
				continue
			case discard:
				a.complain("ros: nothing was changed\n")
				return exit(1)
			case save:
			}
		}
		return a.write(ctx, writing{writeFlags: how, command: "edit", edit: d.result(text)})
	}
}

const emptyConfig = "#cloud-config\n"

// newDraft copies the user's file to where nobody else may look. The folder is
// hidden: nothing in it is taken for a layer.
func (a *app) newDraft() (*draft, error) {
	base, err := source.Current(a.root)
	if err != nil {
		return nil, err
	}
	conf := a.path(source.ConfDir)
	if err := os.MkdirAll(conf, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the configuration folder: %w", err)
	}
	dir, err := os.MkdirTemp(conf, ".edit-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a copy to edit: %w", err)
	}
	d := &draft{base: base, path: filepath.Join(dir, filepath.Base(source.CloudConfigFile))}
	text := base
	if text == nil {
		text = []byte(emptyConfig)
	}
	if err := source.WriteFile(d.path, text); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *draft) close() {
	if !d.keep {
		_ = os.RemoveAll(filepath.Dir(d.path)) // it is private and does no harm
	}
}

// result is the change from what was copied to text. Another's change is not
// overwritten.
func (d *draft) result(text []byte) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) {
		if !bytes.Equal(old, d.base) {
			d.keep = true
			return nil, fmt.Errorf("cannot save: somebody else has changed cloud-config.yml meanwhile; what you wrote is in %s", d.path)
		}
		return text, nil
	}
}

// runEditor lets a person edit a file and returns what is in it then.
func (a *app) runEditor(ctx context.Context, path string) ([]byte, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		editor = "vi"
	}
	// The variable may hold arguments, as it may for everybody else who reads it.
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.out, a.err
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cannot edit with %s: %w", editor, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was edited: %w", err)
	}
	return text, nil
}

type answer int

const (
	again answer = iota
	discard
	save
)

// askAgain asks what to do with a text that has errors. Without anybody who
// answers it is discarded.
func (a *app) askAgain(force bool) answer {
	p, ok := a.person()
	if !ok {
		return discard
	}
	defer p.close()
	question := "(e)dit again or (d)iscard it? "
	if force {
		question = "(e)dit again, (d)iscard it or (s)ave it all the same? "
	}
	for {
		switch word := strings.ToLower(p.ask(question)); {
		case word == "" || word == "d" || word == "discard":
			return discard
		case word == "e" || word == "edit":
			return again
		case force && (word == "s" || word == "save"):
			return save
		}
	}
}
