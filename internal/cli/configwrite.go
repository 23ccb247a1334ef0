package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/source"
)

// refusal is the help that all commands share that change the user's layer.
const refusal = `Nothing is written when the change would bring a new error into the
configuration. The services that it restarts are told before; on a terminal you
are asked whether to go on.`

// writeFlags say how the user's layer is changed.
type writeFlags struct {
	yes   bool          // nobody is asked
	force bool          // errors do not keep the change back
	dry   bool          // nothing is written, only told
	quiet bool          // what the change does is not told either
	try   time.Duration // on trial for that long; 0 is for good
}

func (f *writeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask whether to go on")
	cmd.Flags().BoolVar(&f.force, "force", false, "write it even if it brings errors")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "change nothing; tell what the change would do, as 'ros plan --with' does")
	cmd.Flags().DurationVar(&f.try, "try", 0, "take the change back after `DURATION`, unless 'ros config confirm' comes first")
}

// writing is one change of the user's layer.
type writing struct {
	writeFlags
	command string // for the history; values may be secret and are not in it
	edit    func(old []byte) ([]byte, error)
}

// errOther says that the change would now do something else than what was
// agreed to: somebody changed the file meanwhile.
var errOther = errors.New("the configuration has changed meanwhile")

// write changes the user's layer: it weighs what the change does, says so, asks,
// and writes. The lock is not held while a person thinks.
func (a *app) write(ctx context.Context, w writing) error {
	if w.try < 0 || w.try > 0 && w.try < time.Second {
		return fmt.Errorf("cannot try for %s: a second is the least", w.try)
	}
	if w.dry {
		return a.foretell(ctx, w.edit)
	}
	for {
		agreed, err := a.agree(w)
		if err != nil {
			return err
		}
		changed := false
		err = source.Update(a.root, source.Change{
			Author: source.Author{Who: who(), Command: w.command}, Try: w.try,
			Edit: func(old []byte) ([]byte, error) {
				text, err := w.edit(old)
				if err != nil || bytes.Equal(text, old) {
					return old, err
				}
				changed = true
				return text, a.judge(w, old, text, agreed)
			},
		})
		if errors.Is(err, errOther) {
			a.complain("ros: %v\n", err)
			continue
		}
		if err == nil && changed {
			a.reload(ctx)
		}
		if err == nil && w.try > 0 {
			a.tellTrial(ctx, w, changed)
		}
		return err
	}
}

// reloadTimeout is how long the controller may take to read what was written.
const reloadTimeout = 5 * time.Second

// reload has the controller read what was written, so that the next command is
// about it. A machine without a controller does without.
func (a *app) reload(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	_ = a.client().Reload(ctx) // it watches the file, too
}

// agree shows a person what the change does and asks, if it is one to think
// about. It returns what was agreed to, nil when nobody was asked.
func (a *app) agree(w writing) (*effects, error) {
	if w.yes || w.quiet {
		return nil, nil
	}
	person, ok := a.person()
	if !ok {
		return nil, nil
	}
	defer person.close()
	old, err := source.Current(a.root)
	if err != nil {
		return nil, err
	}
	text, err := w.edit(old)
	if err != nil || bytes.Equal(text, old) {
		return nil, err
	}
	weighed := a.weigh(old, text)
	if !weighed.effects.disrupt || weighed.refused() && !w.force {
		return nil, nil // what is refused is told where it is refused
	}
	person.tell(weighed.effects.String())
	if !strings.HasPrefix(strings.ToLower(person.ask("Go on? [y/N] ")), "y") {
		a.complain("ros: nothing was changed\n")
		return nil, exit(1)
	}
	return &weighed.effects, nil
}

// judge refuses a change that brings errors, and tells what it does unless that
// has been agreed to.
func (a *app) judge(w writing, old, text []byte, agreed *effects) error {
	weighed := a.weigh(old, text)
	a.tell(weighed.brought)
	if weighed.refused() && !w.force {
		a.complain("ros: nothing was changed\n")
		return exit(1)
	}
	if left := weighed.leftOut; left != nil {
		a.tell(left)
		a.complain("ros: cloud-config.yml is not used until this is mended\n")
	}
	for _, line := range weighed.overruled {
		a.complain("ros: %s\n", line)
	}
	told := weighed.effects
	switch {
	case w.quiet || agreed != nil && agreed.String() == told.String():
	case agreed != nil, told.disrupt && !w.yes && a.interactive():
		return errOther
	case told.disrupt || a.interactive():
		a.complain("%s", told)
	}
	return nil
}

// who is the person who runs this.
func who() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	id := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}
