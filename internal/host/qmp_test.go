package host

import (
	"bufio"
	"encoding/json"
	"net"
	"strings"
	"testing"
)

// fakeMonitor speaks QEMU's side: a greeting, then for each command an event
// and the answer that answers has for it.
func fakeMonitor(t *testing.T, greeting string, answers map[string]string) (socket string, asked chan string) {
	t.Helper()
	socket = t.TempDir() + "/" + strings.Repeat("long", 20) + "/qmp.sock"
	mkdirFor(t, socket)
	listener, err := listenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	asked = make(chan string, 10)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			serveMonitor(conn, greeting, answers, asked)
		}
	}()
	return socket, asked
}

func serveMonitor(conn net.Conn, greeting string, answers map[string]string, asked chan<- string) {
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte(greeting + "\n"))
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		var c qmpCommand
		if json.Unmarshal(lines.Bytes(), &c) != nil {
			return
		}
		asked <- c.Execute
		answer, ok := answers[c.Execute]
		if !ok {
			answer = `{"return": {}}`
		}
		_, _ = conn.Write([]byte(`{"event": "X"}` + "\n" + answer + "\n"))
	}
}

const greets = `{"QMP": {"version": {}}}`

func TestTheMonitorIsAskedInOrder(t *testing.T) {
	socket, asked := fakeMonitor(t, greets, nil)
	if err := qmp(socket, qmpCommand{Execute: "system_powerdown"}, ctrlAltDel()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"qmp_capabilities", "system_powerdown", "send-key"} {
		if got := <-asked; got != want {
			t.Errorf("asked %s; want %s", got, want)
		}
	}
}

func TestTheMonitorsRefusalIsTold(t *testing.T) {
	socket, _ := fakeMonitor(t, greets, map[string]string{"system_powerdown": `{"error": {"desc": "no button"}}`})
	err := qmp(socket, qmpCommand{Execute: "system_powerdown"})
	if err == nil || !strings.Contains(err.Error(), "no button") {
		t.Errorf("qmp() = %v", err)
	}
}

func TestAStrangerBehindTheSocketIsRefused(t *testing.T) {
	socket, _ := fakeMonitor(t, `{"hello": 1}`, nil)
	if err := qmp(socket); err == nil {
		t.Error("qmp() took it for a monitor")
	}
}
