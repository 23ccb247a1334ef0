package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rig is a machine with a clock of its own, on which a text goes on trial.
type rig struct {
	t    *testing.T
	root string
	boot string
	off  time.Duration // how wrong the wall clock is
	from time.Time     // when the boot began
	told []string      // what the controller heard
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, root: inMemory(t), boot: "first", from: time.Now()}
	r.put(firstText, 0)
	return r
}

func (r *rig) now() Moment {
	return Moment{Wall: time.Now().Add(r.off), Boot: r.boot, Up: time.Since(r.from)}
}

func (r *rig) desk() desk { return desk{root: r.root, disk: idle{}, now: r.now()} }

func (r *rig) put(text string, try time.Duration) {
	r.t.Helper()
	if err := r.desk().update(put(text, try)); err != nil {
		r.t.Fatal(err)
	}
}

// controller runs until it is stopped; the clock goes on only while everybody
// sleeps.
func (r *rig) controller() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	a := attendant{root: r.root, clock: r.now, told: func(_ Trial, v Verdict, err error) {
		r.told = append(r.told, v.String())
		if err != nil {
			r.t.Error(err)
		}
	}}
	running.Go(func() { a.run(ctx, nil) })
	return func() {
		cancel()
		running.Wait()
	}
}

// reboot begins another boot, whose wall clock is wrong by off.
func (r *rig) reboot(off time.Duration) {
	r.boot += "+"
	r.from, r.off = time.Now(), off
}

func (r *rig) has(want string) {
	r.t.Helper()
	synctest.Wait()
	if text, err := Current(r.root); err != nil || string(text) != want {
		r.t.Errorf("after %s the file has %q (%v), want %q", time.Since(r.from), text, err, want)
	}
}

func (r *rig) pending(want bool) {
	r.t.Helper()
	if _, on, err := Pending(r.root); err != nil || on != want {
		r.t.Errorf("on trial: %v (%v), want %v", on, err, want)
	}
}

// wait lets fake time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	<-timer.C
}

func TestATrial(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"ends when its time is up, and not before", func(t *testing.T, r *rig) {
			defer r.controller()()
			wait(t, time.Minute-time.Millisecond)
			r.has(secondText)
			wait(t, time.Millisecond)
			r.has(firstText)
			r.pending(false)
		}},
		{"lasts hours, though the timer looks again every minute", func(t *testing.T, r *rig) {
			r.put(thirdText, 3*time.Hour)
			defer r.controller()()
			wait(t, 3*time.Hour-time.Millisecond)
			r.has(thirdText)
			wait(t, time.Millisecond)
			r.has(firstText)
		}},
		{"ends for good when it is confirmed", func(t *testing.T, r *rig) {
			defer r.controller()()
			if _, v, err := Confirm(r.root); v != Confirmed || err != nil {
				t.Errorf("%s, %v", v, err)
			}
			wait(t, time.Hour)
			r.has(secondText)
			if _, v, err := Confirm(r.root); v != NoTrial || err != nil {
				t.Errorf("confirmed twice: %s, %v", v, err)
			}
		}},
		{"ends at once when it is cancelled", func(t *testing.T, r *rig) {
			if _, v, err := Revert(r.root, r.now()); v != Reverted || err != nil {
				t.Errorf("%s, %v", v, err)
			}
			r.has(firstText)
			r.pending(false)
		}},
		{"outlives a controller", func(t *testing.T, r *rig) {
			stop := r.controller()
			wait(t, 30*time.Second)
			stop()
			wait(t, 10*time.Second)
			defer r.controller()()
			wait(t, 20*time.Second-time.Millisecond)
			r.has(secondText)
			wait(t, time.Millisecond)
			r.has(firstText)
		}},
		{"ends as soon as there is a controller again", func(t *testing.T, r *rig) {
			wait(t, time.Hour)
			r.has(secondText)
			defer r.controller()()
			r.has(firstText)
		}},
		{"ends before another change, without a controller", func(t *testing.T, r *rig) {
			wait(t, time.Hour)
			err := r.desk().update(Change{Edit: func(old []byte) ([]byte, error) {
				if string(old) != firstText {
					t.Errorf("the change begins with %q", old)
				}
				return []byte(thirdText), nil
			}})
			if err != nil {
				t.Error(err)
			}
			r.has(thirdText)
			r.pending(false)
		}},
		{"goes on over a reboot, by the wall clock", func(t *testing.T, r *rig) {
			wait(t, 20*time.Second)
			r.reboot(0)
			defer r.controller()()
			wait(t, 40*time.Second-time.Millisecond)
			r.has(secondText)
			wait(t, time.Millisecond)
			r.has(firstText)
		}},
		{"is over after a reboot that took too long", func(t *testing.T, r *rig) {
			wait(t, 20*time.Second)
			r.reboot(10 * time.Minute)
			if _, v, err := r.desk().settle(); v != Reverted || err != nil {
				t.Errorf("%s, %v", v, err)
			}
			r.has(firstText)
		}},
		{"is over after a reboot that lost the clock", func(t *testing.T, r *rig) {
			r.reboot(-24 * 365 * time.Hour)
			if _, v, err := r.desk().settle(); v != Reverted || err != nil {
				t.Errorf("%s, %v", v, err)
			}
			r.has(firstText)
		}},
		{"does not last longer after a reboot when the clock is set back", func(t *testing.T, r *rig) {
			r.reboot(0)
			defer r.controller()()
			wait(t, time.Second)
			r.off = -10 * time.Hour
			wait(t, 59*time.Second)
			r.has(firstText)
		}},
		{"lasts no shorter and no longer when the clock is set", func(t *testing.T, r *rig) {
			defer r.controller()()
			r.off = 10 * time.Hour
			wait(t, 30*time.Second)
			r.has(secondText)
			r.off = -10 * time.Hour
			wait(t, 30*time.Second)
			r.has(firstText)
		}},
		{"is over when the machine reboots again and again", func(t *testing.T, r *rig) {
			r.put(thirdText, 100*time.Hour)
			for i := range mostBoots + 1 {
				r.has(thirdText)
				r.reboot(0)
				if _, v, err := r.desk().settle(); err != nil || (v == Reverted) != (i == mostBoots) {
					t.Errorf("reboot %d: %s, %v", i+1, v, err)
				}
			}
			r.has(firstText)
		}},
		{"ends without a revert when the file was changed by hand", func(t *testing.T, r *rig) {
			if err := os.WriteFile(filepath.Join(r.root, CloudConfigFile), []byte(thirdText), 0o600); err != nil {
				t.Fatal(err)
			}
			defer r.controller()()
			wait(t, time.Hour)
			r.has(thirdText)
			r.pending(false)
			if entries, err := History(r.root); err != nil || string(entries[len(entries)-1].Text) != thirdText {
				t.Errorf("what was written by hand is not in the history: %v", err)
			}
			r.notice("changed by hand")
		}},
		{"can be followed by another: both go back to the text before them", func(t *testing.T, r *rig) {
			defer r.controller()()
			wait(t, 50*time.Second)
			r.put(thirdText, time.Minute)
			wait(t, time.Minute-time.Millisecond)
			r.has(thirdText)
			wait(t, time.Minute) // nobody woke the controller
			r.has(firstText)
		}},
		{"keeps other changes back", func(t *testing.T, r *rig) {
			var on OnTrialError
			if err := r.desk().update(put(thirdText, 0)); !errors.As(err, &on) || on.Left != time.Minute || !strings.Contains(err.Error(), "ros config confirm") {
				t.Errorf("got %v", err)
			}
			r.has(secondText)
		}},
		{"is told while it lasts and after it ended", func(t *testing.T, r *rig) {
			defer r.controller()()
			r.notice("on trial until " + r.now().Wall.Add(time.Minute).Format(time.TimeOnly))
			wait(t, time.Minute)
			r.has(firstText)
			r.notice("was not confirmed within 1m0s")
			wait(t, noticeAge)
			if found := Notices(r.root, r.now()); len(found) == 0 {
				t.Error("it is news no longer than a day")
			}
			wait(t, time.Second)
			if found := Notices(r.root, r.now()); len(found) != 0 {
				t.Errorf("yesterday's news: %v", found)
			}
			if got := fmt.Sprint(r.told); got != "[on trial reverted no trial]" && got != "[on trial reverted]" {
				t.Errorf("told %s", got)
			}
		}},
		{"that nobody can read is given up", func(t *testing.T, r *rig) {
			if err := os.WriteFile(filepath.Join(r.root, trialFile), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := r.desk().settle(); err == nil {
				t.Error("it is not told")
			}
			r.pending(false)
			r.has(secondText)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.put(secondText, time.Minute)
				tt.run(t, r)
			})
		})
	}
}

func (r *rig) notice(want string) {
	r.t.Helper()
	synctest.Wait()
	found := Notices(r.root, r.now())
	if len(found) != 1 || !strings.Contains(found[0].String(), want) || found.Err() != nil {
		r.t.Errorf("notices %v, want a warning with %q", found, want)
	}
}

func TestAttendIsWokenByATrial(t *testing.T) {
	t.Parallel()
	root := inMemory(t)
	if err := Update(root, put(firstText, 0)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan Verdict, 99), make(chan error, 1)
	go func() {
		ended <- Attend(ctx, root, func(_ Trial, v Verdict, err error) {
			told <- v
			if err != nil {
				t.Error(err)
			}
		})
	}()
	verdict := NoTrial
	for i := 0; verdict != OnTrial; i++ { // the watch may not have begun
		if err := Update(root, put(fmt.Sprintf("a: %d\n", i), 2*time.Second)); err != nil {
			t.Fatal(err)
		}
		select {
		case verdict = <-told:
		case <-time.After(200 * time.Millisecond):
		}
	}
	for verdict != Reverted {
		verdict = <-told
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if text, err := Current(root); err != nil || string(text) != firstText {
		t.Errorf("the file has %q, %v", text, err)
	}
}

func TestSettleMakesNothingWhereNothingIs(t *testing.T) {
	root := t.TempDir()
	if _, v, err := Settle(root, Now()); v != NoTrial || err != nil {
		t.Errorf("%s, %v", v, err)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("made %v, %v", left, err)
	}
}
