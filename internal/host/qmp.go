package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// qmpTime bounds one exchange with QEMU's monitor.
const qmpTime = 5 * time.Second

// qmpCommand is one request to QEMU's monitor.
type qmpCommand struct {
	Execute   string `json:"execute"`
	Arguments any    `json:"arguments,omitempty"`
}

// qmp sends commands to the monitor behind a socket, one after the other, and
// returns when the last one is answered.
func qmp(socket string, commands ...qmpCommand) error {
	conn, err := dialUnix(socket)
	if err != nil {
		return fmt.Errorf("cannot reach the emulator: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(qmpTime)); err != nil {
		return fmt.Errorf("cannot reach the emulator: %w", err)
	}
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	var greeting struct {
		QMP json.RawMessage `json:"QMP"`
	}
	if err := in.Decode(&greeting); err != nil || greeting.QMP == nil {
		return fmt.Errorf("cannot understand the emulator: %w", errors.Join(err, errNoGreeting))
	}
	for _, c := range append([]qmpCommand{{Execute: "qmp_capabilities"}}, commands...) {
		if err := out.Encode(c); err != nil {
			return fmt.Errorf("cannot ask the emulator for %s: %w", c.Execute, err)
		}
		if err := qmpAnswer(in); err != nil {
			return fmt.Errorf("cannot get %s from the emulator: %w", c.Execute, err)
		}
	}
	return nil
}

var errNoGreeting = errors.New("it does not greet")

// qmpAnswer reads until the answer, past events.
func qmpAnswer(in *json.Decoder) error {
	for {
		var answer struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := in.Decode(&answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return errors.New(answer.Error.Desc)
		}
		if answer.Return != nil {
			return nil
		}
	}
}

func ctrlAltDel() qmpCommand {
	var keys []map[string]string
	for _, key := range []string{"ctrl", "alt", "delete"} {
		keys = append(keys, map[string]string{"type": "qcode", "data": key})
	}
	return qmpCommand{Execute: "send-key", Arguments: map[string]any{"keys": keys}}
}
