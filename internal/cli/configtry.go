package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/ros-os/ros/internal/source"
)

func (a *app) configConfirm() *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "Keep the change that is on trial",
		Long: `Keep the change that was made with --try. Without this it is taken back when its
time is up: by the controller, or by the next boot if the machine was off then.
If the clock was lost meanwhile it is taken back too.

Until then no change without --try is accepted; one with --try goes back to the
same text. If cloud-config.yml was changed by hand meanwhile, the trial is over
and the file stays as it is.`,
		Example: "  ros config set --try 2m rancher.network.interfaces.eth0.address 10.0.0.2/24\n  ros config confirm",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.endTrial(source.Confirm(a.root))
		},
	}
}

func (a *app) configCancel() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel",
		Short:   "Take the change that is on trial back at once",
		Example: "  ros config cancel",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer a.reload(cmd.Context())
			return a.endTrial(source.Revert(a.root, source.Now()))
		},
	}
}

// endTrial says how a trial ended.
func (a *app) endTrial(t source.Trial, verdict source.Verdict, err error) error {
	if err != nil {
		return err
	}
	switch verdict {
	case source.NoTrial, source.OnTrial:
		return errors.New("nothing is on trial")
	case source.Confirmed:
		a.complain("ros: %q stays\n", t.Command)
	case source.Reverted:
		a.complain("ros: %q was taken back: cloud-config.yml is again what it was before\n", t.Command)
	case source.ChangedByHand:
		return fmt.Errorf("the trial of %q is over: cloud-config.yml was changed by hand meanwhile and stays as it is", t.Command)
	}
	return nil
}

// tellTrial says until when a change is on trial.
func (a *app) tellTrial(ctx context.Context, w writing, changed bool) {
	if !changed {
		a.complain("ros: nothing was changed, so nothing is on trial\n")
		return
	}
	until := time.Now().Add(w.try).Format(time.TimeOnly)
	a.complain("ros: on trial until %s: 'ros config confirm' keeps it, 'ros config cancel' takes it back\n", until)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := a.client().Status(ctx); err != nil {
		a.complain("ros: the controller does not answer; nothing takes it back until it runs again\n")
	}
}

// trials looks after changes on trial for the controller.
type trials struct {
	root   string
	log    *logrus.Entry
	reload func()
}

// settle ends a trial whose time is up before the configuration is read.
func (t trials) settle() { t.told(source.Settle(t.root, source.Now())) }

// run ends trials when their time is up, until ctx ends. The status tells what
// is on trial, so it is read again whenever that changes.
func (t trials) run(ctx context.Context) error {
	return source.Attend(ctx, t.root, func(trial source.Trial, verdict source.Verdict, err error) {
		t.told(trial, verdict, err)
		t.reload()
	})
}

func (t trials) told(trial source.Trial, verdict source.Verdict, err error) {
	log := t.log.WithField("config", source.CloudConfigFile)
	switch {
	case err != nil:
		log.WithField("err", err).Error("cannot look after the change on trial")
	case verdict != source.NoTrial:
		log.Infof("%q: %s", trial.Command, verdict)
	}
}
