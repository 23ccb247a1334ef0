package machine

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// journal notes, with the time, what a shutdown does.
type journal struct {
	begun time.Time
	lines []string
}

func (j *journal) note(s string) {
	j.lines = append(j.lines, time.Since(j.begun).String()+" "+s)
}

// fakeProcess needs a time to stop.
type fakeProcess struct {
	journal *journal
	name    string
	needs   time.Duration
}

func (p fakeProcess) StopWith(ctx context.Context, sig syscall.Signal) error {
	p.journal.note(p.name + " gets " + sig.String())
	select {
	case <-time.After(p.needs):
		p.journal.note(p.name + " ended")
		return nil
	case <-ctx.Done():
		p.journal.note(p.name + " was killed")
		return ctx.Err()
	}
}

// fakeMachine only notes.
type fakeMachine struct{ journal *journal }

func (m fakeMachine) killAll(context.Context) { m.journal.note("kill") }
func (m fakeMachine) unmount(context.Context) { m.journal.note("unmount") }
func (m fakeMachine) leave(a Action) error {
	m.journal.note(a.String())
	return nil
}

func TestShutdownOrder(t *testing.T) {
	for _, row := range []struct {
		name               string
		controller, docker time.Duration // what they need; negative: not started
		hurry              time.Duration // 0: not
		want               []string
	}{
		{"services, then System Docker, then the rest", 2 * time.Second, time.Second, 0, []string{
			"0s controller gets power failure", "2s controller ended", "2s docker gets terminated", "3s docker ended", "3s kill", "3s unmount", "3s reboot",
		}},
		{"what does not end in its time is killed, and the rest still happens", time.Hour, time.Hour, 0, []string{
			"0s controller gets power failure", "20s controller was killed", "20s docker gets terminated", "35s docker was killed", "35s kill", "35s unmount", "35s reboot",
		}},
		{"a machine that was not up yet", -1, -1, 0, []string{"0s kill", "0s unmount", "0s reboot"}},
		{"in a hurry nothing is waited for, and disks are still written", time.Hour, time.Hour, 3 * time.Second, []string{
			"0s controller gets power failure", "3s controller was killed", "3s docker gets terminated", "3s docker was killed", "3s kill", "3s unmount", "3s reboot",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{begun: time.Now()}
				s := shutdown{timeout: 20 * time.Second, machine: fakeMachine{j}}
				if row.controller >= 0 {
					s.controller = fakeProcess{j, "controller", row.controller}
					s.docker = fakeProcess{j, "docker", row.docker}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if row.hurry > 0 {
					time.AfterFunc(row.hurry, cancel)
				}
				if err := s.run(ctx, Reboot); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(j.lines, row.want) {
					t.Errorf("%q\nwant %q", j.lines, row.want)
				}
			})
		})
	}
}

func TestSignalsToPID1(t *testing.T) {
	want := map[syscall.Signal]Action{
		syscall.SIGTERM: PowerOff, syscall.SIGUSR2: PowerOff, syscall.SIGINT: Reboot, syscall.SIGUSR1: Halt,
	}
	for _, sig := range powerSignals() {
		s, ok := sig.(syscall.Signal)
		if a, known := want[s]; !ok || !known || actionOf(sig) != a {
			t.Errorf("%v: %v", sig, actionOf(sig))
		}
		delete(want, s)
	}
	if len(want) > 0 {
		t.Errorf("not listened to: %v", want)
	}
}

func TestStateIsUnmountedLastFirst(t *testing.T) {
	const table = `22 1 0:20 / / rw - overlay overlay rw
23 22 0:21 / /proc rw - proc proc rw
24 22 254:0 / /state rw - ext4 /dev/vda rw
25 22 254:0 /var /var rw shared:1 - ext4 /dev/vda rw
26 25 0:30 / /var/lib/docker/with\040blank rw - overlay overlay rw
27 22 0:31 / /variety rw - tmpfs tmpfs rw
28 22 254:0 /home /home rw - ext4 /dev/vda rw
broken line
`
	want := []string{"/home", "/var/lib/docker/with blank", "/var", "/state"}
	if got := toUnmount(table); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add("25 22 254:0 /var /var rw shared:1 - ext4 /dev/vda rw\n")
	f.Add("\\040 \\")
	f.Fuzz(func(t *testing.T, text string) {
		for _, target := range toUnmount(text) {
			if target == "/" || target == "" {
				t.Errorf("%q would be unmounted", target)
			}
		}
	})
}
