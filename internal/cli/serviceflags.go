package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
)

// someServices refuses a command that names no service.
func someServices(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("which services? ('ros service ps' shows which there are)")
	}
	return nil
}

// graceFlag is how long services have to end.
type graceFlag struct{ seconds int }

// add adds -t. RancherOS and Docker Compose call it --timeout, by which our other
// commands say how long they wait: a number alone is theirs, a duration ours.
func (f *graceFlag) add(cmd *cobra.Command, wait *waitFlags) {
	f.seconds = -1
	cmd.Flags().VarP(secondsFlag{&f.seconds}, "time", "t", "`SECONDS` until a service is killed; without it, its stop_grace_period or 10")
	cmd.Flags().Lookup("timeout").Value = eitherFlag{secondsFlag{&f.seconds}, &wait.timeout}
	cmd.Flags().Lookup("timeout").Usage = "wait no longer than this; a number without a unit is the SECONDS of -t"
}

// secondsFlag is a number of seconds; less than 0 is none.
type secondsFlag struct{ n *int }

func (f secondsFlag) Type() string { return "int" }

func (f secondsFlag) String() string {
	if f.n == nil || *f.n < 0 {
		return ""
	}
	return strconv.Itoa(*f.n)
}

func (f secondsFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return errors.New("expected a number of seconds, such as 60")
	}
	*f.n = n
	return nil
}

// eitherFlag is a number of seconds, or how long to wait.
type eitherFlag struct {
	secondsFlag
	wait *time.Duration
}

func (f eitherFlag) Type() string { return "duration" }

func (f eitherFlag) String() string {
	if f.wait == nil {
		return ""
	}
	return f.wait.String()
}

func (f eitherFlag) Set(text string) error {
	if f.secondsFlag.Set(text) == nil {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("expected how long to wait, such as 2m, or a number of seconds, such as 60")
	}
	*f.wait = d
	return nil
}

// duration is what the controller takes: 0 is the service's own. Less than a
// second is one.
func (f graceFlag) duration() time.Duration {
	if f.seconds < 0 {
		return 0
	}
	return max(time.Duration(f.seconds)*time.Second, time.Second)
}

// with has services end within that time when do asks them to.
func (f graceFlag) with(do verbFunc) verbFunc {
	return func(c *servicectl.Client, ctx context.Context, name string) error {
		if err := c.Grace(ctx, name, f.duration()); err != nil {
			return err
		}
		return do(c, ctx, name)
	}
}

var errVolumes = errors.New("cannot remove volumes (-v): nothing but a person removes data ('docker volume rm' does)")

// volumesFlag is RancherOS's, of `rm` and `down`.
func volumesFlag(cmd *cobra.Command, volumes *bool) {
	cmd.Flags().BoolVarP(volumes, "volumes", "v", false, "is refused: volumes are never removed")
}

// downFlags are RancherOS's other flags of `down`.
type downFlags struct {
	volumes, orphans bool
	images           string
}

func (f *downFlags) add(cmd *cobra.Command) {
	volumesFlag(cmd, &f.volumes)
	cmd.Flags().StringVar(&f.images, "rmi", "", "is refused: `IMAGES` stay")
	cmd.Flags().BoolVar(&f.orphans, "remove-orphans", false, "does nothing: the controller removes them in any case")
}

func (f *downFlags) refused() error {
	switch {
	case f.volumes:
		return errVolumes
	case f.images != "":
		return errors.New("cannot remove images (--rmi): other services may need them ('docker image rm' removes those that none needs)")
	}
	return nil
}
