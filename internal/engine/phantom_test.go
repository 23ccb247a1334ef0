package engine

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/servicectl/plan"
)

const phantomID = "37c772c999c88c6191d1de1f0a1582f95d9f169daae5bc9d7f21ae9573d1486e"

// process runs a program under another name until the test ends.
func process(t *testing.T, name string) (pidFile string, ended chan struct{}) {
	t.Helper()
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, program, 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // by a signal
	}()
	pidFile = filepath.Join(dir, "pid")
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return pidFile, ended
}

func TestADaemonThatKeepsTheNameOfARemovedContainerIsStartedAnew(t *testing.T) {
	pidFile, ended := process(t, "dockerd")
	f := newFakeDaemon(t)
	f.images["ntp:1"] = "sha256:1"
	f.answers["POST /containers/create"] = answer{http.StatusConflict, `{"message": "Conflict. The container name \"/ntp\" is already in use by container \"` +
		phantomID + `\". You have to remove (or rename) that container to be able to reuse that name."}`}
	e := f.engine(t, Options{SystemPID: pidFile, UserPID: pidFile})
	create := func() string {
		t.Helper()
		err := e.Do(t.Context(), step(plan.Create, "ntp"), service("ntp", types.ServiceConfig{Image: "ntp:1"}))
		if err == nil {
			t.Fatal("there is no error")
		}
		return err.Error()
	}
	for range phantomRefusals - 1 {
		if told := create(); !strings.HasSuffix(told, "There is no such container: Docker keeps its name until it is started anew") {
			t.Errorf("told %q", told)
		}
	}
	select {
	case <-ended:
		t.Error("it was ended for what may be passing")
	default:
	}
	if told := create(); !strings.HasSuffix(told, "started anew, as it is now") {
		t.Errorf("told %q", told)
	}
	<-ended
}

func TestADaemonIsNotEndedForAContainerThatIsThere(t *testing.T) {
	f := newFakeDaemon(t)
	f.images["ntp:1"] = "sha256:1"
	there := managed(phantomID, "ntp", "running")
	there.Config.Labels = nil
	f.containers = []container.InspectResponse{there}
	f.answers["POST /containers/create"] = answer{http.StatusConflict, `{"message": "name \"/ntp\" is already in use by container \"` + phantomID + `\"."}`}
	e := f.engine(t, Options{SystemPID: "/nowhere", UserPID: "/nowhere"})
	for range 2 * phantomRefusals {
		err := e.Do(t.Context(), step(plan.Create, "ntp"), service("ntp", types.ServiceConfig{Image: "ntp:1"}))
		if err == nil || strings.Contains(err.Error(), "no such container") {
			t.Fatalf("told %v", err)
		}
	}
}

func TestAnotherProcessIsNotTakenForADaemon(t *testing.T) {
	pidFile, ended := process(t, "database")
	if err := endDaemon(pidFile); err == nil {
		t.Error("another process was ended")
	}
	for name, text := range map[string]string{"none": "", "PID 1": "1", "no number": "x", "gone": "4194304"} {
		file := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := endDaemon(file); err == nil {
			t.Errorf("%s: it is a daemon", name)
		}
	}
	select {
	case <-ended:
		t.Error("another process was ended")
	default:
	}
}

func TestADaemonIsStartedAnewNowAndThenOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := phantoms{pidFile: "pid"}
		anew := 0
		for range 60 * 60 { // an hour
			if p.due("a") {
				anew++
			}
			time.Sleep(time.Second)
		}
		if anew != 6 {
			t.Errorf("%d times in an hour", anew)
		}
	})
}
