package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
)

// logToJournal makes a log go to the journal of the machine, with its fields,
// where there is one. What the journal does not take goes where it went before.
func logToJournal(log *logrus.Logger) {
	if !journal.Enabled() {
		return
	}
	log.AddHook(journalHook{send: journal.Send, format: log.Formatter, otherwise: log.Out})
	log.SetOutput(io.Discard)
}

// journalHook sends entries of a log to the journal.
type journalHook struct {
	send      func(message string, priority journal.Priority, fields map[string]string) error
	format    logrus.Formatter
	otherwise io.Writer
}

// Levels are all: which of them are logged, the log itself decides.
func (h journalHook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire sends one entry.
func (h journalHook) Fire(e *logrus.Entry) error {
	if h.send(e.Message, priorityOf(e.Level), journalFields(e.Data)) == nil {
		return nil
	}
	line, err := h.format.Format(e)
	if err == nil {
		_, err = h.otherwise.Write(line)
	}
	return err
}

// journalFields are the fields of an entry as the journal names them: ROS_SERVICE
// and kin.
func journalFields(data logrus.Fields) map[string]string {
	out := map[string]string{"SYSLOG_IDENTIFIER": "ros"}
	for key, value := range data {
		name := strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, strings.ToUpper(key))
		out["ROS_"+name] = fmt.Sprint(value)
	}
	return out
}

func priorityOf(level logrus.Level) journal.Priority {
	switch level {
	case logrus.PanicLevel, logrus.FatalLevel:
		return journal.PriCrit
	case logrus.ErrorLevel:
		return journal.PriErr
	case logrus.WarnLevel:
		return journal.PriWarning
	case logrus.InfoLevel:
		return journal.PriInfo
	case logrus.DebugLevel, logrus.TraceLevel:
	}
	return journal.PriDebug
}
