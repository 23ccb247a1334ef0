package host

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTypingEndsAtTheDetachKey(t *testing.T) {
	for _, row := range []struct {
		name, typed, want string
		err               error
	}{
		{"the key ends it", "ls\r\x1dmore", "ls\r", nil},
		{"so does the end of the input", "ls\r", "ls\r", io.EOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got bytes.Buffer
			err := typeUntilDetach(&got, strings.NewReader(row.typed))
			if got.String() != row.want || !errors.Is(err, row.err) {
				t.Errorf("passed on %q, %v", got.String(), err)
			}
		})
	}
}

func TestTheConsoleShowsAndLogsAndTakesKeys(t *testing.T) {
	dir := t.TempDir()
	hub, err := openConsoleHub(dir+"/console.sock", dir+"/console.log")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialUnix(dir + "/console.sock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("typed\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := hub.terminal.Read(buf)
	if err != nil || string(buf[:n]) != "typed\n" {
		t.Errorf("the machine reads %q, %v", buf[:n], err)
	}
	if _, err := hub.terminal.WriteString("shown"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := ""
	for !strings.Contains(got, "shown") {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got += string(buf[:n])
	}
	if err := hub.close(); err != nil {
		t.Fatal(err)
	}
	if log, err := os.ReadFile(dir + "/console.log"); err != nil || !strings.Contains(string(log), "shown") {
		t.Errorf("log: %q, %v", log, err)
	}
}

func TestAFollowedLogBeginsAnewWhenItWasReplaced(t *testing.T) {
	path := t.TempDir() + "/log"
	var out bytes.Buffer
	at := int64(0)
	for _, text := range []string{"", "one\n", "one\ntwo\n", "new\n"} {
		put(t, path, text, 0o600)
		var err error
		if at, err = copyFrom(path, at, &out); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "one\ntwo\nnew\n" {
		t.Errorf("followed %q", out.String())
	}
}
