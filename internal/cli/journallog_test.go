package cli

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
)

func TestTheJournalGetsTheFieldsAndTheRestStaysReadable(t *testing.T) {
	type sent struct {
		message  string
		priority journal.Priority
		fields   map[string]string
	}
	var got []sent
	var fails error
	var out, before bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	log.AddHook(journalHook{
		send: func(message string, priority journal.Priority, fields map[string]string) error {
			got = append(got, sent{message, priority, fields})
			return fails
		},
		format: &logrus.TextFormatter{DisableColors: true}, otherwise: &before,
	})
	log.WithFields(logrus.Fields{"service": "ntp", "err": errors.New("no such image")}).Error("pull fails")
	want := map[string]string{"SYSLOG_IDENTIFIER": "ros", "ROS_SERVICE": "ntp", "ROS_ERR": "no such image"}
	if len(got) != 1 || got[0].message != "pull fails" || got[0].priority != journal.PriErr || !maps.Equal(got[0].fields, want) {
		t.Errorf("sent %+v", got)
	}
	if before.Len() != 0 {
		t.Errorf("it is logged twice: %s", &before)
	}
	fails = errors.New("the journal is gone")
	log.WithField("service", "ntp").Info("is running")
	if got[1].priority != journal.PriInfo || !strings.Contains(before.String(), `msg="is running" service=ntp`) {
		t.Errorf("without a journal: %s, %+v", &before, got[1])
	}
}
