package source

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	// lookAgain bounds how long a trial is not looked at: timers stand still
	// while the machine sleeps.
	lookAgain = time.Minute
	// tryAgain is when a trial is looked at again that could not be ended.
	tryAgain = 5 * time.Second
)

// Attend ends trials below root when their time is up, until ctx ends. told
// hears of every change in how it stands: that a trial has begun or goes on with
// another text, how it ended, and why it could not be.
func Attend(ctx context.Context, root string, told func(Trial, Verdict, error)) error {
	if err := mkdirs(osDisk{}, filepath.Join(root, ConfDir)); err != nil {
		return err
	}
	// It is watched before it is looked at: nothing can happen in between.
	watch, err := newFileWatch(filepath.Join(root, trialFile))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wake := make(chan struct{}, 1)
	watched := make(chan error, 1)
	go func() {
		watched <- watch.run(ctx, func() {
			select {
			case wake <- struct{}{}:
			default: // it will be looked at anyway
			}
		})
		cancel()
	}()
	a := attendant{root: root, clock: Now, told: told}
	a.run(ctx, wake)
	cancel()
	return <-watched
}

// attendant looks after the trials of one machine.
type attendant struct {
	root  string
	clock func() Moment
	told  func(Trial, Verdict, error)
}

// run looks how it stands whenever it is woken and whenever the time is up. That
// there is nothing is no news at first.
func (a attendant) run(ctx context.Context, wake <-chan struct{}) {
	last := news(NoTrial, Trial{}, nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		now := a.clock()
		trial, verdict, err := Settle(a.root, now)
		if now := news(verdict, trial, err); now != last {
			last = now
			a.told(trial, verdict, err)
		}
		switch {
		case err != nil:
			timer.Reset(tryAgain)
		case verdict == OnTrial:
			timer.Reset(min(trial.Left(now), lookAgain))
		default:
			timer.Stop()
		}
	}
}

// news is how it stands, to be compared with what was told.
func news(v Verdict, t Trial, err error) string { return fmt.Sprint(v, t.Tried, err) }

// noticeAge is how long the end of a trial is news.
const noticeAge = 24 * time.Hour

// Notices are what somebody who looks at the machine should know about the
// user's file: that it is on trial, or how the last trial ended if nothing was
// changed since. They are warnings.
func Notices(root string, now Moment) cloudconfig.Report {
	trial, pending, err := Pending(root)
	switch {
	case err != nil:
		return notice(err.Error(), "")
	case pending:
		until := now.Wall.Add(trial.Left(now)).Format(time.TimeOnly)
		return notice(fmt.Sprintf("%q is on trial until %s", trial.Command, until),
			"'ros config confirm' keeps it, 'ros config cancel' takes it back")
	}
	dir := filepath.Join(root, historyDir)
	numbers, err := entryNumbers(dir)
	if err != nil || len(numbers) == 0 {
		return nil // the history is told about by those who ask for it
	}
	e, err := readEntry(dir, numbers[len(numbers)-1])
	if err != nil || e.Notice == "" || now.Wall.Sub(e.Time) > noticeAge {
		return nil
	}
	return notice(e.Notice, "'ros config history' and 'ros config diff' show it")
}

func notice(msg, hint string) cloudconfig.Report {
	return cloudconfig.Report{{
		Pos: cloudconfig.Pos{File: CloudConfigFile}, Msg: msg, Hint: hint, Severity: cloudconfig.Warning,
	}}
}
