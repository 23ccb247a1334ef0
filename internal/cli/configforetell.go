package cli

import (
	"context"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// foretell tells what a change of the user's layer would do, with the services
// and on the machine, and changes nothing.
func (a *app) foretell(ctx context.Context, edit func(old []byte) ([]byte, error)) error {
	old, err := source.Current(a.root)
	if err != nil {
		return err
	}
	text, err := edit(old)
	if err != nil {
		return err
	}
	weighed := a.weigh(old, text)
	a.tell(weighed.brought)
	if weighed.refused() {
		return exit(1)
	}
	a.tell(weighed.leftOut)
	for _, line := range weighed.overruled {
		a.complain("ros: %s\n", line)
	}
	changes := a.changesOf(ctx, source.Propose(a.root, text).Config)
	told := weighed.effects.String() + changesText(changes)
	if told == "" {
		told = "nothing to do\n"
	}
	return a.print("%s", told)
}

// foretellMerge is [app.foretell] for a cloud-config that would be merged.
func (a *app) foretellMerge(ctx context.Context, file string) error {
	patch, err := a.patch(file)
	if err != nil {
		return err
	}
	return a.foretell(ctx, func(old []byte) ([]byte, error) { return cloudconfig.MergeInto(old, patch) })
}

// patch reads a cloud-config that is to be merged into the user's layer, and
// refuses one with errors.
func (a *app) patch(file string) ([]byte, error) {
	patch, err := a.read(file)
	if err != nil {
		return nil, err
	}
	if _, report := source.ParseUserData("user-data", shown(file), patch); report.Err() != nil {
		a.tell(report)
		a.complain("ros: nothing was changed\n")
		return nil, exit(1)
	}
	return patch, nil
}
