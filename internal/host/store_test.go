package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func newTestMachine(t *testing.T, spec Spec) *Machine {
	t.Helper()
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := store.create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAMachineIsFoundAgainAsItWasMade(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine, Disks: []Disk{{Size: 1 << 30}, {Size: 1 << 20}}, NICs: 2})
	again, err := m.store.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	was, _ := json.Marshal(m.Spec)
	is, _ := json.Marshal(again.Spec)
	if string(was) != string(is) || again.Spec.ID == "" {
		t.Errorf("made %s, found %s", was, is)
	}
	for i, d := range m.Spec.Disks {
		if about, err := os.Stat(m.path(d.image(i))); err != nil || about.Size() != d.Size {
			t.Errorf("disk %d: %v, %v; want %d bytes", i, about, err, d.Size)
		}
	}
	all, err := m.store.List()
	if err != nil || len(all) != 1 || all[0].Spec.Name != "a" {
		t.Errorf("List() = %v, %v", all, err)
	}
	if _, err := m.store.Open("b"); !errors.Is(err, ErrNoMachine) {
		t.Errorf("Open(b) = %v; want ErrNoMachine", err)
	}
}

func TestTwoMachinesCannotHaveOneName(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	if _, err := m.store.create(t.Context(), Spec{Name: "a", Kind: VirtualMachine}); err == nil {
		t.Error("the second one was made")
	}
	if _, err := m.store.Open("a"); err != nil {
		t.Errorf("the first one is gone: %v", err)
	}
}

func TestNothingIsLeftOfAMachineThatCannotBeMade(t *testing.T) {
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.create(t.Context(), Spec{Name: "a", Kind: VirtualMachine, Disks: []Disk{{Size: -1}}}); err == nil {
		t.Fatal("a disk of -1 bytes was made")
	}
	if all, err := store.List(); err != nil || len(all) != 0 || exists(store.dir("a")) {
		t.Errorf("left: %v, %v", all, err)
	}
}

func TestTheKeyIsAPairAndPrivate(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	private, err := os.ReadFile(m.path("id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(m.path("id_ed25519.pub"))
	if err != nil {
		t.Fatal(err)
	}
	public, comment, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil || string(public.Marshal()) != string(signer.PublicKey().Marshal()) || comment != "rosmachine a" {
		t.Errorf("public key %q of another pair, or not readable: %v", line, err)
	}
	if about, err := os.Stat(m.path("id_ed25519")); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("mode of the private key: %v, %v", about.Mode(), err)
	}
}

func TestAMachineWhoseSupervisorIsGoneHasCrashed(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	if run, err := m.Run(); err != nil || run.State != Stopped {
		t.Errorf("never started: %v, %v", run.State, err)
	}
	if err := writeJSON(m.path("run.json"), Run{State: Running, Supervisor: Process{PID: 1, Boot: "another"}}); err != nil {
		t.Fatal(err)
	}
	if run, err := m.Run(); err != nil || run.State != Crashed {
		t.Errorf("supervisor gone: %v, %v", run.State, err)
	}
	if _, err := m.Command(t.Context(), Where{}, "true"); err == nil || !strings.Contains(err.Error(), "it is crashed") {
		t.Errorf("Command() = %v", err)
	}
	if err := m.Remove(t.Context(), false); err != nil || exists(m.dir) {
		t.Errorf("Remove() = %v", err)
	}
}

func TestOneSupervisorOwnsAMachine(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	first, err := m.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.lock(); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Errorf("second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := m.lock()
	if err != nil {
		t.Fatalf("lock after the first was given back: %v", err)
	}
	_ = third.Close()
}

func TestCablesAreOutUntilTheyAreIn(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: Namespaces, NICs: 3})
	for _, step := range []struct {
		in    bool
		names []string
		want  string // out after it
	}{
		{false, []string{"eth1"}, "[1]"},
		{false, []string{"eth1", "eth2"}, "[1 2]"},
		{true, []string{"eth1"}, "[2]"},
		{false, []string{AllCables}, "[0 1 2]"},
		{true, []string{"eth0"}, "[1 2]"},
		{true, nil, "[]"},
		{false, nil, "[0 1 2]"},
		{true, nil, "[]"},
	} {
		if err := m.Plug(step.in, step.names...); err != nil {
			t.Fatal(err)
		}
		if out, err := m.unplugged(); err != nil || fmt.Sprint(out) != step.want {
			t.Errorf("after Plug(%v, %q) out are %v, %v; want %s", step.in, step.names, out, err, step.want)
		}
	}
	for _, name := range []string{"eth3", "eth", ""} {
		if err := m.Plug(false, name); err == nil || !strings.Contains(err.Error(), "it has eth0, eth1, eth2") {
			t.Errorf("Plug(false, %q) = %v", name, err)
		}
	}
	if out, err := m.unplugged(); err != nil || len(out) > 0 {
		t.Errorf("after what was refused out are %v, %v", out, err)
	}
}
