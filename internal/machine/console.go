package machine

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
)

// ConsoleFormat writes log entries as the kernel writes its own, with the time
// since the machine began: "[    1.234] ros: start System Docker (0.31s)".
type ConsoleFormat struct{ Clock func() time.Duration }

// Format formats one entry. The phase is not repeated as a field: the message
// names it.
func (f ConsoleFormat) Format(e *logrus.Entry) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "[%9.3f] ros: ", f.Clock().Seconds())
	if e.Level <= logrus.WarnLevel {
		fmt.Fprintf(&b, "%v: ", e.Level)
	}
	b.WriteString(e.Message)
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		switch key {
		case "phase", "config":
		case "err":
			fmt.Fprintf(&b, ": %v", e.Data[key])
		default:
			fmt.Fprintf(&b, " (%s %v)", key, e.Data[key])
		}
	}
	b.WriteString("\r\n")
	return b.Bytes(), nil
}
