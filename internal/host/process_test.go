package host

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestAProcessIsItselfAndNoOtherWithItsNumber(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	recycled, rebooted := p, p
	recycled.Start++
	rebooted.Boot = "another"
	for name, other := range map[string]Process{"recycled": recycled, "of an earlier boot": rebooted, "none": {}} {
		if other.Alive() {
			t.Errorf("%s: alive", name)
		}
		if err := other.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: signal = %v; want it refused", name, err)
		}
	}
	if !p.Alive() {
		t.Fatal("the process was killed under another's name")
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
}
