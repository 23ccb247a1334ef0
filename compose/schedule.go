package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// RancherOS's labels for what is done at certain times.
const (
	LabelSchedule        = "cron.schedule"        // six fields, or @hourly and its kin
	LabelScheduleAction  = "cron.action"          // start (the default), stop or restart
	LabelScheduleTimeout = "cron.restart_timeout" // seconds that a restart gives the container to end
)

// ScheduleAction is what a schedule does with a service.
type ScheduleAction string

// The actions of [LabelScheduleAction].
const (
	ScheduleStart   ScheduleAction = "start"
	ScheduleStop    ScheduleAction = "stop"
	ScheduleRestart ScheduleAction = "restart"
)

// Schedule is when something is done with a service, and what.
type Schedule struct {
	When   string // as written
	Action ScheduleAction
	Grace  time.Duration // of a restart; 0 is the service's own
}

// Next is the first instant after t that the schedule names, in t's time zone;
// zero when there is none.
func (s *Schedule) Next(t time.Time) time.Time {
	when, err := parseSchedule(s.When)
	if err != nil {
		return time.Time{} // [Build] makes none that cannot be read
	}
	return when.Next(t)
}

func (s *Schedule) starts() bool { return s != nil && s.Action == ScheduleStart }

// parseSchedule reads a schedule: seconds, minutes, hours, day of the month,
// month, day of the week; without seconds; or @hourly, @every 1h30m and so on.
func parseSchedule(text string) (cron.Schedule, error) {
	if strings.Contains(text, "TZ=") {
		return nil, errors.New("the machine's time zone counts, no other can be given")
	}
	return cron.NewParser(
		cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor,
	).Parse(text)
}

// readSchedule gives the labels of RancherOS's schedules their meaning.
func (d *draft) readSchedule() {
	labels := d.svc.Spec.Labels
	text, given := labels[LabelSchedule]
	if !given {
		for _, name := range []string{LabelScheduleAction, LabelScheduleTimeout} {
			if _, alone := labels[name]; alone {
				d.warn(d.labelPos(name), d.at.below("labels"), name+" without "+LabelSchedule+" does nothing", "")
			}
		}
		return
	}
	at := d.at.below("labels")
	s := Schedule{When: strings.TrimSpace(text), Action: ScheduleStart}
	when, err := parseSchedule(s.When)
	if err != nil || when.Next(time.Unix(0, 0).UTC()).IsZero() {
		reason := "it names no instant at all"
		if err != nil {
			reason = err.Error()
		}
		d.fail(d.labelPos(LabelSchedule), at, fmt.Sprintf("%s: %q is not a schedule: %s", LabelSchedule, text, reason),
			`write six fields such as "0 30 4 * * *" (seconds first), or @hourly, @daily, @every 1h30m`)
		return
	}
	if action, ok := labels[LabelScheduleAction]; ok {
		s.Action = ScheduleAction(action)
	}
	switch s.Action {
	case ScheduleStart, ScheduleStop, ScheduleRestart:
	default:
		d.fail(d.labelPos(LabelScheduleAction), at, fmt.Sprintf("%s: unknown action %q", LabelScheduleAction, s.Action),
			"actions are start, stop and restart")
	}
	if timeout, ok := labels[LabelScheduleTimeout]; ok {
		n, err := strconv.Atoi(strings.TrimSpace(timeout))
		if err != nil || n < 0 || n > 24*60*60 {
			d.fail(d.labelPos(LabelScheduleTimeout), at, fmt.Sprintf("%s: %q is not a number of seconds", LabelScheduleTimeout, timeout), "")
		}
		s.Grace = time.Duration(n) * time.Second
	}
	d.svc.Schedule = &s
}
